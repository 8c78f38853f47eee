import Testing
import WeldCheck
import WeldLink

@Suite("Expressions: what they mean and what is wrong with them")
struct ExpressionTests {
  /// A symbol `f` at 0x1000, whose section holds the bytes 0x10, 0x11, ... 0x2f.
  static let map: LinkMap = {
    var map = LinkMap(machine: .x86_64, byteOrder: .little)
    let text = map.add(".text", of: "a.o", at: 0x1000, Array(0x10..<0x30))
    map.add(symbol: "f", in: text)
    map.add(symbol: ".hidden", in: text, offset: 8)
    map.add(symbol: "a.b:c$d_9", in: text, offset: 16)
    map.add(symbol: "next_pc", in: text, offset: 24)
    return map
  }()

  @Test(
    arguments: [
      ("2+3<<1", 10), ("1+2&2", 2), ("2&1+1", 1), ("1|2-3", 0), ("100-10-1", 89), ("2-(3-2)", 1),
      ("1<<4>>2", 4),
    ] as [(String, UInt64)])
  func `operators have no precedence`(expression: String, value: UInt64) throws {
    #expect(try Self.map.value(of: expression) == value)
  }

  @Test(
    arguments: [
      ("8", 8), ("010", 8), ("0", 0), ("00", 0), ("0x10", 16), ("0xfF", 255),
      ("18446744073709551615", .max), ("0xffffffffffffffff", .max), ("01777777777777777777777", .max),
    ] as [(String, UInt64)])
  func `numbers are decimal, hexadecimal or octal`(expression: String, value: UInt64) throws {
    #expect(try Self.map.value(of: expression) == value)
  }

  @Test(
    arguments: [
      ("0-1", .max), ("0xffffffffffffffff+2", 1), ("1<<63", 1 << 63), ("1<<64", 0), ("1<<65", 0),
      ("0xffffffffffffffff>>63", 1), ("0xffffffffffffffff>>64", 0), ("1>>0xffffffffffffffff", 0),
    ] as [(String, UInt64)])
  func `arithmetic wraps at 64 bits`(expression: String, value: UInt64) throws {
    #expect(try Self.map.value(of: expression) == value)
  }

  @Test(
    arguments: [
      ("0x123456789abcdef0[63:0]", 0x1234_5678_9abc_def0), ("0x123456789abcdef0[63:60]", 1),
      ("0x123456789abcdef0[7:4]", 0xf), ("0x123456789abcdef0[0:0]", 0), ("(0x0f+0xf1)[8:8]", 1),
      ("0x12[7:4]+0x34[7:4]", 4), ("(0-1)[63:63]", 1), ("(0-1)[62:0]", .max >> 1),
    ] as [(String, UInt64)])
  func `slices are bits from high to low`(expression: String, value: UInt64) throws {
    #expect(try Self.map.value(of: expression) == value)
  }

  @Test(
    arguments: [
      ("f", 0x1000), (".hidden", 0x1008), ("a.b:c$d_9", 0x1010), ("f+1", 0x1001), ("next_pc", 0x1018),
    ] as [(String, UInt64)])
  func `names are made of symbol characters`(expression: String, value: UInt64) throws {
    #expect(try Self.map.value(of: expression) == value)
  }

  @Test(
    arguments: [
      ("*{1}f+1", 0x11), ("(*{1}f)+1", 0x11), ("*{1}f+2", 0x12), ("(*{1}f)+2", 0x12), ("*{1}f+1+1", 0x12),
      ("(*{1}f)<<1", 0x20), ("*{1}f<<0", 0x10), ("*{2}f", 0x1110), ("(*{2}f)[15:8]", 0x11),
      ("*{4}f+4", 0x1716_1514), ("*{8}f", 0x1716_1514_1312_1110), ("1+*{1}f+1", 0x12), ("1+(*{1}f)+2", 0x13),
      ("*{1}(f+1)+2", 0x13), ("*{1}(f)", 0x10), ("*{1}f+*{1}f", 0x20),
    ] as [(String, UInt64)])
  func `a load takes the rest of the expression as its address`(expression: String, value: UInt64) throws {
    #expect(try Self.map.value(of: expression) == value)
  }

