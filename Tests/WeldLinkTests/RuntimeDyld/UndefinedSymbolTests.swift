import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("Symbols that nothing defines")
struct UndefinedSymbolTests {
  /// An object that calls and points to `names`.
  private func object(_ file: String, _ names: [String], defining definitions: [String] = []) throws
    -> ObjectFile
  {
    var object = ObjectWriter.x86_64
    let text = object.addText(names.flatMap { _ in [0xe8, 0, 0, 0, 0] as [UInt8] })
    let data = object.addData([UInt8](repeating: 0, count: names.count * 8))
    for name in definitions { _ = object.addSymbol(name, in: text) }
    for (number, name) in names.enumerated() {
      let symbol = object.addUndefinedSymbol(name)
      object.relocate(text, at: UInt64(number) * 5 + 1, .R_X86_64_PLT32, symbol, -4)
      object.relocate(data, at: UInt64(number) * 8, .R_X86_64_64, symbol, Int64(number))
    }
    return try object.object(file)
  }

  @Test func `all of them are reported, each with all the places that want it`() throws {
    let image = try LinkedImage(
      [object("a.o", ["one", "two"]), object("b.o", ["three", "one", "known"])], knowing: ["known": 1])
    #expect { try image.resolve() } throws: { error in
      guard case .undefinedSymbols(let symbols)? = error as? LinkError else { return false }
      func places(_ file: String, _ name: String, _ number: UInt64) -> [LinkError.RelocationPlace] {
        [
          LinkError.place("R_X86_64_PLT32", of: file, at: number * 5 + 1, to: name, -4),
          LinkError.place("R_X86_64_64", in: ".data", of: file, at: number * 8, to: name, Int64(number)),
        ]
      }
      return symbols.map(\.name) == ["one", "two", "three"]
        && symbols[0].references == places("a.o", "one", 0) + places("b.o", "one", 1)
        && symbols[1].references == places("a.o", "two", 1)
        && symbols[2].references == places("b.o", "three", 0)
        && symbols.allSatisfy { !$0.isHidden }
    }
  }

  @Test func `the nearest spellings are suggested, of objects and of the outside`() throws {
    let image = try LinkedImage(
      [object("a.o", ["compres"]), object("b.o", [], defining: ["compress", "decompress", "compare"])],
      knowing: ["compres2": 1, "unrelated": 2])
    let places = [
      LinkError.place("R_X86_64_PLT32", at: 1, to: "compres", -4),
      LinkError.place("R_X86_64_64", in: ".data", to: "compres"),
    ]
    let error = LinkError.undefined("compres", places, suggestions: ["compres2", "compress", "compare"])
    #expect(throws: error) { try image.resolve() }
  }

  @Test func `the message says what happened, where, and what to do`() throws {
    let image = try LinkedImage([object("a.o", ["one"])])
    #expect { try image.resolve() } throws: { error in
      (error as? LinkError)?.description
        == "a.o: undefined symbol 'one', wanted by a.o: .text+0x1, a.o: .data+0x0; "
        + "add the object, archive or --library that defines it"
    }
  }

  @Test func `a name that nothing refers to is not wanted`() throws {
    var object = ObjectWriter.x86_64
    _ = object.addText([0xc3])
    _ = object.addUndefinedSymbol("nobody")
    let image = try LinkedImage([object.object()])
    try image.resolve()
    #expect(image.linker.symbol(named: "nobody") == nil)
    #expect(try image.linker.symbolTable().isEmpty)
  }

  @Test func `names that only dropped or unloaded sections want are not wanted`() throws {
    var object = ObjectWriter.x86_64
    _ = object.addText([0xc3])
    let nobody = object.addUndefinedSymbol("nobody")
    let unloaded: [SectionFlags] = [[], [.alloc, .exclude], [.alloc, .write, .tls]]
    for (number, flags) in unloaded.enumerated() {
      let section = object.addSection(
        "unloaded\(number)", flags: flags, contents: [UInt8](repeating: 0, count: 8))
      object.relocate(section, at: 0, .R_X86_64_64, nobody)
    }
    try LinkedImage([object.object()]).resolve()
  }

  @Test func `after an error the missing object can be loaded`() throws {
    let image = try LinkedImage([object("a.o", ["late"])])
    #expect(throws: LinkError.self) { try image.resolve() }
    try image.linker.load(object("b.o", [], defining: ["late"]))
    try image.spread()
    try image.resolve()
    #expect(try image.words(".data", of: "a.o") == [image.section(".text", of: "b.o").address.rawValue])
  }

  @Test func `everything is asked for at once, each name once`() throws {
    let lookup = CountingLookup()
    let image = try LinkedImage(
      [
        object("a.o", ["one", "two"]), object("b.o", ["two", "one", "own"]),
        object("c.o", [], defining: ["own"]),
      ],
      lookup: lookup)
    try image.resolve()
    #expect(lookup.questions == [["one", "two"]])
  }

  @Test func `who wants nothing asks nothing`() throws {
    let lookup = CountingLookup()
    try LinkedImage([object("a.o", [], defining: ["own"])], lookup: lookup).resolve()
    #expect(lookup.questions.isEmpty)
  }
}
