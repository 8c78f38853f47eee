import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("gABI: symbol visibility")
struct VisibilityTests {
  static let all: [SymbolVisibility] = [.default, .protected, .hidden, .internal]

  /// An object that defines `target`.
  private func definition(_ visibility: SymbolVisibility, _ name: String = "a.o") throws -> ObjectFile {
    var object = ObjectWriter.x86_64
    let text = object.addText([0xc3])
    _ = object.addSymbol("target", in: text, type: .function, visibility: visibility)
    return try object.object(name)
  }

  /// An object that refers to `target`.
  private func reference(
    _ visibility: SymbolVisibility, _ name: String = "b.o", binding: SymbolBinding = .global
  ) throws -> ObjectFile {
    var object = ObjectWriter.x86_64
    let data = object.addData([UInt8](repeating: 0, count: 8))
    let symbol = object.addUndefinedSymbol("target", binding: binding, visibility: visibility)
    object.relocate(data, at: 0, .R_X86_64_64, symbol)
    return try object.object(name)
  }

  @Test(arguments: all, all)
  func `objects of a link see each other's symbols`(defined: SymbolVisibility, wanted: SymbolVisibility)
    throws
  {
    for isFirst in [true, false] {
      let objects = try [definition(defined), reference(wanted)]
      // A namesake outside is never asked for.
      let image = try LinkedImage(isFirst ? objects : objects.reversed(), knowing: ["target": 0x1234])
      try image.resolve()
      let address = try image.section(".text").address.rawValue
      #expect(try image.words(".data") == [address])
      // The most constraining mention counts.
      let isHidden = [defined, wanted].contains { $0 == .hidden || $0 == .internal }
      let flags: SymbolFlags = isHidden ? .callable : [.callable, .exported]
      #expect(image.linker.symbol(named: "target")?.flags == flags)
      #expect(image.linker.symbol(named: "target")?.address.rawValue == address)
    }
  }

  @Test(arguments: all)
  func `a hidden symbol is not looked for outside`(visibility: SymbolVisibility) throws {
    let image = try LinkedImage([reference(visibility)], knowing: ["target": 0x1234])
    guard visibility == .hidden || visibility == .internal else {
      try image.resolve()
      #expect(try image.words(".data") == [0x1234])
      return
    }
    let place = LinkError.place("R_X86_64_64", in: ".data", of: "b.o")
    #expect(throws: LinkError.undefined("target", isHidden: true, [place])) { try image.resolve() }
  }

  @Test func `one hidden mention hides all`() throws {
    let objects = try [reference(.default, "b.o"), reference(.hidden, "c.o"), reference(.protected, "d.o")]
    let image = try LinkedImage(objects, knowing: ["target": 0x1234])
    let places = ["b.o", "c.o", "d.o"].map { LinkError.place("R_X86_64_64", in: ".data", of: $0) }
    #expect(throws: LinkError.undefined("target", isHidden: true, places)) { try image.resolve() }
  }

  @Test(arguments: [SymbolVisibility.hidden, .internal])
  func `a hidden symbol that is wanted weakly is 0, whoever has it outside`(visibility: SymbolVisibility)
    throws
  {
    let image = try LinkedImage([reference(visibility, binding: .weak)], knowing: ["target": 0x1234])
    try image.resolve()
    #expect(try image.words(".data") == [0])
  }

  @Test func `all that one linker has loaded is one link`() throws {
    let image = try LinkedImage([definition(.hidden)], knowing: ["target": 0x1234])
    try image.spread()
    try image.resolve()
    try image.linker.load(reference(.hidden))
    try image.spread()
    try image.resolve()
    #expect(try image.words(".data") == [image.section(".text").address.rawValue])
  }
}
