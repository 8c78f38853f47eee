import Testing
import WeldBytes
import WeldCheck
import WeldELF
import WeldLink
import WeldMemory

@Suite("Bytes: what a load reads")
struct LoadTests {
  static func map(_ order: ByteOrder) -> LinkMap {
    var map = LinkMap(machine: order == .big ? .s390 : .x86_64, byteOrder: order)
    let text = map.add(".text", of: "a.o", at: 0x1000, Array(1...16), protection: [.read, .execute])
    let zeros = map.add(".bss", of: "a.o", at: 0x3000, byteCount: 32, protection: [.read, .write])
    let debug = map.add(".debug_info", of: "a.o", at: 0, Array(0x41...0x48), protection: [])
    // Pinned over the first section of the other file.
    let other = map.add(".text", of: "b.o", at: 0x1008, Array(0x81...0x90), protection: [.read, .execute])
    let otherDebug = map.add(".debug_info", of: "b.o", at: 0, Array(0x51...0x58), protection: [])
    map.add(symbol: "text", in: text)
    map.add(symbol: "text_end", in: text, offset: 16)
    map.add(symbol: "zeros", in: zeros)
    map.add(symbol: "other", in: other)
    map.add(symbol: "in_debug", in: debug, offset: 4)
    map.add(symbol: "in_other_debug", in: otherDebug, offset: 4)
    map.add(symbol: "absolute", at: 0x1004)
    map.add(symbol: "outside", at: 0x9000)
    // As an indirect function: in a section, but reached at the address of a stub.
    map.symbols.append(
      LinkMap.Symbol(
        name: "stubbed", file: "a.o", section: text, address: Address(rawValue: 0x1012), byteCount: 0,
        binding: .global, type: .indirectFunction))
    return map
  }

  @Test(
    arguments: [
      ("*{1}text", 0x01, 0x01), ("*{2}text", 0x0201, 0x0102), ("*{4}text", 0x0403_0201, 0x0102_0304),
      ("*{8}text", 0x0807_0605_0403_0201, 0x0102_0304_0506_0708),
      ("*{2}text + 14", 0x100f, 0x0f10), ("(*{4}text)[15:0]", 0x0201, 0x0304),
    ] as [(String, UInt64, UInt64)])
  func `has the byte order of the target`(expression: String, little: UInt64, big: UInt64) throws {
    #expect(try Self.map(.little).value(of: expression) == little)
    #expect(try Self.map(.big).value(of: expression) == big)
  }

  @Test(
    arguments: [
      ("zeros", 0x3000), ("*{8}zeros", 0), ("*{8}zeros + 24", 0), ("*{1}0x301f", 0),
    ] as [(String, UInt64)])
  func `zero-fill memory is 0`(expression: String, value: UInt64) throws {
    #expect(try Self.map(.little).value(of: expression) == value)
  }

  @Test(
    arguments: [
      // Outside of a load the section's address is 0.
      ("section_addr(a.o, .debug_info)", 0), ("in_debug", 4),
      ("*{1}section_addr(a.o, .debug_info)", 0x41), ("*{1}section_addr(a.o, .debug_info) + 7", 0x48),
      ("*{1}(section_addr(b.o, .debug_info) + 2)", 0x53), ("*{1}3 + section_addr(b.o, .debug_info)", 0x54),
      ("*{1}in_debug", 0x45), ("*{1}in_other_debug - 4", 0x51), ("*{1}in_debug & 0xfffffffe | 1", 0x46),
    ] as [(String, UInt64)])
  func `sections that are not loaded are reached by their names`(expression: String, value: UInt64) throws {
    #expect(try Self.map(.big).value(of: expression) == value)
  }

  @Test(
    arguments: [
      ("*{1}text + 8", 9), ("*{1}other", 0x81), ("*{1}section_addr(a.o, .text) + 15", 16),
      ("*{1}section_addr(b.o, .text)", 0x81),
      // An address alone means the first section that has the bytes.
      ("*{1}0x1008", 9), ("*{8}0x1008", 0x090a_0b0c_0d0e_0f10), ("*{8}0x1009", 0x8283_8485_8687_8889),
    ] as [(String, UInt64)])
  func `sections at overlapping addresses are told apart by their names`(
    expression: String, value: UInt64
  ) throws {
    #expect(try Self.map(.big).value(of: expression) == value)
  }

