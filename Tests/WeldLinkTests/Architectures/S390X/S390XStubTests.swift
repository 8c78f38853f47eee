import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("s390x: functions out of reach")
struct S390XStubTests {
  static let text: UInt64 = 0x7f00_0000_1000
  static let stubs: UInt64 = 0x7f00_0001_0000
  static let got: UInt64 = 0x7f00_0002_0000
  static let far: UInt64 = 0x5600_0000_1234
  static let signed33: ClosedRange<Int64> = -0x1_0000_0000...0xffff_fffe

  /// Knows `far`, and `function`, which is far away, too, and known to be a function.
  struct Lookup: SymbolLookup {
    var others: [String: UInt64] = [:]
    func lookup(_ names: [String]) -> [ResolvedSymbol?] {
      names.map { name in
        switch name {
        case "far": ResolvedSymbol(address: Address(rawValue: S390XStubTests.far))
        case "function": ResolvedSymbol(address: Address(rawValue: S390XStubTests.far), isFunction: true)
        default: others[name].map { ResolvedSymbol(address: Address(rawValue: $0)) }
        }
      }
    }
  }

  private func link(_ source: String, knowing others: [String: UInt64] = [:]) throws -> LinkedImage {
    let object = try CrossMachine.s390x.object("a.o", ".text\n" + source)
    let image = try LinkedImage([object], lookup: Lookup(others: others))
    try image.map(".text", to: Self.text)
    try image.mapIfThere(.stubs, to: Self.stubs)
    try image.mapIfThere(.got, to: Self.got)
    try image.resolve()
    return image
  }

  /// What the text reads as; addresses in it count from the start of the text.
  private func text(_ source: String, knowing others: [String: UInt64] = [:]) throws -> [String] {
    let text = try CrossMachine.s390x.text(of: link(source, knowing: others).contents(".text"))
    // The assembler fills sections up.
    return text.filter { $0 != "nopr %r7" }
  }

