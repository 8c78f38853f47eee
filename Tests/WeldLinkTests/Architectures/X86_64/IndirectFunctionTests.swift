import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("AMD64: indirect functions (STT_GNU_IFUNC)")
struct IndirectFunctionTests {
  static let text: UInt64 = 0x40_1000
  static let stubs: UInt64 = 0x41_0000
  static let got: UInt64 = 0x42_0000
  static let data: UInt64 = 0x43_0000

  /// The first object has the resolver; both refer to it in all ways there are, relaxable ones last.
  private func link(_ binding: String, relaxes: Bool = true) throws -> LinkedImage {
    let uses = """
      .text
      call chosen
      lea chosen(%rip), %rax
      mov $chosen, %edi
      mov chosen@GOTPCREL(%rip), %rcx
      call *chosen@GOTPCREL(%rip)
      cmp chosen@GOTPCREL(%rip), %rdx
      .data
      .quad chosen, chosen + 1
      """
    let definition = """
      \(binding)
      .type chosen, @gnu_indirect_function
      .section .text.resolver, "ax", @progbits
      nop
      chosen: lea answer(%rip), %rax
      ret
      answer: ret
      """
    var objects = [try Assembler.object("a.o", definition + "\n" + uses)]
    if !binding.hasPrefix(".local") { objects.append(try Assembler.object("b.o", uses)) }
    let image = try LinkedImage(objects, relaxes: relaxes)
    for (number, object) in objects.enumerated() {
      try image.map(".text", of: object.name, to: Self.text + UInt64(number) * 0x1000)
      try image.map(".data", of: object.name, to: Self.data + UInt64(number) * 0x1000)
    }
    try image.map(".text.resolver", to: 0x44_0000)
    try image.map(".plt", of: "", to: Self.stubs)
    try image.map(".got", of: "", to: Self.got)
    try image.resolve()
    return image
  }

  @Test(arguments: [".globl chosen", ".weak chosen", ".globl chosen\n.hidden chosen", ".local chosen"])
  func `its address is its stub's for everybody`(binding: String) throws {
    let image = try link(binding)
    let files = binding.hasPrefix(".local") ? ["a.o"] : ["a.o", "b.o"]
    for (number, file) in files.enumerated() {
      let start = Self.text + UInt64(number) * 0x1000
      // Lengths of the instructions: 5, 7, 5, 7, 6, 7. Displacements count from their ends.
      let distance = { Int64(Self.stubs) - Int64(start) - $0 }
      #expect(
        try Disassembler.text(of: [image.contents(".text", of: file)]) == [
          "callq \(distance(5)); leaq \(distance(12))(%rip), %rax; movl $\(Self.stubs), %edi; "
            + "leaq \(distance(24))(%rip), %rcx; addr32 callq \(distance(30)); cmpq $\(Self.stubs), %rdx"
        ])
      #expect(try image.words(".data", of: file) == [Self.stubs, Self.stubs + 1])
    }
  }

  @Test func `without rewriting, its slot holds the stub's address`() throws {
    let image = try link(".globl chosen", relaxes: false)
    let slot = Int64(Self.got) + 8
    let distance = { slot - Int64(Self.text) - $0 }
    let text = try Disassembler.text(of: [Array(image.contents(".text", of: "a.o").dropFirst(17))])
    #expect(
      text == [
        "movq \(distance(24))(%rip), %rcx; callq *\(distance(30))(%rip); cmpq \(distance(37))(%rip), %rdx"
      ])
    // One for the stub, which has the resolver until it is called, and one that is read.
    #expect(try image.slots == [0x44_0001, Self.stubs])
  }

  @Test func `its stub jumps to what is in its own slot`() throws {
    let image = try link(".globl chosen")
    let stub = [0xff, 0x25] + [UInt8](Self.got &- Self.stubs &- 6, byteCount: 4) + [0x66, 0x90]
    #expect(try image.contents(".plt", of: "") == stub)
    #expect(image.address(of: "chosen") == Self.stubs)
    #expect(image.linker.symbol(named: "chosen")?.flags == [.exported, .callable])
  }

  @Test func `each has a stub and a slot of its own`() throws {
    let names = ["one", "two", "three"]
    var object = ObjectWriter.x86_64
    let text = object.addText([0xc3, 0xc3, 0xc3])
    let data = object.addData([UInt8](repeating: 0, count: 24))
    for (number, name) in names.enumerated() {
      let symbol = object.addSymbol(name, in: text, at: UInt64(number), type: .indirectFunction)
      object.relocate(data, at: UInt64(number) * 8, .R_X86_64_64, symbol)
    }
    let image = try LinkedImage([object.object()])
    try image.map(".text", to: 0x40_0000)
    try image.map(".plt", of: "", to: Self.stubs)
    try image.map(".got", of: "", to: Self.got)
    try image.resolve()
    #expect(try image.words(".data") == [Self.stubs, Self.stubs + 8, Self.stubs + 16])
    #expect(names.map { image.address(of: $0) } == [Self.stubs, Self.stubs + 8, Self.stubs + 16])
    let code = try image.contents(".plt", of: "")
    let contents = try image.slotContents
    for number in 0..<3 {
      let stub = Self.stubs + UInt64(number) * 8
      let slot = stub &+ 6 &+ UInt64(bitPattern: code.signed(at: number * 8 + 2, byteCount: 4))
      #expect(contents[slot] == 0x40_0000 + UInt64(number))
    }
  }

  @Test func `who is not called still has an address`() throws {
    let image = try LinkedImage([
      Assembler.object("a.o", ".globl chosen\n.type chosen, @gnu_indirect_function\nchosen: ret")
    ])
    try image.resolve()
    #expect(try image.address(of: "chosen") == image.section(".plt", of: "").address.rawValue)
  }
}