  @Test(
    arguments: [
      ("*{1}absolute", 5), ("*{1}0x1004", 5), ("*{1}(text - text + 0x1004)", 5), ("*{1}0x1000 + 4", 5),
      ("*{1}text + (in_debug - section_addr(a.o, .debug_info))", 5), ("*{1}stubbed", 0x8b),
      // What was loaded is an address, too: at text + 2 there is 3, at 0x1000 + 3 there is 4.
      ("*{1}0x1000 + *{1}text + 2", 4),
    ] as [(String, UInt64)])
  func `numbers are addresses in loaded sections`(expression: String, value: UInt64) throws {
    #expect(try Self.map(.big).value(of: expression) == value)
  }

  @Test(
    arguments: [
      ("*{1}text_end", 16, 1), ("*{2}text + 15", 15, 2), ("*{8}text_end - 7", 9, 8), ("*{4}text - 1", -1, 4),
      ("*{1}text + 0x8000000000000000", .min, 1),
    ] as [(String, Int64, Int)])
  func `past the end of a section is an error`(expression: String, offset: Int64, byteCount: Int) {
    let problem = ExpressionProblem.outsideSection(
      ".text", file: "a.o", offset: offset, byteCount: byteCount, sectionByteCount: 16)
    #expect(throws: CheckError.expression(problem, column: 1)) {
      try Self.map(.little).value(of: expression)
    }
  }

  @Test func `a number at the end of a section tells which one`() {
    let problem = ExpressionProblem.outsideSection(
      ".bss", file: "a.o", offset: 0x1e, byteCount: 4, sectionByteCount: 32)
    #expect(throws: CheckError.expression(problem, column: 5)) {
      try Self.map(.little).value(of: "1 + *{4}0x301e")
    }
    #expect(
      problem.description
        == "4 bytes at offset 30 do not lie in section '.bss' of a.o, which has 32 bytes")
  }

  @Test(
    arguments: [
      ("*{8}outside", 0x9000), ("*{8}0", 0), ("*{8}4", 4), ("*{8}0xffffffffffffffff", .max),
    ] as [(String, UInt64)])
  func `outside of all loaded sections is an error`(expression: String, address: UInt64) {
    let problem = ExpressionProblem.outsideSections(Address(rawValue: address), byteCount: 8)
    #expect(throws: CheckError.expression(problem, column: 1)) {
      try Self.map(.little).value(of: expression)
    }
  }
}

@Suite("Names: what they stand for")
struct NameTests {
  static let map: LinkMap = {
    var map = LinkMap(machine: .x86_64, byteOrder: .little)
    let a = map.add(".text", of: "dir/a.o", at: 0x1000, Array(1...16), protection: [.read, .execute])
    let b = map.add(".text", of: "b.o", at: 0x2000, Array(1...16), protection: [.read, .execute])
    map.add(".text", of: "lib/libx.a(sub/m.o)", at: 0x3000, Array(1...16), protection: [.read, .execute])
    map.add(".twice", of: "b.o", at: 0x4000, [1])
    map.add(".twice", of: "b.o", at: 0x4010, [2])
    map.add(".once", of: "b.o", at: 0x4020, [3])
    map.add(".once", of: "b.o", at: 0, [4], protection: [])
    map.add(".got", of: "b.o", at: 0x4030, [5])
    map.add(".got", of: "", at: 0x5000, Array(0..<32))
    map.add(".plt", of: "", at: 0x6000, Array(0x60..<0x90), protection: [.read, .execute])
    map.add("<common symbols>", of: "", at: 0x7000, byteCount: 16)
    map.add(symbol: "a.c", in: a, type: .file)
    map.add(symbol: "here", in: a, offset: 1, binding: .local)
    map.add(symbol: "here", in: b, offset: 2, binding: .global)
    map.add(symbol: "weak", in: a, offset: 3, binding: .weak)
    map.add(symbol: "weak", in: b, offset: 4, binding: .global)
    map.add(symbol: "weak", in: b, offset: 5, binding: .local)
    map.add(symbol: "local", in: a, offset: 6, binding: .local)
    map.add(symbol: "local", in: b, offset: 7, binding: .local)
    map.add(symbol: "same", at: 0x77, file: "dir/a.o", binding: .local)
    map.add(symbol: "same", at: 0x77, file: "b.o", binding: .local)
    map.add(symbol: ".text", in: a, binding: .local, type: .section)
    map.add(symbol: ".text", in: b, offset: 8, binding: .local)
    map.gotBase = Address(rawValue: 0x5000)
    map.add(slot: "x", of: "dir/a.o", at: 0x5000)
    map.add(slot: "x", of: "dir/a.o", at: 0x5008, addend: 16)
    map.add(slot: "x", of: "dir/a.o", at: 0x5010, kind: .moduleAndOffset)
    map.add(slot: "x", of: "b.o", at: 0x5000)
    map.add(slot: "tls", of: "b.o", at: 0x5010, kind: .threadPointerOffset)
    map.add(slot: "both", of: "b.o", at: 0x5008, kind: .module)
    map.add(slot: "both", of: "b.o", at: 0x5018, kind: .descriptor)
    map.add(stub: "puts", of: "dir/a.o", ".text", at: 0x6000)
    map.add(stub: "puts", of: "b.o", ".text", at: 0x6010)
    map.add(stub: "puts", of: "b.o", ".once", at: 0x6020)
    map.add(stub: "exit", of: "b.o", ".text", at: 0x6010, kind: "call")
    map.add(stub: "exit", of: "b.o", ".text", at: 0x6020, kind: "call-notoc")
    map.add(stub: "exit", of: "b.o", ".text", at: 0x6000, kind: "resolver")
    return map
  }()

