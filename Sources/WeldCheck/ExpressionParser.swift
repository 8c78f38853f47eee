internal import WeldLink

/// Reads the language that ``Check`` describes.
struct ExpressionParser {
  /// How many parentheses and loads may be inside of each other.
  static let depthLimit = 200

  private let text: [UInt8]
  private let end: Int
  private var position: Int
  private var depth = 0

  /// Both sides of `check`.
  static func sides(of check: Check) throws(CheckError) -> (left: Expression, right: Expression) {
    let text = Array(check.text.utf8)
    guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else {
      throw .expression(.withoutEquals, column: 1)
    }
    var left = ExpressionParser(text, 0..<equals)
    var right = ExpressionParser(text, equals + 1..<text.count)
    return (try left.whole(), try right.whole())
  }

  private init(_ text: [UInt8], _ range: Range<Int>) {
    self.text = text
    position = range.lowerBound
    end = range.upperBound
  }

  private mutating func whole() throws(CheckError) -> Expression {
    let expression = try expression()
    guard position == end else { throw unexpected("an operator") }
    return expression
  }

  private mutating func expression() throws(CheckError) -> Expression {
    var expression = Expression(terms: [try term()], operators: [])
    while let next = Expression.Operator.allCases.first(where: { take($0.rawValue) }) {
      expression.operators.append(next)
      expression.terms.append(try term())
    }
    return expression
  }

  private mutating func term() throws(CheckError) -> Expression.Term {
    skipBlanks()
    let column = position + 1
    let kind = try kind()
    return Expression.Term(column: column, kind: kind, slice: try slice())
  }

  private mutating func kind() throws(CheckError) -> Expression.Kind {
    let start = position
    if take("(") {
      let inner = try nested()
      try expect(")")
      return .group(inner)
    }
    if take("*") {
      try expect("{")
      let size = try number("the size of the load")
      try expect("}")
      guard [1, 2, 4, 8].contains(size) else {
        throw .expression(.loadSize(size), column: start + 1)
      }
      return .load(byteCount: Int(size), at: try nested())
    }
    if position < end, isDigit(text[position]) { return .number(try number("a number")) }
    let name = try name("a symbol, a number, '(', '*{size}' or a function")
    guard take("(") else { return .name(.symbol(name)) }
    let call = try call(of: name, at: start + 1)
    try expect(")")
    return call
  }

  private mutating func nested() throws(CheckError) -> Expression {
    guard depth < Self.depthLimit else {
      throw .expression(.tooDeep(limit: Self.depthLimit), column: position)
    }
    depth += 1
    defer { depth -= 1 }
    return try expression()
  }

  private mutating func slice() throws(CheckError) -> Expression.Slice? {
    skipBlanks()
    let column = position + 1
    guard take("[") else { return nil }
    let high = try number("the highest bit")
    try expect(":")
    let low = try number("the lowest bit")
    try expect("]")
    guard high < 64, low <= high else { throw .expression(.slice(high: high, low: low), column: column) }
    return Expression.Slice(high: high, low: low)
  }
}

// MARK: Functions

extension ExpressionParser {
  private static let functions = ["decode_operand", "next_pc", "stub_addr", "got_addr", "section_addr"]

  /// The arguments of the function `name`, up to the parenthesis that ends them.
  private mutating func call(of name: String, at column: Int) throws(CheckError) -> Expression.Kind {
    switch name {
    case "decode_operand":
      let place = try codePlace()
      try expect(",")
      let index = try number("the operand's number")
      return .operand(Int(clamping: index), of: place)
    case "next_pc":
      return .nextInstruction(try codePlace())
    case "stub_addr":
      let (container, symbol, kind) = try user()
      return .name(.stub(container: container, symbol: symbol, kind: kind))
    case "got_addr":
      let (container, symbol, kind) = try user()
      return .name(.slot(container: container, symbol: symbol, kind: kind))
    case "section_addr":
      let file = try words("the file's name", upTo: ",")
      try expect(",")
      return .name(.section(file: file, name: try words("the section's name", upTo: ")")))
    default:
      let suggestions = Spelling.nearest(to: name, among: Self.functions)
      throw .expression(.unknownFunction(name, suggestions: suggestions), column: column)
    }
  }