  @Test func `a slice behind an address slices the address`() throws {
    #expect(try Self.map.value(of: "*{1}f[15:0]+1") == 0x11)
    #expect(throws: CheckError.expression(.outsideSections(.zero, byteCount: 1), column: 1)) {
      try Self.map.value(of: "*{1}f[11:0]")
    }
  }

  @Test(
    arguments: [
      ("2 + 3", 5), ("5 - 7 + 2", 0), (" ( 2 + 3 ) [ 1 : 0 ] ", 1), ("* { 2 } f", 0x1110),
      ("*{ 1 }\tf + 1", 0x11), ("1 << 2", 4), ("section_addr( a.o , .text )", 0x1000),
    ] as [(String, UInt64)])
  func `blanks may stand everywhere`(expression: String, value: UInt64) throws {
    #expect(try Self.map.value(of: expression) == value)
  }

  @Test func `the first equals sign separates the sides`() {
    let results = Checker(Self.map).results(of: [
      Check("f = 0x1000", file: "x.s", line: 3), Check("f=4097", file: "x.s", line: 4),
      Check("f = f = f", file: "x.s", line: 5), Check("f", file: "x.s", line: 6),
    ])
    #expect(
      results.map(\.outcome) == [
        .holds(0x1000), .isFalse(left: 0x1000, right: 0x1001),
        .hasNoValue(.expression(.syntax(expected: "an operator", found: "="), column: 7)),
        .hasNoValue(.expression(.withoutEquals, column: 1)),
      ])
    #expect(
      results.map(\.description) == [
        "x.s:3: true: f = 0x1000: 0x1000", "x.s:4: false: f=4097: 0x1000 != 0x1001",
        "x.s:5: cannot be evaluated: f = f = f: column 7: expected an operator, found '='",
        "x.s:6: cannot be evaluated: f: column 1: no '='; expected `expression = expression`",
      ])
  }
}

@Suite("Expressions that are none")
struct MalformedExpressionTests {
  struct Row: Sendable {
    var text: String
    var problem: ExpressionProblem
    var column: Int

    init(_ text: String, _ problem: ExpressionProblem, _ column: Int) {
      self.text = text
      self.problem = problem
      self.column = column
    }

    init(_ text: String, expected: String, found: String?, _ column: Int) {
      self.init(text, .syntax(expected: expected, found: found), column)
    }
  }

  static let term = "a symbol, a number, '(', '*{size}' or a function"
  static let rows = [
    Row("", .withoutEquals, 1),
    Row(" = 1", expected: term, found: "=", 2),
    Row("1 =", expected: term, found: nil, 4),
    Row("1 + = 1", expected: term, found: "=", 5),
    Row("-1 = 1", expected: term, found: "-", 1),
    Row("~1 = 1", expected: term, found: "~", 1),
    Row("1 * 2 = 1", expected: "an operator", found: "*", 3),
    Row("1 2 = 1", expected: "an operator", found: "2", 3),
    Row("1 < 2 = 1", expected: "an operator", found: "<", 3),
    Row("1 != 2", expected: "an operator", found: "!", 3),
    Row("12ab = 1", expected: "an operator", found: "ab", 3),
    Row("0X10 = 1", expected: "an operator", found: "X10", 2),
    Row("(1 = 1", expected: "')'", found: "=", 4),
    Row("1) = 1", expected: "an operator", found: ")", 2),
    Row("() = 1", expected: term, found: ")", 2),
    Row("*4 = 1", expected: "'{'", found: "4", 2),
    Row("*{f}f = 1", expected: "the size of the load", found: "f", 3),
    Row("*{4 f = 1", expected: "'}'", found: "f", 5),
    Row("*{4} = 1", expected: term, found: "=", 6),
    Row("1[2] = 1", expected: "':'", found: "]", 4),
    Row("1[2:1 = 1", expected: "']'", found: "=", 7),
    Row("1[f] = 1", expected: "the highest bit", found: "f", 3),
    Row("1[3:0][1:0] = 1", expected: "an operator", found: "[", 7),
    Row("ä = 1", expected: term, found: "ä", 1),
    Row("next_pc() = 1", expected: "a symbol", found: ")", 9),
    Row("next_pc(1) = 1", expected: "a symbol", found: "1", 9),
    Row("next_pc(f - 1) = 1", expected: "')'", found: "-", 11),
    Row("next_pc(f + g) = 1", expected: "the distance from the symbol in bytes", found: "g", 13),
    Row("next_pc(f, 1) = 1", expected: "')'", found: ",", 10),
    Row("decode_operand(f) = 1", expected: "','", found: ")", 17),
    Row("decode_operand(f, x) = 1", expected: "the operand's number", found: "x", 19),
    Row("decode_operand f = 1", expected: "an operator", found: "f", 16),
    Row("section_addr() = 1", expected: "','", found: "=", 16),
    Row("section_addr(, x) = 1", expected: "the file's name", found: ",", 14),
    Row("section_addr(a.o, ) = 1", expected: "the section's name", found: ")", 19),
    Row("got_addr(a.o, ) = 1", expected: "a symbol", found: ")", 15),
    Row("stub_addr(a.o, f,) = 1", expected: "the kind", found: ")", 18),
    Row("08 = 1", .badNumber("08"), 1),
    Row("0x = 1", .badNumber("0x"), 1),
    Row("f + 18446744073709551616 = 1", .badNumber("18446744073709551616"), 5),
    Row("0x10000000000000000 = 1", .badNumber("0x10000000000000000"), 1),
    Row("02000000000000000000000 = 1", .badNumber("02000000000000000000000"), 1),
    Row("1[18446744073709551616:0] = 1", .badNumber("18446744073709551616"), 3),
    Row("1 + *{3}f = 1", .loadSize(3), 5),
    Row("*{0}f = 1", .loadSize(0), 1),
    Row("*{16}f = 1", .loadSize(16), 1),
    Row("1[64:0] = 1", .slice(high: 64, low: 0), 2),
    Row("1[1:2] = 1", .slice(high: 1, low: 2), 2),
    Row("decode_operands(f, 1) = 1", .unknownFunction("decode_operands", suggestions: ["decode_operand"]), 1),
    Row("1 + foo(f) = 1", .unknownFunction("foo", suggestions: []), 5),
  ]