  @Test(
    arguments: [
      ("here", 0x2002), ("weak", 0x2004), ("same", 0x77), (".text", 0x2008),
      ("_GLOBAL_OFFSET_TABLE_", 0x5000), ("*{4}_GLOBAL_OFFSET_TABLE_", 0x0302_0100),
    ] as [(String, UInt64)])
  func `a global symbol wins over a weak one, that over a local one`(
    expression: String, value: UInt64
  ) throws {
    #expect(try Self.map.value(of: expression) == value)
  }

  @Test(
    arguments: [
      ("section_addr(a.o, .text)", 0x1000), ("section_addr(dir/a.o, .text)", 0x1000),
      ("section_addr(b.o, .text)", 0x2000), ("section_addr(m.o, .text)", 0x3000),
      ("section_addr(sub/m.o, .text)", 0x3000), ("section_addr(libx.a(sub/m.o), .text)", 0x3000),
      ("section_addr(lib/libx.a(sub/m.o), .text)", 0x3000), ("section_addr(b.o, .once)", 0x4020),
      ("section_addr(a.o, .got)", 0x5000), ("section_addr(b.o, .got)", 0x4030),
      ("section_addr(unknown.o, .plt)", 0x6000), ("section_addr(a.o, <common symbols>)", 0x7000),
      ("*{1}section_addr(a.o, .plt) + 2", 0x62),
    ] as [(String, UInt64)])
  func `a file goes by its base name, and sections of the linker belong to all`(
    expression: String, value: UInt64
  ) throws {
    #expect(try Self.map.value(of: expression) == value)
  }

  @Test(
    arguments: [
      ("got_addr(a.o, x)", 0x5000), ("got_addr(b.o, x)", 0x5000), ("got_addr(a.o/.text, x)", 0x5000),
      ("got_addr(a.o, x, tls)", 0x5010), ("got_addr(b.o, tls)", 0x5010), ("*{1}got_addr(b.o, tls) + 1", 0x11),
      ("got_addr(b.o, both, tls-desc)", 0x5018), ("got_addr(b.o, both, module)", 0x5008),
      ("stub_addr(a.o, puts)", 0x6000), ("stub_addr(b.o/.text, puts)", 0x6010),
      ("stub_addr(b.o/.once, puts)", 0x6020), ("stub_addr(b.o, exit, notoc)", 0x6020),
      ("stub_addr(b.o, exit, resolver)", 0x6000), ("*{1}(stub_addr(b.o/.once, puts))", 0x80),
    ] as [(String, UInt64)])
  func `slots and stubs go by the file that uses them`(expression: String, value: UInt64) throws {
    #expect(try Self.map.value(of: expression) == value)
  }

