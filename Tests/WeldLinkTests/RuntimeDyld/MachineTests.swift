import Testing
import WeldBytes
import WeldELF
import WeldLink
import WeldMemory

@Suite("RuntimeDyld: objects for other machines")
struct MachineTests {
  private func object(_ machine: Machine, _ order: ByteOrder = .little, name: String = "a.o") throws
    -> ObjectFile
  {
    var object = ObjectWriter(machine: machine, byteOrder: order)
    _ = object.addSection(".text", flags: [.alloc, .executable], contents: [0xc3])
    return try object.object(name)
  }

  @Test(arguments: [Machine.aarch64, .riscv, .i386, Machine(rawValue: 0), Machine(rawValue: 999)])
  func `a machine that nobody taught Weld is refused`(machine: Machine) throws {
    let image = try LinkedImage([])
    #expect(throws: LinkError.unsupportedMachine(file: "a.o", machine: machine)) {
      try image.linker.load(object(machine))
    }
    // Nothing is left behind: another machine may come first.
    try image.linker.load(object(.x86_64))
    try image.resolve()
  }

  @Test func `the other byte order is another machine`() throws {
    let error = LinkError.unsupportedABI(file: "a.o", found: "big-endian x86_64", expected: "x86_64")
    #expect(throws: error) { try LinkedImage([object(.x86_64, .big)]) }
  }

  @Test(arguments: [Machine.aarch64, .s390, .ppc64, .i386])
  func `machines do not mix`(machine: Machine) throws {
    let image = try LinkedImage([object(.x86_64)])
    let error = LinkError.differentMachine(file: "b.o", machine: machine, expected: .x86_64)
    #expect(throws: error) { try image.linker.load(object(machine, name: "b.o")) }
    // Also not when the first one is laid out already.
    try image.resolve()
    #expect(throws: error) { try image.linker.load(object(machine, name: "b.o")) }
    try image.linker.load(object(.x86_64, name: "c.o"))
    try image.resolve()
    #expect(try image.linker.sections().map(\.file) == ["a.o", "c.o"])
  }

  @Test func `byte orders do not mix`() throws {
    let image = try LinkedImage([object(.x86_64)])
    #expect(throws: LinkError.self) {
      try image.linker.load(object(.x86_64, .big, name: "b.o"))
      try image.resolve()
    }
  }
}
