import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("AMD64: symbols out of reach")
struct StubTests {
  static let text: UInt64 = 0x7f00_0040_1000
  static let stubs: UInt64 = 0x7f00_0041_0000
  static let got: UInt64 = 0x7f00_0042_0000
  static let far: UInt64 = 0x5600_0000_1234
  static let signed32: ClosedRange<Int64> = -0x8000_0000...0x7fff_ffff

  /// Knows `far` and `near`, and `function`, which is far away, too, and known to be a function.
  struct Lookup: SymbolLookup {
    func lookup(_ names: [String]) -> [ResolvedSymbol?] {
      names.map { name in
        switch name {
        case "far": ResolvedSymbol(address: Address(rawValue: StubTests.far))
        case "function": ResolvedSymbol(address: Address(rawValue: StubTests.far), isFunction: true)
        case "near": ResolvedSymbol(address: Address(rawValue: StubTests.text + 0x100))
        default: nil
        }
      }
    }
  }

  /// Instructions, each with a relocation of its last four bytes.
  typealias Instruction = (code: [UInt8], type: X86_64Relocation, symbol: String, addend: Int64)

  private func link(
    _ instructions: [Instruction], text address: UInt64 = text, stubs: UInt64 = stubs, got: UInt64 = got
  ) throws -> LinkedImage {
    let image = try LinkedImage([Self.object("a.o", instructions)], lookup: Lookup())
    try Self.map(image, text: address, stubs: stubs, got: got)
    try image.resolve()
    return image
  }

  private static func map(
    _ image: LinkedImage, text: UInt64 = text, stubs: UInt64 = stubs, got: UInt64 = got
  ) throws {
    try image.map(".text", of: "a.o", to: text)
    try image.mapIfThere(.stubs, to: stubs)
    try image.mapIfThere(.got, to: got)
  }

  private static func object(_ name: String, _ instructions: [Instruction]) throws -> ObjectFile {
    var object = ObjectWriter.x86_64
    let section = object.addText(instructions.flatMap { $0.code + [0, 0, 0, 0] })
    var symbols: [String: ObjectWriter.SymbolID] = [:]
    var offset = 0
    for (code, type, name, addend) in instructions {
      let symbol = symbols[name] ?? object.addUndefinedSymbol(name)
      symbols[name] = symbol
      object.relocate(section, at: UInt64(offset + code.count), type, symbol, addend)
      offset += code.count + 4
    }
    return try object.object(name)
  }

  /// The first stub: `jmp *slot(%rip); xchg %ax, %ax`, the slot being the first one.
  static let firstStub: [UInt8] = [0xff, 0x25] + [UInt8](got - (stubs + 6), byteCount: 4) + [0x66, 0x90]

  static let branches: [([UInt8], String)] =
    [([0xe8], "call"), ([0xe9], "jmp")] + (0x80...0x8f).map { ([0x0f, $0], "j\($0)") }

  @Test(arguments: branches)
  func `a branch to a far symbol goes to a stub`(code: [UInt8], name: String) throws {
    for type in [X86_64Relocation.R_X86_64_PLT32, .R_X86_64_PC32, .R_X86_64_PLT32_BND, .R_X86_64_PC32_BND] {
      let image = try link([(code, type, "far", -4)])
      let end = Self.text + UInt64(code.count + 4)
      #expect(try image.contents(".text") == code + [UInt8](Self.stubs - end, byteCount: 4))
      #expect(try image.contents(".plt", of: "") == Self.firstStub)
      #expect(try image.slots == [Self.far])
    }
  }

  @Test func `a stub reads as a jump through its slot`() throws {
    let text = try Disassembler.text(of: [Self.firstStub])
    #expect(text == ["jmpq *\(Self.got - Self.stubs - 6)(%rip); nop"])
  }

  @Test(arguments: branches)
  func `a branch to a near symbol goes there`(code: [UInt8], name: String) throws {
    for type in [X86_64Relocation.R_X86_64_PLT32, .R_X86_64_PC32] {
      let image = try link([(code, type, "near", -4)])
      let displacement = 0x100 - UInt64(code.count + 4)
      #expect(try image.contents(".text") == code + [UInt8](displacement, byteCount: 4))
    }
  }

