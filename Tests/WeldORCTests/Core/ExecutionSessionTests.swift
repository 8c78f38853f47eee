import Testing
import Weld

@Suite("ORC core: lookups, definitions and removal")
struct ExecutionSessionTests {
  @Test("names spread over the buckets of dictionaries, whatever their seed")
  func namesSpread() {
    let pool = SymbolStringPool()
    let names = (0..<4096).map { pool.intern("name\($0)") }
    for seed in [0, 5, 0x5555_0000] {
      let buckets = Set(names.map { $0._rawHashValue(seed: seed) & 4095 })
      // Numbers drawn at random leave 1507 of as many buckets empty.
      #expect(buckets.count > 2048)
    }
    let all = Set(names)
    #expect(all.count == 4096)
    #expect((0..<4096).allSatisfy { all.contains(pool.intern("name\($0)")) })
  }

  @Test func `names are equal by identity and die when nobody holds them`() throws {
    let pool = SymbolStringPool()
    var name: SymbolStringPtr? = pool.intern("foo")
    #expect(name == pool.intern("foo"))
    #expect(name != pool.intern("bar"))
    #expect(name != SymbolStringPool().intern("foo"))
    #expect(name?.text == "foo")
    #expect(pool.count == 1)
    name = nil
    #expect(pool.count == 0)
    for number in 0..<10_000 { _ = pool.intern("\(number)") }
    #expect(pool.count == 0)
  }

  @Test func `absolute symbols are found by all three forms of lookup`() async throws {
    let fixture = try CoreFixture()
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo", "bar"])))
    let set = SymbolLookupSet(["foo", "bar"].map(fixture.name))
    let expected = fixture.definitions(["foo", "bar"])
    #expect(try await fixture.session.lookup(set, in: fixture.order) == expected)
    #expect(try await fixture.session.lookup("foo", in: fixture.order).address == testAddress("foo"))
    let blocking = { () throws(OrcError) in try fixture.session.lookup("bar", in: fixture.order) }
    #expect(try blocking().address == testAddress("bar"))
    let result = fixture.start(["foo", "bar"])
    #expect(try result.value?.get() == expected)
  }

  @Test func `an address is seen when it is resolved, the rest when it is ready`() throws {
    let fixture = try CoreFixture()
    let foo = try fixture.materializing(["foo"])
    let resolved = fixture.start(["foo"], .resolved)
    let ready = fixture.start(["foo"])
    #expect(resolved.value == nil)
    try fixture.resolve(foo)
    #expect(resolved.names == ["foo"])
    #expect(ready.value == nil)
    #expect(fixture.main.state(of: fixture.name("foo")) == .resolved)
    try foo.notifyEmitted()
    #expect(ready.names == ["foo"])
    #expect(fixture.main.state(of: fixture.name("foo")) == .ready)
  }

  @Test func `a lookup waits for all of its symbols`() throws {
    let fixture = try CoreFixture()
    let foo = try fixture.materializing(["foo"])
    let bar = try fixture.materializing(["bar"])
    let both = fixture.start(["foo", "bar"])
    try fixture.emit(foo)
    #expect(both.value == nil)
    try fixture.emit(bar)
    #expect(both.names == ["foo", "bar"])
  }

  @Test func `a lookup of nothing succeeds`() throws {
    let fixture = try CoreFixture()
    #expect(try fixture.start([]).value?.get() == [:])
    #expect(try fixture.session.lookup(SymbolLookupSet([]), in: []) == [:])
  }

