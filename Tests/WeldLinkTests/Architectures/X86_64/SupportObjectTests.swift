import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("AMD64: what the linker itself supplies")
struct SupportObjectTests {
  static let routines = [
    ("atexit", "__cxa_atexit"), ("at_quick_exit", "__cxa_at_quick_exit"),
    ("pthread_atfork", "__register_atfork"),
  ]

  private func link() throws -> LinkedImage {
    let targets = Dictionary(
      uniqueKeysWithValues: Self.routines.enumerated().map { ($1.1, 0x50_0000 + UInt64($0)) })
    let image = try LinkedImage([SupportObject.make(for: .x86_64)], knowing: targets)
    try image.map(".text", to: 0x40_0000)
    try image.map(".data.rel.ro", to: 0x60_0000)
    try image.resolve()
    return image
  }

  @Test func `each routine adds the handle to its arguments and goes on`() throws {
    let image = try link()
    let code = try image.contents(".text")
    let starts = try Self.routines.map { try Int(#require(image.address(of: $0.0)) - 0x40_0000) }
    let ends = [starts[1], starts[2], code.count]
    let texts = try Disassembler.text(of: zip(starts, ends).map { Array(code[$0..<$1]) })
    // Arguments of the C library's functions: f, its argument and the handle; f and the handle; three and the
    // handle.
    let registers = ["rdx", "rsi", "rcx"]
    for number in 0..<3 {
      // Displacements count from the end of their instructions.
      let lea = 0x40_0000 + starts[number] + (number == 0 ? 2 : 0) + 7
      let first = number == 0 ? "xorl %esi, %esi; " : ""
      let load = "leaq \(0x60_0000 - lea)(%rip), %\(registers[number]); "
      #expect(texts[number].hasPrefix(first + load + "jmp \(0x50_0000 + number - lea - 5)"))
    }
  }

  @Test func `the handle points to itself`() throws {
    #expect(try link().words(".data.rel.ro") == [0x60_0000])
  }

  @Test func `its symbols are weak and not seen outside`() throws {
    let table = try link().linker.symbolTable()
    #expect(Set(table.keys) == Set(Self.routines.map(\.0) + ["__dso_handle"]))
    for (name, symbol) in table {
      #expect(symbol.flags == (name == "__dso_handle" ? .weak : [.weak, .callable]))
    }
  }

  @Test func `other machines have none`() {
    #expect(throws: LinkError.unsupportedMachine(file: "<weld>", machine: .aarch64)) {
      try SupportObject.make(for: .aarch64)
    }
  }
}
