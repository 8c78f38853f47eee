import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("RuntimeDyld: objects that are loaded one after another")
struct BatchTests {
  /// An object that defines `target` and points to it.
  private func object(
    _ file: String, _ binding: SymbolBinding?, tag: UInt8 = 1, symbol name: String = "target"
  ) throws -> ObjectFile {
    var object = ObjectWriter.x86_64
    let data = object.addData([UInt8](repeating: tag, count: 8))
    let pointer = object.addData([UInt8](repeating: 0, count: 8), name: ".pointer")
    let symbol =
      binding.map { object.addSymbol(name, in: data, type: .object, binding: $0) }
      ?? object.addUndefinedSymbol(name)
    object.relocate(pointer, at: 0, .R_X86_64_64, symbol)
    return try object.object(file)
  }

  private func common(_ file: String) throws -> ObjectFile {
    var object = ObjectWriter.x86_64
    let pointer = object.addData([UInt8](repeating: 0, count: 8), name: ".pointer")
    object.relocate(pointer, at: 0, .R_X86_64_64, object.addCommonSymbol("target", size: 64, alignment: 8))
    return try object.object(file)
  }

  /// Resolves with every section at an address of its own.
  private func resolve(_ image: LinkedImage) throws {
    try image.spread()
    try image.resolve()
  }

  @Test(
    arguments: [SymbolBinding.global, .weak, .unique], [SymbolBinding?.some(.weak), .some(.unique), nil])
  func `a later weak definition or reference binds to an earlier definition`(
    first: SymbolBinding, second: SymbolBinding?
  ) throws {
    let image = try LinkedImage([object("a.o", first)])
    try resolve(image)
    let address = try image.section(".data", of: "a.o").address.rawValue
    try image.linker.load(object("b.o", second))
    try resolve(image)
    #expect(image.address(of: "target") == address)
    for file in ["a.o", "b.o"] { #expect(try image.words(".pointer", of: file) == [address]) }
  }

  @Test(arguments: [SymbolBinding.global, .weak])
  func `a later common symbol binds to an earlier definition and needs no room`(first: SymbolBinding) throws {
    let image = try LinkedImage([object("a.o", first)])
    try resolve(image)
    try image.linker.load(common("b.o"))
    try resolve(image)
    #expect(try image.words(".pointer", of: "b.o") == [image.section(".data", of: "a.o").address.rawValue])
    #expect(try image.sections("<common symbols>", of: "").isEmpty)
  }

  @Test func `a later common symbol binds to an earlier common symbol`() throws {
    let image = try LinkedImage([common("a.o")])
    try resolve(image)
    let address = try #require(image.address(of: "target"))
    try image.linker.load(common("b.o"))
    try resolve(image)
    #expect(try image.words(".pointer", of: "b.o") == [address])
  }

  @Test func `a second definition is an error and leaves the first one alone`() throws {
    let image = try LinkedImage([object("a.o", .global)])
    try resolve(image)
    let address = image.address(of: "target")
    try image.linker.load(object("b.o", .global))
    let error = LinkError.duplicateDefinition(symbol: "target", first: "a.o", second: "b.o")
    #expect(throws: error) { try resolve(image) }
    // The refused object is gone; the linker goes on.
    try image.linker.load(object("c.o", nil))
    try resolve(image)
    #expect(image.address(of: "target") == address)
    #expect(try image.linker.sections().map(\.file).filter { $0 == "b.o" }.isEmpty)
    #expect(try image.words(".pointer", of: "c.o") == [address])
  }

  @Test func `a definition after a weak one is what is found from then on`() throws {
    let image = try LinkedImage([object("a.o", .weak)])
    try resolve(image)
    let weak = try image.section(".data", of: "a.o").address.rawValue
    try image.linker.load(object("b.o", .global))
    try resolve(image)
    let strong = try image.section(".data", of: "b.o").address.rawValue
    try image.linker.load(object("c.o", nil))
    try resolve(image)
    #expect(image.address(of: "target") == strong)
    #expect(try image.words(".pointer", of: "a.o") == [weak])
    #expect(try image.words(".pointer", of: "b.o") == [strong])
    #expect(try image.words(".pointer", of: "c.o") == [strong])
  }

  @Test func `batches can need each other`() throws {
    let image = try LinkedImage([
      object("a.o", nil, symbol: "later"), object("b.o", .global, symbol: "sooner"),
    ])
    _ = try image.linker.sections()
    try image.linker.load(object("c.o", nil, symbol: "sooner"))
    try image.linker.load(object("d.o", .global, symbol: "later"))
    try resolve(image)
    #expect(try image.words(".pointer", of: "a.o") == [image.section(".data", of: "d.o").address.rawValue])
    #expect(try image.words(".pointer", of: "c.o") == [image.section(".data", of: "b.o").address.rawValue])
  }

  @Test func `a weak reference becomes an address when somebody defines it later`() throws {
    var reference = ObjectWriter.x86_64
    let pointer = reference.addData([UInt8](repeating: 0, count: 8), name: ".pointer")
    reference.relocate(pointer, at: 0, .R_X86_64_64, reference.addUndefinedSymbol("target", binding: .weak))
    let image = try LinkedImage([reference.object("a.o")])
    try resolve(image)
    #expect(try image.words(".pointer", of: "a.o") == [0])
    try image.linker.load(object("b.o", .global))
    try resolve(image)
    #expect(try image.words(".pointer", of: "a.o") == [image.section(".data", of: "b.o").address.rawValue])
  }

  @Test func `what an earlier batch defines prevails over the outside`() throws {
    let image = try LinkedImage([object("a.o", .global)], knowing: ["target": 0x1234])
    try resolve(image)
    try image.linker.load(object("b.o", nil))
    try resolve(image)
    #expect(try image.words(".pointer", of: "b.o") == [image.section(".data", of: "a.o").address.rawValue])
  }

  @Test func `a function of a distant batch is called through a stub`() throws {
    var definition = ObjectWriter.x86_64
    let text = definition.addText([0xc3])
    _ = definition.addSymbol("target", in: text, type: .function)
    let image = try LinkedImage([definition.object("a.o")])
    try image.map(".text", to: 0x5500_0000_0000)
    try image.resolve()
    var call = ObjectWriter.x86_64
    let code = call.addText([0xe8, 0, 0, 0, 0])
    call.relocate(code, at: 1, .R_X86_64_PLT32, call.addUndefinedSymbol("target"), -4)
    try image.linker.load(call.object("b.o"))
    try image.resolve()
    let next = try image.section(".text", of: "b.o").address.rawValue + 5
    let distance = try image.contents(".text", of: "b.o").signed(at: 1, byteCount: 4)
    #expect(try next &+ UInt64(bitPattern: distance) == image.section(".plt", of: "").address.rawValue)
    #expect(try image.slots == [0x5500_0000_0000])
  }

  @Test func `an indirect function of an earlier batch is its stub`() throws {
    let image = try LinkedImage([
      Assembler.object(
        "a.o",
        ".type chosen, @gnu_indirect_function\n.globl chosen\nchosen: lea other(%rip), %rax\nret\nother: ret")
    ])
    try resolve(image)
    try image.linker.load(object("b.o", nil, symbol: "chosen"))
    try resolve(image)
    #expect(try image.words(".pointer", of: "b.o") == [image.section(".plt", of: "").address.rawValue])
  }
}
