import Testing
import Weld

@Suite("ORC core: generators")
struct DefinitionGeneratorTests {
  /// Answers when told.
  private final class Patient: DefinitionGenerator {
    let requests = Shared<[GenerationRequest]>([])
    func generate(_ request: GenerationRequest) { requests.change { $0.append(request) } }
    func takeFirst() -> GenerationRequest? {
      var taken: GenerationRequest?
      requests.change { taken = $0.isEmpty ? nil : $0.removeFirst() }
      return taken
    }
  }

  @Test func `a generator is asked for what is missing, and only for that`() throws {
    let fixture = try CoreFixture()
    let asked = Shared<[[String]]>([])
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"])))
    try fixture.main.addGenerator(
      ClosureGenerator { request throws(OrcError) in
        asked.change { $0.append(request.symbols.names.map(\.text).sorted()) }
        #expect(request.kind == .dlsym)
        #expect(request.dylibFlags == .matchAllSymbols)
        let names = request.symbols.names.filter { $0.text.hasPrefix("b") }
        try request.dylib.define(absoluteSymbols(fixture.definitions(names)))
      })
    try fixture.main.addGenerator(
      ClosureGenerator { request in asked.change { $0.append(["2"] + request.symbols.names.map(\.text)) } })
    let all = SymbolLookupSet(["foo", "bar", "baz"].map(fixture.name))
    #expect(try fixture.session.lookup(all, in: fixture.order, kind: .dlsym).count == 3)
    #expect(try fixture.session.lookup(all, in: fixture.order, kind: .dlsym).count == 3)
    #expect(asked.value == [["bar", "baz"]])
    #expect(throws: OrcError.symbolsNotFound(["nope"], searched: ["main"])) {
      try fixture.session.lookup("nope", in: fixture.order, kind: .dlsym)
    }
    #expect(asked.value == [["bar", "baz"], ["nope"], ["2", "nope"]])
  }

  @Test func `generators are asked in the order of the search, dylib by dylib`() throws {
    let fixture = try CoreFixture()
    let other = try fixture.session.createDylib("other")
    let asked = Shared<[String]>([])
    for (dylib, name) in [(fixture.main, "1"), (fixture.main, "2"), (other, "3")] {
      try dylib.addGenerator(ClosureGenerator { _ in asked.change { $0.append(name) } })
    }
    let unneeded = ClosureGenerator { _ in Issue.record("removed") }
    fixture.main.removeGenerator(try fixture.main.addGenerator(unneeded))
    #expect(
      fixture.start(["foo"], .ready, .weaklyReferenced, in: [SearchedJITDylib(other)] + fixture.order).names
        == [])
    #expect(asked.value == ["3", "1", "2"])
  }

  @Test func `a name that is hidden is not asked for where it is defined`() throws {
    let fixture = try CoreFixture()
    try fixture.main.define(absoluteSymbols(fixture.definitions(["foo"], [])))
    try fixture.main.addGenerator(ClosureGenerator { _ in Issue.record("it is defined") })
    #expect(fixture.start(["foo"], in: [SearchedJITDylib(fixture.main)]).error != nil)
  }

  @Test func `a generator may answer later, and gets one request at a time`() throws {
    let fixture = try CoreFixture()
    let generator = Patient()
    try fixture.main.addGenerator(generator)
    let foo = fixture.start(["foo", "bar"])
    let again = fixture.start(["foo"])
    let other = fixture.start(["other"])
    #expect(generator.requests.value.count == 1)
    let first = try #require(generator.takeFirst())
    try fixture.main.define(absoluteSymbols(fixture.definitions(first.symbols.names)))
    #expect(foo.value == nil)
    first.finish()
    first.fail(brokenCompiler)
    #expect(foo.names == ["foo", "bar"])
    #expect(again.names == ["foo"], "what the first request defined")
    #expect(other.value == nil)
    let second = try #require(generator.takeFirst())
    #expect(second.symbols.names.map(\.text) == ["other"])
    second.finish()
    #expect(other.error == .symbolsNotFound(["other"], searched: ["main"]))
  }

  @Test func `an error of a generator is the error of the lookup, and the next is served`() throws {
    let fixture = try CoreFixture()
    let generator = Patient()
    try fixture.main.addGenerator(generator)
    let foo = fixture.start(["foo"])
    let bar = fixture.start(["bar"])
    generator.takeFirst()?.fail(brokenCompiler)
    #expect(foo.error == brokenCompiler)
    // Dropped without an answer.
    _ = generator.takeFirst()
    #expect(bar.error == .generationDropped(names: ["bar"], dylib: "main"))
    try fixture.main.addGenerator(ClosureGenerator { _ throws(OrcError) in throw brokenCompiler })
    let baz = fixture.start(["baz"])
    generator.takeFirst()?.finish()
    #expect(baz.error == brokenCompiler)
  }

  @Test func `a removed generator, dylib or session does not leave lookups waiting`() throws {
    let fixture = try CoreFixture()
    let generator = Patient()
    let token = try fixture.main.addGenerator(generator)
    let other = try fixture.session.createDylib("other")
    try other.addGenerator(generator)
    let foo = fixture.start(["foo"])
    let bar = fixture.start(["bar"])
    let far = fixture.start(["far"], in: [SearchedJITDylib(other)])
    fixture.main.removeGenerator(token)
    #expect(foo.value == nil)
    #expect(bar.error == .symbolsNotFound(["bar"], searched: ["main"]))
    try fixture.session.remove(other)
    #expect(far.error == .dylibClosed(dylib: "other"))
    try fixture.session.endSession()
    #expect(foo.error == .sessionClosed)
    generator.requests.value = []
  }

  @Test func `a generator may look other things up`() throws {
    let fixture = try CoreFixture()
    let other = try fixture.session.createDylib("other")
    try other.define(absoluteSymbols(fixture.definitions(["base"])))
    try fixture.main.addGenerator(
      ClosureGenerator { request throws(OrcError) in
        let base = try fixture.session.lookup("base", in: [SearchedJITDylib(other)])
        var map: SymbolMap = [:]
        for name in request.symbols.names { map[name] = base }
        try request.dylib.define(absoluteSymbols(map))
      })
    #expect(try fixture.session.lookup("foo", in: fixture.order).address == testAddress("base"))
  }
}