  @Test func `the last byte in reach needs no stub, the next one does`() throws {
    for (distance, isDirect) in [
      (0x7fff_ffff, true), (0x8000_0000, false), (-0x8000_0000, true), (-0x8000_0001, false),
    ] as [(Int64, Bool)] {
      let address = Self.text &+ 5 &+ UInt64(bitPattern: distance)
      let image = try LinkedImage(
        [Self.object("a.o", [([0xe8], .R_X86_64_PLT32, "somewhere", -4)])], knowing: ["somewhere": address])
      try Self.map(image)
      try image.resolve()
      let value = try image.contents(".text").signed(at: 1, byteCount: 4)
      #expect(value == (isDirect ? distance : Int64(Self.stubs - Self.text - 5)))
    }
  }

  @Test func `all calls of a symbol, from all objects, share a stub`() throws {
    let call: [UInt8] = [0xe8]
    let first = try Self.object(
      "a.o", [(call, .R_X86_64_PLT32, "far", -4), (call, .R_X86_64_PLT32, "function", -4)])
    let second = try Self.object(
      "b.o", [(call, .R_X86_64_PC32, "function", -4), (call, .R_X86_64_PLT32, "far", -4)])
    let image = try LinkedImage([first, second], lookup: Lookup())
    try Self.map(image)
    try image.map(".text", of: "b.o", to: Self.text + 0x40)
    try image.resolve()
    let targets = try ["a.o", "b.o"].flatMap { file in
      let base = try image.section(".text", of: file).address.rawValue
      let bytes = try image.contents(".text", of: file)
      return [0, 5].map {
        base + UInt64($0) + 5 &+ UInt64(bitPattern: bytes.signed(at: $0 + 1, byteCount: 4))
      }
    }
    #expect(targets == [Self.stubs, Self.stubs + 8, Self.stubs + 8, Self.stubs])
    #expect(try image.contents(".plt", of: "").count == 16)
    #expect(try image.slots == [Self.far, Self.far])
  }

  @Test func `a relative address in data may be that of a stub`() throws {
    // .long far@PLT - .
    let image = try link([([0x00], .R_X86_64_PLT32, "far", 0)])
    #expect(try image.contents(".text").signed(at: 1, byteCount: 4) == Int64(Self.stubs - Self.text - 1))
  }

  @Test(
    arguments: [
      ([0x48, 0x8d, 0x05], -4), ([0x48, 0x8b, 0x05], -4), ([0x80, 0x3d], -5), ([0x00], 0), ([], 0),
    ] as [([UInt8], Int64)])
  func `a variable out of reach is an error`(code: [UInt8], addend: Int64) throws {
    let P = Self.text + UInt64(code.count)
    let value = Int64(bitPattern: Self.far &+ UInt64(bitPattern: addend) &- P)
    let problem = LinkError.RelocationProblem.farData(value: value, range: Self.signed32)
    let error = LinkError.relocation(problem, "R_X86_64_PC32", at: UInt64(code.count), to: "far", addend)
    #expect(throws: error) { try link([(code, .R_X86_64_PC32, "far", addend)]) }
  }

  @Test func `the address of a function out of reach is that of a stub`() throws {
    // lea function(%rip), %rax
    let image = try link([([0x48, 0x8d, 0x05], .R_X86_64_PC32, "function", -4)])
    #expect(try image.contents(".text").signed(at: 3, byteCount: 4) == Int64(Self.stubs - Self.text - 7))
    #expect(try image.contents(".plt", of: "") == Self.firstStub)
  }

