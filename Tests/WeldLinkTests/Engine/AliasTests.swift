import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("Aliases")
struct AliasTests {
  /// An object that refers to `names` in `.pointers`, and defines `definitions`, 8 bytes apart.
  private func object(
    _ names: [String], _ file: String = "a.o", defining definitions: [String] = []
  ) throws -> ObjectFile {
    var object = ObjectWriter.x86_64
    let data = object.addData([UInt8](repeating: 0, count: definitions.count * 8))
    let pointers = object.addData([UInt8](repeating: 0, count: names.count * 8), name: ".pointers")
    for (number, name) in definitions.enumerated() {
      _ = object.addSymbol(name, in: data, at: UInt64(number) * 8)
    }
    for (number, name) in names.enumerated() {
      object.relocate(pointers, at: UInt64(number) * 8, .R_X86_64_64, object.addUndefinedSymbol(name))
    }
    return try object.object(file)
  }

  private func place(_ name: String) -> LinkError.RelocationPlace {
    LinkError.place("R_X86_64_64", in: ".pointers", to: name)
  }

  @Test func `a name stands for another one that the objects define`() throws {
    let image = try LinkedImage(
      [object(["alias"]), object([], "b.o", defining: ["other", "target"])],
      aliases: [Alias("alias", for: "target")])
    try image.resolve()
    let address = try image.section(".data", of: "b.o").address.rawValue + 8
    #expect(try image.words(".pointers", of: "a.o") == [address])
    #expect(image.address(of: "alias") == address)
  }

  @Test func `an alias that the objects define themselves is not one`() throws {
    let image = try LinkedImage(
      [object(["alias"]), object([], "b.o", defining: ["alias", "target"])],
      aliases: [Alias("alias", for: "target")])
    try image.resolve()
    #expect(try image.words(".pointers", of: "a.o") == [image.section(".data", of: "b.o").address.rawValue])
  }

  @Test func `a name stands for one that is found outside`() throws {
    for names in [["alias"], ["alias", "target"], ["target", "alias"]] {
      let image = try LinkedImage(
        [object(names)], knowing: ["target": 0x1234, "alias": 0x5678],
        aliases: [Alias("alias", for: "target")])
      try image.resolve()
      #expect(try image.words(".pointers") == names.map { _ in 0x1234 })
    }
  }

  @Test(arguments: [["first"], ["first", "second"], ["second", "first"], ["third", "second", "first"]])
  func `aliases of aliases, mentioned or not`(names: [String]) throws {
    let aliases = [Alias("second", for: "third"), Alias("first", for: "second")]
    let outside = try LinkedImage([object(names)], knowing: ["third": 0x1234], aliases: aliases)
    try outside.resolve()
    #expect(try outside.words(".pointers") == names.map { _ in 0x1234 })

    let inside = try LinkedImage([object(names), object([], "b.o", defining: ["third"])], aliases: aliases)
    try inside.resolve()
    let address = try inside.section(".data", of: "b.o").address.rawValue
    #expect(try inside.words(".pointers", of: "a.o") == names.map { _ in address })
    #expect(inside.address(of: "first") == address)
  }

  @Test(arguments: [["alias"], ["alias", "target"]])
  func `an alias for what an earlier batch defines`(names: [String]) throws {
    let image = try LinkedImage(
      [object([], "b.o", defining: ["target"])], aliases: [Alias("alias", for: "target")])
    try image.spread()
    try image.resolve()
    try image.linker.load(object(names))
    try image.spread()
    try image.resolve()
    let address = try #require(image.address(of: "target"))
    #expect(try image.words(".pointers", of: "a.o") == names.map { _ in address })
    #expect(image.address(of: "alias") == address)
  }

  @Test func `a circle of aliases is undefined`() throws {
    let circle = [Alias("a", for: "b"), Alias("b", for: "c"), Alias("c", for: "a")]
    // The order of the objects' names, not that of a dictionary, decides which of them is reported.
    for names in [["a"], ["b"], ["c"]] {
      let image = try LinkedImage([object(names)], aliases: circle)
      #expect(throws: LinkError.undefined(names[0], [place(names[0])])) { try image.resolve() }
    }
    for _ in 0..<8 {
      let image = try LinkedImage([object(["b", "a", "c"])], aliases: circle)
      #expect { try image.resolve() } throws: { error in
        guard case .undefinedSymbols(let symbols)? = error as? LinkError else { return false }
        return symbols.flatMap(\.references).map(\.offset).sorted() == [0, 8, 16]
      }
    }
    let own = try LinkedImage([object(["a"])], aliases: [Alias("a", for: "a")])
    #expect(throws: LinkError.undefined("a", [place("a")])) { try own.resolve() }
  }

  @Test func `a wanted alias of a symbol that others want only weakly is wanted`() throws {
    var weak = ObjectWriter.x86_64
    let pointers = weak.addData([UInt8](repeating: 0, count: 8), name: ".pointers")
    weak.relocate(pointers, at: 0, .R_X86_64_64, weak.addUndefinedSymbol("target", binding: .weak))
    for isFirst in [true, false] {
      let objects = try [weak.object("b.o"), object(["alias"])]
      let image = try LinkedImage(
        isFirst ? objects : objects.reversed(), aliases: [Alias("alias", for: "target")])
      #expect(throws: LinkError.self) { try image.resolve() }
    }
  }

  @Test func `the name of an undefined target is reported`() throws {
    let image = try LinkedImage([object(["alias"])], aliases: [Alias("alias", for: "target")])
    #expect(throws: LinkError.undefined("alias", [place("alias")])) { try image.resolve() }
  }
}