  /// `symbol [+ number]`.
  private mutating func codePlace() throws(CheckError) -> Expression.CodePlace {
    skipBlanks()
    let column = position + 1
    let symbol = try name("a symbol")
    let offset = take("+") ? try number("the distance from the symbol in bytes") : 0
    return Expression.CodePlace(symbol: symbol, offset: offset, column: column)
  }

  /// `FILE[/SECTION], symbol [, kind]`.
  private mutating func user() throws(CheckError) -> (container: String, symbol: String, kind: String?) {
    let container = try words("the file's name", upTo: ",")
    try expect(",")
    let symbol = try name("a symbol")
    return (container, symbol, take(",") ? try words("the kind", upTo: ")") : nil)
  }
}

// MARK: Words

extension ExpressionParser {
  /// A name of symbol characters.
  private mutating func name(_ expected: String) throws(CheckError) -> String {
    skipBlanks()
    let characters = text[position..<end].prefix(while: isSymbolCharacter)
    guard let first = characters.first, !isDigit(first) else { throw unexpected(expected) }
    position = characters.endIndex
    return String(decoding: characters, as: UTF8.self)
  }

  /// A number; one with a leading 0 is octal.
  private mutating func number(_ expected: String) throws(CheckError) -> UInt64 {
    skipBlanks()
    let start = position
    let isHexadecimal = text[position..<end].starts(with: "0x".utf8)
    if isHexadecimal { position += 2 }
    let digits = text[position..<end].prefix { isDigit($0) || isHexadecimal && isHexadecimalLetter($0) }
    position = digits.endIndex
    let written = text[start..<position]
    guard !written.isEmpty else { throw unexpected(expected) }
    let radix = isHexadecimal ? 16 : digits.first == UInt8(ascii: "0") && digits.count > 1 ? 8 : 10
    guard let value = UInt64(String(decoding: digits, as: UTF8.self), radix: radix) else {
      throw .expression(.badNumber(String(decoding: written.prefix(40), as: UTF8.self)), column: start + 1)
    }
    return value
  }

  /// All up to `terminator`, which stays, without blanks around it.
  private mutating func words(_ expected: String, upTo terminator: Character) throws(CheckError) -> String {
    skipBlanks()
    var characters = text[position..<end].prefix { $0 != terminator.asciiValue }
    let next = characters.endIndex
    while let last = characters.last, isBlank(last) { characters.removeLast() }
    guard !characters.isEmpty else { throw unexpected(expected) }
    position = next
    return String(decoding: characters, as: UTF8.self)
  }

  /// Whether `word` comes next; if so, it is taken.
  private mutating func take(_ word: String) -> Bool {
    skipBlanks()
    guard text[position..<end].starts(with: word.utf8) else { return false }
    position += word.utf8.count
    return true
  }

  private mutating func expect(_ word: String) throws(CheckError) {
    guard take(word) else { throw unexpected("'\(word)'") }
  }

  private mutating func skipBlanks() {
    while position < end, isBlank(text[position]) { position += 1 }
  }

  /// The error that something else than `expected` comes next.
  private func unexpected(_ expected: String) -> CheckError {
    // Past the end of this side there may be the equals sign.
    let rest = text[position...]
    let word = rest.prefix(while: isSymbolCharacter).prefix(40)
    // The whole of a character, even one that takes several bytes.
    let character = rest.prefix(1) + rest.dropFirst().prefix { $0 & 0xc0 == 0x80 }
    let found = rest.isEmpty ? nil : String(decoding: word.isEmpty ? character : word, as: UTF8.self)
    return .expression(.syntax(expected: expected, found: found), column: position + 1)
  }
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

private func isHexadecimalLetter(_ byte: UInt8) -> Bool {
  (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
}

private func isSymbolCharacter(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: ":"), UInt8(ascii: "_"), UInt8(ascii: "."),
    UInt8(ascii: "$"):
    true
  default: false
  }
}
