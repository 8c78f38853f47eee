/// A small language: functions of numbers.
///
///     def fib(n) if n < 2 then n else fib(n - 1) + fib(n - 2)
///     extern cos(x)
///     fib(20) + cos(0)
enum Kaleidoscope {
  indirect enum Expression: Equatable, Sendable {
    case number(Double)
    case variable(String)
    case call(String, [Expression])
    case binary(Character, Expression, Expression)
    case conditional(Expression, then: Expression, else: Expression)
  }

  /// A function; without a body one that is somewhere else.
  struct Function: Equatable, Sendable {
    var name: String
    var parameters: [String]
    var body: Expression?
  }

  enum Item: Equatable, Sendable {
    case function(Function)
    case expression(Expression)
  }

  struct SyntaxError: Error, Equatable, CustomStringConvertible {
    var description: String
  }

  /// Reads items from their text.
  struct Parser {
    private var tokens: [Substring] = []
    private var position = 0

    init(_ text: String) {
      var rest = Substring(text)
      while let first = rest.first {
        if first.isWhitespace {
          rest.removeFirst()
        } else if first.isLetter || first.isNumber {
          let token = rest.prefix { $0.isLetter || $0.isNumber || $0 == "." || $0 == "_" }
          tokens.append(token)
          rest = rest[token.endIndex...]
        } else {
          tokens.append(rest.prefix(1))
          rest.removeFirst()
        }
      }
    }

    private var next: Substring? { position < tokens.count ? tokens[position] : nil }

    private mutating func take() throws -> Substring {
      guard let token = next else { throw SyntaxError(description: "the text ends too early") }
      position += 1
      return token
    }

    private mutating func expect(_ text: Substring) throws {
      let token = try take()
      guard token == text else { throw SyntaxError(description: "'\(token)' where '\(text)' is expected") }
    }

    mutating func items() throws -> [Item] {
      var items: [Item] = []
      while let token = next {
        switch token {
        case ";": position += 1
        case "def", "extern":
          position += 1
          var function = try prototype()
          if token == "def" { function.body = try expression() }
          items.append(.function(function))
        default: items.append(.expression(try expression()))
        }
      }
      return items
    }

    private mutating func prototype() throws -> Function {
      let name = String(try take())
      try expect("(")
      var parameters: [String] = []
      while next != ")" {
        parameters.append(String(try take()))
        if next == "," { position += 1 }
      }
      position += 1
      return Function(name: name, parameters: parameters, body: nil)
    }

    private static let precedence: [Substring: Int] = ["<": 1, "+": 2, "-": 2, "*": 3, "/": 3]

    private mutating func expression(above level: Int = 0) throws -> Expression {
      var left = try primary()
      while let token = next, let own = Self.precedence[token], own > level, let operation = token.first {
        position += 1
        left = .binary(operation, left, try expression(above: own))
      }
      return left
    }

    private mutating func primary() throws -> Expression {
      let token = try take()
      if let number = Double(token) { return .number(number) }
      switch token {
      case "(":
        let inner = try expression()
        try expect(")")
        return inner
      case "if":
        let condition = try expression()
        try expect("then")
        let first = try expression()
        try expect("else")
        return .conditional(condition, then: first, else: try expression())
      default: break
      }
      guard token.first?.isLetter == true else {
        throw SyntaxError(description: "'\(token)' where a value is expected")
      }
      guard next == "(" else { return .variable(String(token)) }
      position += 1
      var arguments: [Expression] = []
      while next != ")" {
        arguments.append(try expression())
        if next == "," { position += 1 }
      }
      position += 1
      return .call(String(token), arguments)
    }
  }
}

extension Kaleidoscope {
  /// Writes a function as LLVM IR.
  struct Generator {
    private var lines: [String] = []
    private var counter = 0
    private var called: [String: Int] = [:]
    private let parameters: [String]

    /// The module of `function`, which is called `symbol` there.
    static func module(of function: Function, called symbol: String) throws -> String {
      guard let body = function.body else { return "" }
      var generator = Generator(parameters: function.parameters)
      let result = try generator.emit(body)
      let parameters = function.parameters.map { "double %\($0)" }.joined(separator: ", ")
      let declarations = generator.called.filter { $0.key != symbol }.sorted { $0.key < $1.key }.map {
        "declare double @\($0.key)(\(Array(repeating: "double", count: $0.value).joined(separator: ", ")))\n"
      }
      return declarations.joined() + "define double @\(symbol)(\(parameters)) {\nentry:\n"
        + generator.lines.joined(separator: "\n") + "\n  ret double \(result)\n}\n"
    }

    private init(parameters: [String]) { self.parameters = parameters }

    private mutating func fresh() -> String {
      counter += 1
      return "%t\(counter)"
    }

    private mutating func emit(_ expression: Expression) throws -> String {
      switch expression {
      case .number(let value): return "\(value)"
      case .variable(let name):
        guard parameters.contains(name) else { throw SyntaxError(description: "nothing is called '\(name)'") }
        return "%\(name)"
      case .call(let name, let arguments):
        var values: [String] = []
        for argument in arguments { values.append("double \(try emit(argument))") }
        called[name] = arguments.count
        let result = fresh()
        lines.append("  \(result) = call double @\(name)(\(values.joined(separator: ", ")))")
        return result
      case .binary(let operation, let left, let right): return try emit(operation, left, right)
      case .conditional(let condition, let first, let second): return try emit(condition, first, second)
      }
    }

    private mutating func emit(
      _ operation: Character, _ left: Expression, _ right: Expression
    ) throws -> String {
      let (left, right, result) = (try emit(left), try emit(right), fresh())
      let names: [Character: String] = ["+": "fadd", "-": "fsub", "*": "fmul", "/": "fdiv"]
      if let name = names[operation] {
        lines.append("  \(result) = \(name) double \(left), \(right)")
        return result
      }
      let number = fresh()
      lines.append("  \(result) = fcmp ult double \(left), \(right)")
      lines.append("  \(number) = uitofp i1 \(result) to double")
      return number
    }

    private mutating func emit(
      _ condition: Expression, _ first: Expression, _ second: Expression
    ) throws -> String {
      let (value, flag, slot) = (try emit(condition), fresh(), fresh())
      counter += 1
      let label = counter
      lines.insert("  \(slot) = alloca double", at: 0)
      lines.append("  \(flag) = fcmp one double \(value), 0.0")
      lines.append("  br i1 \(flag), label %then\(label), label %else\(label)\nthen\(label):")
      lines.append("  store double \(try emit(first)), ptr \(slot)")
      lines.append("  br label %end\(label)\nelse\(label):")
      lines.append("  store double \(try emit(second)), ptr \(slot)")
      lines.append("  br label %end\(label)\nend\(label):")
      let result = fresh()
      lines.append("  \(result) = load double, ptr \(slot)")
      return result
    }
  }
}