  @Test(arguments: [X86_64Relocation.R_X86_64_32, .R_X86_64_32S])
  func `non-PIC code takes the address of a far function as that of a stub`(type: X86_64Relocation) throws {
    // mov $function, %edi
    let low: UInt64 = 0x40_1000
    let image = try link([([0xbf], type, "function", 0)], text: low, stubs: low + 0x1000, got: low + 0x2000)
    #expect(try image.contents(".text") == [0xbf] + [UInt8](low + 0x1000, byteCount: 4))
    let range = type == .R_X86_64_32 ? 0...0xffff_ffff : Self.signed32
    let problem = LinkError.RelocationProblem.farData(value: Int64(Self.far), range: range)
    #expect(throws: LinkError.relocation(problem, type.name, at: 1, to: "far")) {
      try link([([0xbf], type, "far", 0)], text: low, stubs: low + 0x1000, got: low + 0x2000)
    }
  }

  @Test func `non-PIC code high up cannot have the address of a stub either`() throws {
    let problem = LinkError.RelocationProblem.field(
      .overflow(value: Int64(Self.stubs), range: 0...0xffff_ffff))
    #expect(throws: LinkError.relocation(problem, "R_X86_64_32", at: 1, to: "function")) {
      try link([([0xbf], .R_X86_64_32, "function", 0)])
    }
  }

  @Test func `PLTOFF64 reaches everything without a stub`() throws {
    // movabs $far@PLTOFF, %rax
    var object = ObjectWriter.x86_64
    let section = object.addText([0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0])
    object.relocate(section, at: 2, .R_X86_64_PLTOFF64, object.addUndefinedSymbol("far"))
    let image = try LinkedImage([object.object()], lookup: Lookup())
    try Self.map(image)
    try image.resolve()
    let offset = try image.contents(".text").integer(at: 2, byteCount: 8)
    #expect(offset &+ Self.got == Self.far)
  }

  @Test func `short jumps have no stubs`() throws {
    var object = ObjectWriter.x86_64
    let section = object.addText([0xeb, 0])
    object.relocate(section, at: 1, .R_X86_64_PC8, object.addUndefinedSymbol("function"), -1)
    let image = try LinkedImage([object.object()], lookup: Lookup())
    try Self.map(image)
    let value = Int64(bitPattern: Self.far &- 1 &- (Self.text + 1))
    let problem = LinkError.RelocationProblem.farData(value: value, range: -0x80...0x7f)
    #expect(throws: LinkError.relocation(problem, "R_X86_64_PC8", at: 1, to: "function", -1)) {
      try image.resolve()
    }
  }

  @Test func `a slot out of reach is not replaced by a stub`() throws {
    // call function@PLT; mov function@GOTPCREL(%rip), %rax. Only the stub, in the middle, reaches the slot.
    let got: UInt64 = Self.text + 0xe000_0000
    let value = Int64(got) - 4 - Int64(Self.text + 8)
    let problem = LinkError.RelocationProblem.field(.overflow(value: value, range: Self.signed32))
    #expect(throws: LinkError.relocation(problem, "R_X86_64_REX_GOTPCRELX", at: 8, to: "function", -4)) {
      try link(
        [
          ([0xe8], .R_X86_64_PLT32, "function", -4),
          ([0x48, 0x8b, 0x05], .R_X86_64_REX_GOTPCRELX, "function", -4),
        ], stubs: Self.text + 0x7000_0000, got: got)
    }
  }

  @Test func `a stub out of reach is an error`() throws {
    let stubs = Self.text + 0x8000_0000 + 5
    let problem = LinkError.RelocationProblem.field(.overflow(value: 0x8000_0000, range: Self.signed32))
    #expect(throws: LinkError.relocation(problem, "R_X86_64_PLT32", at: 1, to: "far", -4)) {
      try link([([0xe8], .R_X86_64_PLT32, "far", -4)], stubs: stubs, got: stubs)
    }
  }

  @Test func `a stub that cannot reach its slot is an error`() throws {
    let problem = LinkError.RelocationProblem.field(.overflow(value: 0x8000_0000, range: Self.signed32))
    let error = LinkError.relocation(problem, "R_X86_64_PLT32", at: 1, to: "far", -4)
    #expect(throws: error) {
      try link([([0xe8], .R_X86_64_PLT32, "far", -4)], got: Self.stubs + 6 + 0x8000_0000)
    }
  }

  @Test func `what is linked together is moved together`() throws {
    var object = ObjectWriter.x86_64
    let section = object.addText([0xe8, 0, 0, 0, 0])
    let other = object.addText([0xc3], name: ".text.other")
    object.relocate(section, at: 1, .R_X86_64_PLT32, object.addSymbol("target", in: other), -4)
    let image = try LinkedImage([object.object()])
    try image.map(".text", to: Self.text)
    try image.map(".text.other", to: Self.far)
    let value = Int64(bitPattern: Self.far &- 4 &- (Self.text + 1))
    let problem = LinkError.RelocationProblem.field(.overflow(value: value, range: Self.signed32))
    #expect(throws: LinkError.relocation(problem, "R_X86_64_PLT32", at: 1, -4)) { try image.resolve() }
  }

  @Test func `an absolute address out of reach is called through a stub`() throws {
    var object = ObjectWriter.x86_64
    let section = object.addText([0xe8, 0, 0, 0, 0])
    object.relocate(section, at: 1, .R_X86_64_PLT32, object.addAbsoluteSymbol("fixed", value: 0x1234), -4)
    let image = try LinkedImage([object.object()])
    try Self.map(image)
    try image.resolve()
    #expect(try image.contents(".text").signed(at: 1, byteCount: 4) == Int64(Self.stubs - Self.text - 5))
    #expect(try image.slots == [0x1234])
  }
}
