import Testing
import Weld

@Suite("ORC core: aliases and re-exports")
struct SymbolAliasTests {
  @Test func `an alias has the address of its aliasee and flags of its own`() throws {
    let fixture = try CoreFixture()
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"], [.exported, .callable])))
    try fixture.main.define(symbolAliases([fixture.name("bar"): SymbolAlias(fixture.name("foo"), flags: [])]))
    let bar = try fixture.session.lookup("bar", in: fixture.order)
    #expect(bar == EvaluatedSymbol(address: testAddress("foo"), flags: .callable))
  }

  @Test func `aliases of aliases lead to the definition, asked for alone or together`() throws {
    for asked in [["a"], ["a", "b", "c"]] {
      let fixture = try CoreFixture()
      try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])))
      try fixture.main.define(
        symbolAliases([
          fixture.name("a"): SymbolAlias(fixture.name("b")),
          fixture.name("b"): SymbolAlias(fixture.name("c")),
          fixture.name("c"): SymbolAlias(fixture.name("foo")),
        ]))
      let found = try #require(try fixture.start(asked).value?.get())
      #expect(found.count == asked.count)
      #expect(found.values.allSatisfy { $0.address == testAddress("foo") })
    }
  }

  @Test func `only the aliases that are asked for are looked up`() throws {
    let fixture = try CoreFixture()
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])))
    try fixture.main.define(
      symbolAliases([
        fixture.name("a"): SymbolAlias(fixture.name("foo")),
        fixture.name("b"): SymbolAlias(fixture.name("nope")),
      ]))
    #expect(fixture.start(["a"]).names == ["a"])
    #expect(fixture.main.state(of: fixture.name("b")) == .neverSearched)
    #expect(
      fixture.start(["b"]).error
        == .failedToMaterialize(
          [fixture.symbol("b")], cause: .symbolsNotFound(["nope"], searched: ["main"])))
  }

  @Test func `an alias is ready when its aliasee is`() throws {
    let fixture = try CoreFixture()
    let foo = try fixture.materializing(["foo"])
    try fixture.main.define(symbolAliases([fixture.name("bar"): SymbolAlias(fixture.name("foo"))]))
    let resolved = fixture.start(["bar"], .resolved)
    let ready = fixture.start(["bar"])
    try fixture.resolve(foo)
    #expect(resolved.names == ["bar"])
    #expect(ready.value == nil)
    try foo.notifyEmitted()
    #expect(ready.names == ["bar"])
  }

  @Test func `an alias fails with its aliasee, and with its cause`() throws {
    for isResolved in [false, true] {
      let fixture = try CoreFixture()
      let foo = try fixture.materializing(["foo"])
      try fixture.main.define(symbolAliases([fixture.name("bar"): SymbolAlias(fixture.name("foo"))]))
      let bar = fixture.start(["bar"])
      if isResolved { try fixture.resolve(foo) }
      foo.failMaterialization(brokenCompiler)
      #expect(bar.error == .failedToMaterialize([fixture.symbol("bar")], cause: brokenCompiler))
      #expect(fixture.reports.value == [brokenCompiler])
    }
  }

  @Test func `symbols of another dylib are re-exported under their names or others`() throws {
    let fixture = try CoreFixture()
    let other = try fixture.session.createDylib("other")
    try other.define(absoluteSymbols(fixture.definitions(["foo", "bar"])))
    try fixture.main.define(try reexports([fixture.name("foo")], from: other))
    try fixture.main.define(reexports([fixture.name("baz"): SymbolAlias(fixture.name("bar"))], from: other))
    #expect(try fixture.session.lookup("foo", in: fixture.order).address == testAddress("foo"))
    #expect(try fixture.session.lookup("baz", in: fixture.order).address == testAddress("bar"))
    #expect(throws: OrcError.symbolsNotFound(["nope"], searched: ["other"])) {
      _ = try reexports([fixture.name("nope")], from: other)
    }
  }

  @Test func `aliases of each other are an error, not a hang`() throws {
    let fixture = try CoreFixture()
    let other = try fixture.session.createDylib("other")
    func alias(_ name: String, _ aliasee: String) -> SymbolAliasMap {
      [fixture.name(name): SymbolAlias(fixture.name(aliasee))]
    }
    try fixture.main.define(symbolAliases(alias("self", "self")))
    try fixture.main.define(symbolAliases(alias("a", "b").merging(alias("b", "a")) { first, _ in first }))
    try fixture.main.define(reexports(alias("x", "y"), from: other))
    try other.define(reexports(alias("y", "x"), from: fixture.main))
    #expect(fixture.start(["self"]).error?.firstCause == .aliasCycle([fixture.symbol("self")]))
    for name in ["a", "b"] {
      #expect(
        fixture.start([name]).error?.firstCause == .aliasCycle([fixture.symbol("a"), fixture.symbol("b")]))
    }
    #expect(
      fixture.start(["x"]).error?.firstCause
        == .aliasCycle([fixture.symbol("x"), fixture.symbol("y", "other")]))
  }

  @Test func `aliases that cross between the same units, without a cycle, are found`() throws {
    let fixture = try CoreFixture()
    let other = try fixture.session.createDylib("other")
    func alias(_ name: String, _ aliasee: String) -> SymbolAliasMap {
      [fixture.name(name): SymbolAlias(fixture.name(aliasee))]
    }
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])))
    try fixture.main.define(reexports(alias("a", "x"), from: other))
    try other.define(reexports(alias("x", "b").merging(alias("y", "foo")) { $1 }, from: fixture.main))
    try fixture.main.define(reexports(alias("b", "y"), from: other))
    #expect(try fixture.session.lookup("a", in: fixture.order).address == testAddress("foo"))
  }
}