  @Test(
    arguments: [
      ("1 + hire", .unknownSymbol("hire", suggestions: ["here"]), 5),
      ("_GLOBAL_OFFSET_TABLE", .unknownSymbol("_GLOBAL_OFFSET_TABLE", suggestions: []), 1),
      (".TOC.", .unknownSymbol(".TOC.", suggestions: []), 1),
      ("a.c", .unknownSymbol("a.c", suggestions: []), 1),
      ("section_addr(a.c, .text)", .unknownFile("a.c", suggestions: ["a.o"]), 1),
      ("section_addr(a.o, .txet)", .unknownSection(".txet", file: "a.o", suggestions: [".text"]), 1),
      ("section_addr(a.o, .twice)", .unknownSection(".twice", file: "a.o", suggestions: []), 1),
      ("got_addr(zzzz.o, x)", .unknownFile("zzzz.o", suggestions: []), 1),
      ("got_addr(b.o/.onse, x)", .unknownSection(".onse", file: "b.o", suggestions: [".once"]), 1),
      ("got_addr(b.o, tsl)", .noSlot(symbol: "tsl", file: "b.o", kind: nil, suggestions: ["tls"]), 1),
      (
        "got_addr(b.o, tls, address)",
        .noSlot(symbol: "tls", file: "b.o", kind: "address", suggestions: []), 1
      ),
      (
        "stub_addr(b.o, put)", .noStub(symbol: "put", file: "b.o", kind: nil, suggestions: ["puts"]), 1
      ),
      (
        "stub_addr(b.o/.twice, puts)",
        .noStub(symbol: "puts", file: "b.o/.twice", kind: nil, suggestions: []), 1
      ),
      (
        "stub_addr(b.o, exit, tail)",
        .noStub(symbol: "exit", file: "b.o", kind: "tail", suggestions: []), 1
      ),
    ] as [(String, ExpressionProblem, Int)])
  func `unknown names are errors that suggest others`(
    expression: String, problem: ExpressionProblem, column: Int
  ) {
    #expect(throws: CheckError.expression(problem, column: column)) { try Self.map.value(of: expression) }
  }

  @Test(
    arguments: [
      ("local", "local", ["0x1006 in dir/a.o", "0x2007 in b.o"]),
      (
        "section_addr(b.o, .twice)", ".twice",
        ["section 4 of b.o at 0x4000", "section 5 of b.o at 0x4010"]
      ),
      (
        "got_addr(b.o, both)", "both",
        ["slot of kind 'tls-module' of b.o at 0x5008", "slot of kind 'tls-descriptor' of b.o at 0x5018"]
      ),
      (
        "stub_addr(b.o, puts)", "puts",
        ["stub of kind 'call' of b.o/.text at 0x6010", "stub of kind 'call' of b.o/.once at 0x6020"]
      ),
      (
        "stub_addr(b.o, exit, call)", "exit",
        ["stub of kind 'call' of b.o/.text at 0x6010", "stub of kind 'call-notoc' of b.o/.text at 0x6020"]
      ),
    ] as [(String, String, [String])])
  func `names that stand for several addresses are errors`(
    expression: String, name: String, candidates: [String]
  ) {
    let problem = ExpressionProblem.ambiguous(name, candidates: candidates)
    #expect(throws: CheckError.expression(problem, column: 1)) { try Self.map.value(of: expression) }
  }

  @Test func `files of one base name are told apart by their paths`() throws {
    var map = LinkMap(machine: .x86_64, byteOrder: .little)
    map.add(".text", of: "one/a.o", at: 0x1000, [1])
    map.add(".text", of: "two/a.o", at: 0x2000, [2])
    #expect(try map.value(of: "section_addr(two/a.o, .text)") == 0x2000)
    let candidates = ["section 1 of one/a.o at 0x1000", "section 2 of two/a.o at 0x2000"]
    #expect(throws: CheckError.expression(.ambiguous(".text", candidates: candidates), column: 1)) {
      try map.value(of: "section_addr(a.o, .text)")
    }
  }

  @Test func `the TOC's base reaches into the GOT from outside of it`() throws {
    var map = LinkMap(machine: .ppc64, byteOrder: .little)
    map.add(".got", of: "", at: 0x1_0000, Array(1...16))
    map.gotBase = Address(rawValue: 0x1_8000)
    map.tocBase = Address(rawValue: 0x1_8000)
    #expect(try map.value(of: ".TOC.") == 0x1_8000)
    #expect(try map.value(of: "*{1}.TOC. - 0x7ff8") == 9)
    #expect(try map.value(of: "_GLOBAL_OFFSET_TABLE_ - .TOC.") == 0)
    map.add(symbol: ".TOC.", at: 0x1_8010)
    #expect(try map.value(of: ".TOC.") == 0x1_8010)
  }
}