  @Test(arguments: rows)
  func `each has its error and place`(row: Row) {
    let results = Checker(ExpressionTests.map).results(of: [Check(row.text, file: "x.s", line: 1)])
    #expect(results.map(\.outcome) == [.hasNoValue(.expression(row.problem, column: row.column))])
  }

  @Test(arguments: ["(", "*{4}", "1+(", "*{1}(", "(*{8}"])
  func `a million parentheses or loads are an error`(opening: String) {
    let limit = 200
    let text = String(repeating: opening, count: 1_000_000)
    let outcome = Checker(ExpressionTests.map).results(of: [Check("\(text)f = 1", file: "x.s", line: 1)])[0]
      .outcome
    guard case .hasNoValue(.expression(.tooDeep(limit), _)) = outcome else {
      Issue.record("expected an error about the depth, found another outcome")
      return
    }
  }

  @Test func `parentheses up to the limit are evaluated`() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "(", count: depth) + "7" + String(repeating: ")", count: depth)
    }
    #expect(try ExpressionTests.map.value(of: nested(200)) == 7)
    #expect(throws: CheckError.expression(.tooDeep(limit: 200), column: 201)) {
      try ExpressionTests.map.value(of: nested(201))
    }
  }

  @Test func `any number of operators is evaluated`() throws {
    let text = "0" + String(repeating: "+1", count: 300_000)
    #expect(try ExpressionTests.map.value(of: text) == 300_000)
  }

  @Test func `no beginning of an expression, and no damaged one, is worse than an error`() {
    let whole = "(*{4}section_addr(a.o, .text) + 0x4)[15:0] = decode_operand(f + 4, 1) - got_addr(a.o, f)"
    let text = Array(whole.utf8)
    var checks = text.indices.map { position in
      Check(String(decoding: text[..<position], as: UTF8.self), file: "x.s", line: 1)
    }
    for position in text.indices {
      for byte in 0..<UInt8.max {
        var damaged = text
        damaged[position] = byte
        checks.append(Check(String(decoding: damaged, as: UTF8.self), file: "x.s", line: 1))
      }
    }
    // Without a decoder, so that thousands of questions take no time.
    let decoder = Disassembler(command: ["/nonexistent/llvm-mc"])
    let results = Checker(ExpressionTests.map, disassembler: decoder).results(of: checks)
    #expect(results.map(\.check) == checks)
    #expect(results.allSatisfy { !$0.holds })
  }
}
