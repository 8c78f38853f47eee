import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("AMD64: an undefined weak symbol is 0, however it is reached")
struct UndefinedWeakTests {
  static let farText: UInt64 = 0x7f00_0040_1000
  static let nearText: UInt64 = 0x40_1000

  /// One instruction, whose field is its last four bytes, that refers to the weak `nobody`.
  private func link(
    _ code: [UInt8], _ type: X86_64Relocation, _ addend: Int64 = -4, at text: UInt64, relaxes: Bool = true
  ) throws -> LinkedImage {
    var object = ObjectWriter.x86_64
    let section = object.addText(code + [0, 0, 0, 0])
    let symbol = object.addUndefinedSymbol("nobody", binding: .weak)
    object.relocate(section, at: UInt64(code.count), type, symbol, addend)
    let image = try LinkedImage([object.object()], relaxes: relaxes)
    try image.map(".text", to: text)
    try image.mapIfThere(.got, to: text + 0x1000)
    try image.mapIfThere(.stubs, to: text + 0x2000)
    try image.resolve()
    return image
  }

  @Test func `a load from the GOT gives an immediate 0 far away and an address of 0 near it`() throws {
    let instructions = GOTInstruction.all.filter { $0.operation == .mov }
    for text in [Self.farText, Self.nearText] {
      var codes: [[UInt8]] = []
      for instruction in instructions {
        let image = try link(instruction.code.dropLast(4), instruction.type, at: text)
        codes.append(try image.contents(".text"))
        #expect(try image.slots == [0])
      }
      let expected = instructions.map {
        $0.text(S: 0, slot: text + 0x1000, P: text + UInt64($0.code.count) - 4)
      }
      #expect(try Disassembler.text(of: codes) == expected)
    }
  }

  @Test(arguments: [GOTInstruction.Operation.test, .cmp])
  func `a comparison with a slot becomes one with 0`(operation: GOTInstruction.Operation) throws {
    let instruction = GOTInstruction(operation: operation, register: 12, isWide: true, prefix: .rex)
    let image = try link(instruction.code.dropLast(4), instruction.type, at: Self.farText)
    let name = "\(operation)q"
    #expect(try Disassembler.text(of: [image.contents(".text")]) == ["\(name) $0, %r12"])
  }

  @Test(arguments: 0..<16)
  func `lea far away becomes mov of 0`(register: Int) throws {
    // lea nobody(%rip), %register: REX.W, and REX.R for the upper eight registers
    let code: [UInt8] = [register < 8 ? 0x48 : 0x4c, 0x8d, 0x05 | UInt8(register & 7) << 3]
    // Also where nothing is to be rewritten that need not be.
    let far = try link(code, .R_X86_64_PC32, at: Self.farText, relaxes: register % 2 == 0)
    let name = ["ax", "cx", "dx", "bx", "sp", "bp", "si", "di"]
    let expected = "movq $0, %r" + (register < 8 ? name[register] : "\(register)")
    #expect(try Disassembler.text(of: [far.contents(".text")]) == [expected])
    // Near the address 0 nothing needs to change.
    let near = try link(code, .R_X86_64_PC32, at: Self.nearText)
    let displacement = [UInt8](0 &- (Self.nearText + 7), byteCount: 4)
    #expect(try near.contents(".text") == code + displacement)
  }

  @Test func `calls far away go to a stub that jumps to 0`() throws {
    for (code, type) in [([0xe8], X86_64Relocation.R_X86_64_PLT32), ([0xe9], .R_X86_64_PC32)] {
      let image = try link(code.map { UInt8($0) }, type, at: Self.farText)
      let bytes = try image.contents(".text")
      #expect(bytes.signed(at: 1, byteCount: 4) == 0x2000 - 5)
      // jmp *-0x1006(%rip); xchg %ax, %ax
      #expect(try image.contents(".plt", of: "") == [0xff, 0x25, 0xfa, 0xef, 0xff, 0xff, 0x66, 0x90])
      #expect(try image.slots == [0])
    }
    // Near the address 0 they go there.
    let near = try link([0xe8], .R_X86_64_PLT32, at: Self.nearText)
    #expect(try near.contents(".text") == [0xe8] + [UInt8](0 &- (Self.nearText + 5), byteCount: 4))
  }

  @Test(arguments: [X86_64Relocation.R_X86_64_32, .R_X86_64_32S])
  func `code that is not position-independent has a 0 in it`(type: X86_64Relocation) throws {
    #expect(try link([0xb8], type, 0, at: Self.farText).contents(".text") == [0xb8, 0, 0, 0, 0])
  }

  @Test(
    arguments: [
      // mov nobody(%rip), %rax: its value, which nobody has
      [0x48, 0x8b, 0x05],
      // lea nobody(%rip), %eax; lea nobody(%rip), %r16
      [0x90, 0x8d, 0x05], [0xd5, 0x48, 0x8d, 0x05],
      // cmp %rax, nobody(%rip)
      [0x48, 0x39, 0x05],
    ] as [[UInt8]])
  func `what cannot be rewritten is too far away`(code: [UInt8]) throws {
    let P = Self.farText + UInt64(code.count)
    let problem = LinkError.RelocationProblem.farData(
      value: Int64(bitPattern: 0 &- 4 &- P), range: -0x8000_0000...0x7fff_ffff)
    let error = LinkError.relocation(problem, "R_X86_64_PC32", at: UInt64(code.count), to: "nobody", -4)
    #expect(throws: error) { try link(code, .R_X86_64_PC32, at: Self.farText) }
  }

  @Test func `lea with another addend is not the address of the symbol`() throws {
    let P = Self.farText + 3
    let problem = LinkError.RelocationProblem.farData(
      value: Int64(bitPattern: 4 &- P), range: -0x8000_0000...0x7fff_ffff)
    #expect(throws: LinkError.relocation(problem, "R_X86_64_PC32", at: 3, to: "nobody", 4)) {
      try link([0x48, 0x8d, 0x05], .R_X86_64_PC32, 4, at: Self.farText)
    }
  }

  @Test func `it is the symbol's address as soon as somebody has it`() throws {
    var object = ObjectWriter.x86_64
    let text = object.addText([0x48, 0x8d, 0x05, 0, 0, 0, 0])
    let symbol = object.addUndefinedSymbol("somebody", binding: .weak)
    object.relocate(text, at: 3, .R_X86_64_PC32, symbol, -4)
    let image = try LinkedImage([object.object()], knowing: ["somebody": Self.farText + 0x107])
    try image.map(".text", to: Self.farText)
    try image.resolve()
    #expect(try image.contents(".text") == [0x48, 0x8d, 0x05, 0x00, 0x01, 0, 0])
  }
}