  @Test func `all missing names are in the error, with what was searched; weak references may be missing`()
    throws
  {
    let fixture = try CoreFixture()
    let other = try fixture.session.createDylib("other")
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])))
    let order = fixture.order + [SearchedJITDylib(other)]
    #expect(
      fixture.start(["foo", "baz", "bar"], in: order).error
        == .symbolsNotFound(["bar", "baz"], searched: ["main", "other"]))
    #expect(fixture.start(["foo", "bar"], .ready, .weaklyReferenced).names == ["foo"])
    #expect(throws: OrcError.symbolsNotFound(["nope"], searched: ["main"])) {
      try fixture.session.lookup("nope", in: fixture.order)
    }
  }

  @Test func `only what is asked for is made`() throws {
    let fixture = try CoreFixture()
    try fixture.main.define(TestUnit(fixture.flags(["foo"])) { _ in Issue.record("not asked for") })
    try fixture.main.define(absoluteSymbols(fixture.definitions(["bar"])))
    #expect(fixture.start(["bar"]).names == ["bar"])
    #expect(fixture.main.state(of: fixture.name("foo")) == .neverSearched)
    #expect(
      try fixture.session.lookupFlags(SymbolLookupSet(fixture.name("foo")), in: fixture.order)
        == [fixture.name("foo"): .exported])
  }

  @Test func `hidden symbols are seen only by those who match all`() throws {
    let fixture = try CoreFixture()
    let other = try fixture.session.createDylib("other")
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"], [])))
    let exported = [SearchedJITDylib(fixture.main)]
    #expect(fixture.start(["foo"], in: exported).error == .symbolsNotFound(["foo"], searched: ["main"]))
    #expect(fixture.start(["foo"]).names == ["foo"])
    let elsewhere = EvaluatedSymbol(address: Address(rawValue: 7), flags: .exported)
    try other.define(absoluteSymbols([fixture.name("foo"): elsewhere]))
    let order = exported + [SearchedJITDylib(other)]
    #expect(try fixture.session.lookup("foo", in: order) == elsewhere)
    #expect(try fixture.session.lookup("foo", in: order.reversed()) == elsewhere)
    #expect(try fixture.session.lookup("foo", in: fixture.order + order).address == testAddress("foo"))
  }

  @Test func `link orders may be cyclic and are changed one entry at a time`() throws {
    let fixture = try CoreFixture()
    let (a, b) = (try fixture.session.createDylib("a"), try fixture.session.createDylib("b"))
    try a.addToLinkOrder(b)
    try b.addToLinkOrder(a)
    #expect(a.linkOrder == [SearchedJITDylib(a, .matchAllSymbols), SearchedJITDylib(b)])
    try a.define(absoluteSymbols(fixture.definitions(["foo"])))
    #expect(fixture.start(["foo"], in: b.linkOrder).names == ["foo"])
    #expect(fixture.start(["bar"], in: b.linkOrder).error == .symbolsNotFound(["bar"], searched: ["b", "a"]))
    try a.replaceInLinkOrder(b, with: fixture.main)
    #expect(a.linkOrder.map(\.dylib) == [a, fixture.main])
    try a.removeFromLinkOrder(fixture.main)
    #expect(a.linkOrder.map(\.dylib) == [a])
    try a.setLinkOrder([SearchedJITDylib(b)])
    #expect(a.linkOrder.map(\.dylib) == [a, b])
    try a.setLinkOrder([SearchedJITDylib(b)], linksAgainstThisFirst: false)
    #expect(a.linkOrder.map(\.dylib) == [b])
    try fixture.session.remove(b)
    #expect(a.linkOrder.isEmpty)
  }

  @Test func `what nobody asked for and what is ready can be removed, what is being made cannot`() throws {
    let fixture = try CoreFixture()
    let discarded = Shared<[String]>([])
    let unit = TestUnit(
      fixture.flags(["foo", "bar"]), discard: { name in discarded.change { $0.append(name.text) } }
    ) { responsibility in
      #expect(responsibility.symbols.keys.map(\.text) == ["bar"])
      responsibility.failMaterialization(brokenCompiler)
    }
    try fixture.main.define(unit)
    let baz = try fixture.materializing(["baz"])
    let (foo, bazName) = (fixture.name("foo"), fixture.name("baz"))
    #expect(throws: OrcError.symbolsNotFound(["nope"], searched: ["main"])) {
      try fixture.main.remove([foo, fixture.name("nope")])
    }
    #expect(throws: OrcError.symbolsCouldNotBeRemoved([fixture.symbol("baz")])) {
      try fixture.main.remove([foo, bazName])
    }
    #expect(discarded.value.isEmpty)
    try fixture.main.remove([foo])
    #expect(discarded.value == ["foo"])
    try fixture.resolve(baz)
    #expect(throws: OrcError.symbolsCouldNotBeRemoved([fixture.symbol("baz")])) {
      try fixture.main.remove([bazName])
    }
    try baz.notifyEmitted()
    try fixture.main.remove([bazName])
    #expect(fixture.main.state(of: bazName) == nil)
    try fixture.main.define(absoluteSymbols(fixture.definitions(["baz", "foo"])))
    #expect(fixture.start(["foo", "baz"]).names == ["foo", "baz"])
    #expect(
      fixture.start(["bar"]).error == .failedToMaterialize([fixture.symbol("bar")], cause: brokenCompiler))
  }

  @Test func `a second strong definition is an error that changes nothing`() throws {
    let fixture = try CoreFixture()
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])))
    #expect(throws: OrcError.duplicateDefinition([fixture.symbol("foo")])) {
      try fixture.main.define(absoluteSymbols(fixture.definitions(["foo", "bar"])))
    }
    #expect(fixture.main.state(of: fixture.name("bar")) == nil)
  }

  @Test(arguments: [SymbolFlags.weak, .common])
  func `the first of weak definitions counts`(weak: SymbolFlags) throws {
    let fixture = try CoreFixture()
    let discarded = Shared<[String]>([])
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"], [.exported, weak])))
    let later = TestUnit(
      fixture.flags(["foo"], [.exported, weak]),
      discard: { name in discarded.change { $0.append(name.text) } }
    ) { _ in Issue.record("not needed") }
    try fixture.main.define(later)
    #expect(discarded.value == ["foo"])
    #expect(fixture.start(["foo"]).names == ["foo"])
  }

  @Test func `a strong definition replaces a weak one only before somebody asks for it`() throws {
    let fixture = try CoreFixture()
    let discarded = Shared<[String]>([])
    let weak = TestUnit(
      fixture.flags(["foo", "bar"], [.exported, .weak]),
      discard: { name in discarded.change { $0.append(name.text) } }
    ) { responsibility in
      #expect(responsibility.symbols.keys.map(\.text) == ["bar"])
      try? fixture.emit(responsibility)
    }
    try fixture.main.define(weak)
    let strong = EvaluatedSymbol(address: Address(rawValue: 7), flags: .exported)
    try fixture.main.define(absoluteSymbols([fixture.name("foo"): strong]))
    #expect(discarded.value == ["foo"])
    #expect(try fixture.session.lookup("foo", in: fixture.order) == strong)
    #expect(fixture.start(["bar"]).names == ["bar"])
    #expect(throws: OrcError.duplicateDefinition([fixture.symbol("bar")])) {
      try fixture.main.define(absoluteSymbols([fixture.name("bar"): strong]))
    }
  }

  @Test func `a unit of which nothing is needed is released`() throws {
    final class Canary: Sendable {}
    let fixture = try CoreFixture()
    weak var canary: Canary?
    do {
      let kept = Canary()
      canary = kept
      try fixture.main.define(TestUnit(fixture.flags(["foo", "bar"], [.exported, .weak])) { _ in _ = kept })
    }
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])))
    #expect(canary != nil)
    try fixture.main.define(absoluteSymbols(fixture.definitions(["bar"])))
    #expect(canary == nil)
  }

  @Test func `what exists for side effects only is in no result and must be looked up weakly`() throws {
    let fixture = try CoreFixture()
    let flags: SymbolFlags = [.exported, .materializationSideEffectsOnly]
    try fixture.main.define(
      TestUnit(fixture.flags(["init"], flags), initializer: fixture.name("init")) { responsibility in
        #expect(responsibility.initializerSymbol?.text == "init")
        #expect(throws: Never.self) { try responsibility.notifyEmitted() }
      })
    #expect(fixture.start(["init"]).error == .materializationSideEffectsOnly([fixture.symbol("init")]))
    #expect(fixture.main.state(of: fixture.name("init")) == .neverSearched)
    #expect(fixture.start(["init"], .ready, .weaklyReferenced).names == [])
    #expect(fixture.main.state(of: fixture.name("init")) == .ready)
  }

  @Test func `a session that has ended fails what is pending and throws at everything`() throws {
    let fixture = try CoreFixture()
    let foo = try fixture.materializing(["foo"])
    let pending = fixture.start(["foo"])
    try fixture.session.endSession()
    #expect(pending.error == .failedToMaterialize([fixture.symbol("foo")], cause: .sessionClosed))
    #expect(throws: OrcError.sessionClosed) { try foo.notifyResolved([:]) }
    #expect(throws: OrcError.sessionClosed) { try fixture.session.endSession() }
    #expect(throws: OrcError.sessionClosed) { try fixture.session.createDylib("b") }
    #expect(throws: OrcError.sessionClosed) { try fixture.main.makeTracker() }
    #expect(throws: OrcError.sessionClosed) { try fixture.main.clear() }
    #expect(throws: OrcError.sessionClosed) { try fixture.session.lookup("foo", in: fixture.order) }
    #expect(throws: OrcError.sessionClosed) { try fixture.main.define(absoluteSymbols([:])) }
  }

  @Test func `a removed dylib and one of another session are errors`() throws {
    let fixture = try CoreFixture()
    let foreign = try CoreFixture().main
    let old = try fixture.session.createDylib("old")
    #expect(throws: OrcError.duplicateDylib(dylib: "old")) { try fixture.session.createDylib("old") }
    #expect(fixture.session.dylib(named: "old") == old)
    try fixture.session.remove(old)
    #expect(fixture.session.dylib(named: "old") == nil)
    #expect(!old.isOpen)
    #expect(throws: OrcError.dylibClosed(dylib: "old")) { try old.define(absoluteSymbols([:])) }
    #expect(throws: OrcError.dylibClosed(dylib: "old")) { try fixture.session.remove(old) }
    #expect(throws: OrcError.dylibClosed(dylib: "old")) {
      try fixture.session.lookup("foo", in: [SearchedJITDylib(old)])
    }
    #expect(throws: OrcError.anotherSession(dylib: "main")) {
      try fixture.session.lookup("foo", in: [SearchedJITDylib(foreign)])
    }
    #expect(throws: OrcError.anotherSession(dylib: "main")) { try fixture.main.addToLinkOrder(foreign) }
    #expect(throws: OrcError.anotherDylib(tracker: "main", dylib: "main")) {
      try fixture.main.define(absoluteSymbols([:]), tracker: foreign.defaultTracker)
    }
  }

  @Test func `the state can be printed`() throws {
    let fixture = try CoreFixture()
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])))
    let bar = try fixture.materializing(["bar"])
    let dump = fixture.session.dump()
    #expect(dump.contains("foo: neverSearched [exported] by <absolute symbols>"))
    #expect(dump.contains("bar: materializing [exported], awaited by 1"))
    bar.failMaterialization(brokenCompiler)
    #expect(fixture.session.dump().contains("bar: failed [exported]: the compiler broke"))
  }

  @Test func `errors say what happened, where, and what to do`() {
    let foo = OrcError.Symbol(name: "foo", dylib: "main")
    let bar = OrcError.Symbol(name: "bar", dylib: "other")
    #expect(
      OrcError.failedToMaterialize([foo], cause: .missingDependencies([bar])).description
        == "cannot make 'foo' of main: depends on 'bar' of other, which are not defined or were removed in the meantime"
    )
    #expect(
      OrcError.symbolsNotFound(["foo", "bar"], searched: ["main", "other"]).description
        == "symbols not found: 'foo', 'bar'; searched: main, other; define them, add a generator or look in another dylib"
    )
    #expect(
      OrcError.aliasCycle([foo, bar]).description
        == "aliases of each other, with no definition: 'foo' of main, 'bar' of other; define one of them")
    let many = OrcError.unexpectedDefinitions([OrcError.Symbol](repeating: foo, count: 12))
    #expect(many.description.contains(" and 2 more; "))
    #expect(OrcError(LinkError.nothingToLink) == .link(.nothingToLink))
  }

  @Test func `nothing keeps a session alive that was forgotten`() throws {
    final class Canary: Sendable {}
    weak var canary: Canary?
    weak var session: ExecutionSession?
    do {
      let fixture = try CoreFixture()
      let kept = Canary()
      canary = kept
      session = fixture.session
      // Units, generators and lookups that refer to the session in which they are.
      try fixture.main.define(
        TestUnit(fixture.flags(["foo"])) { [main = fixture.main] _ in _ = (main, kept) })
      try fixture.main.addGenerator(ClosureGenerator { [main = fixture.main] _ in _ = (main, kept) })
      let bar = try fixture.materializing(["bar"])
      fixture.session.lookup(SymbolLookupSet(fixture.name("bar")), in: fixture.order) { _ in _ = (bar, kept) }
    }
    #expect(session == nil)
    #expect(canary == nil)
  }
}