  @Test(arguments: ["brasl %r14, far@PLT", "brasl %r14, far", "jg far@PLT", "jgnl far"])
  func `a branch to a far symbol goes to a stub`(code: String) throws {
    let image = try link(code)
    #expect(try image.contents(".text").integer(at: 2, byteCount: 4, .big) == (Self.stubs - Self.text) / 2)
    // larl %r1, slot; lg %r1, 0(%r1); br %r1; nopr %r7
    let stub: [UInt8] = [
      0xc0, 0x10, 0x00, 0x00, 0x80, 0x00, 0xe3, 0x10, 0x10, 0x00, 0x00, 0x04, 0x07, 0xf1, 0x07, 0x07,
    ]
    #expect(try image.contents(".plt", of: "") == stub)
    #expect(
      try CrossMachine.s390x.text(of: stub) == [
        "larl %r1, 0x10000", "lg %r1, 0(%r1)", "br %r1", "nopr %r7",
      ])
    #expect(try image.contents(".got", of: "").words(of: 8, .big) == [Self.far])
  }

  @Test func `the last instruction in reach is branched to`() throws {
    for (distance, isDirect) in [
      (0xffff_fffe, true), (0x1_0000_0000, false), (-0x1_0000_0000, true), (-0x1_0000_0002, false),
    ] as [(Int64, Bool)] {
      let target = Self.text &+ UInt64(bitPattern: distance)
      let image = try link("brasl %r14, somewhere@PLT", knowing: ["somewhere": target])
      let halfwords = try Int32(
        truncatingIfNeeded: image.contents(".text").integer(at: 2, byteCount: 4, .big))
      #expect(Int64(halfwords) * 2 == (isDirect ? distance : Int64(Self.stubs - Self.text)))
    }
  }

  @Test func `a function of the same object is called directly`() throws {
    // LLVM's RuntimeDyld makes a stub for every call through the PLT.
    let image = try link(
      "brasl %r14, local@PLT\nbrasl %r14, global@PLT\nlocal: br %r14\n.globl global\nglobal: br %r14")
    #expect(try image.sections(".plt", of: "").isEmpty)
    #expect(
      try CrossMachine.s390x.text(of: image.contents(".text")) == [
        "brasl %r14, 0xc", "brasl %r14, 0xe", "br %r14", "br %r14",
      ])
  }

  @Test func `all calls of a function share a stub`() throws {
    let image = try link("brasl %r14, far@PLT\njg function@PLT\nbrasl %r14, far")
    #expect(try image.contents(".plt", of: "").count == 32)
    let code = try image.contents(".text")
    let targets = [0, 6, 12].map {
      Self.text + UInt64($0) + code.integer(at: $0 + 2, byteCount: 4, .big) * 2
    }
    #expect(targets == [Self.stubs, Self.stubs + 16, Self.stubs])
    #expect(try image.contents(".got", of: "").words(of: 8, .big) == [Self.far, Self.far])
  }

  @Test(arguments: [("bras %r14, far@PLT", "PLT16DBL"), ("bras %r14, far", "PC16DBL"), ("j far", "PC16DBL")])
  func `short branches reach a stub that is near enough`(code: String, type: String) throws {
    #expect(
      try link(code).contents(".text").integer(at: 2, byteCount: 2, .big) == (Self.stubs - Self.text) / 2)
  }

  @Test func `an odd address cannot be branched to`() throws {
    let problem = FieldError.misaligned(value: 0x101, alignment: 2)
    #expect(throws: LinkError.relocation(.field(problem), "R_390_PLT32DBL", at: 2, to: "odd", 2)) {
      try link("brasl %r14, odd@PLT", knowing: ["odd": Self.text + 0x101])
    }
  }

  @Test(arguments: ["larl %r1, far", "lgrl %r1, far", "exrl %r1, far"])
  func `a variable out of reach is an error`(code: String) throws {
    let value = Int64(bitPattern: Self.far &- Self.text)
    let problem = LinkError.RelocationProblem.farData(value: value, range: Self.signed33)
    #expect(throws: LinkError.relocation(problem, "R_390_PC32DBL", at: 2, to: "far", 2)) { try link(code) }
  }

  @Test func `the address of a function out of reach is that of a stub`() throws {
    #expect(try text("larl %r1, function") == ["larl %r1, 0xf000"])
  }

  @Test func `where an undefined weak symbol is not in reach, its address is loaded as a number`() throws {
    for register in 0..<16 {
      #expect(try text(".weak nobody\nlarl %r\(register), nobody") == ["lgfi %r\(register), 0"])
    }
    let problem = LinkError.RelocationProblem.farData(value: -0x7f00_0000_1000, range: Self.signed33)
    #expect(throws: LinkError.relocation(problem, "R_390_PC32DBL", at: 2, to: "nobody", 2)) {
      try link(".weak nobody\nlgrl %r1, nobody")
    }
  }

  @Test func `it is called through a stub`() throws {
    let image = try link(".weak nobody\nbrasl %r14, nobody@PLT")
    #expect(try image.contents(".got", of: "").words(of: 8, .big) == [0])
  }

  @Test func `distances of PLT entries from the GOT are those of stubs`() throws {
    // However wide the field is; a function in reach has no stub.
    let image = try link(
      """
      larl %r12, _GLOBAL_OFFSET_TABLE_
      .quad far@PLTOFF, near@PLTOFF
      .reloc ., R_390_PLTOFF32, far
      .long 0
      """, knowing: ["near": Self.got + 0x1235])
    let code = try image.contents(".text")
    #expect(code.integer(at: 6, byteCount: 8, .big) == Self.stubs &- Self.got)
    #expect(code.integer(at: 14, byteCount: 8, .big) == 0x1235)
    #expect(code.integer(at: 22, byteCount: 4, .big) == (Self.stubs &- Self.got) & 0xffff_ffff)
  }

  @Test func `words reach everything without a stub`() throws {
    let image = try link(
      ".quad function, function - ., far@GOTOFF, function\nlarl %r12, _GLOBAL_OFFSET_TABLE_")
    let words = try image.contents(".text").words(of: 8, .big)
    #expect(words.prefix(2) == [Self.far, Self.far &- (Self.text + 8)])
    #expect(words[2] == Self.far &- Self.got)
    #expect(try image.sections(".plt", of: "").isEmpty)
  }

  @Test func `a stub that cannot reach its slot is an error`() throws {
    let object = try CrossMachine.s390x.object("a.o", ".text\nbrasl %r14, far@PLT")
    let image = try LinkedImage([object], lookup: Lookup())
    try image.map(".text", to: Self.text)
    try image.map(".plt", of: "", to: Self.stubs)
    try image.map(".got", of: "", to: Self.stubs + 0x1_0000_0000)
    let problem = LinkError.RelocationProblem.field(
      .overflow(value: 0x1_0000_0000, range: Self.signed33))
    let error = LinkError.relocation(problem, "R_390_PLT32DBL", at: 2, to: "far", 2)
    #expect(throws: error) { try image.resolve() }
  }
}
