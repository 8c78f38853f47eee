import Testing
import Weld

@Suite("ORC core: the obligation to make definitions")
struct ResponsibilityTests {
  @Test func `what is owed and what was asked for is known`() throws {
    let fixture = try CoreFixture()
    let unit = TestUnit(fixture.flags(["foo", "bar", "init"]), initializer: fixture.name("init")) {
      responsibility in
      #expect(Set(responsibility.symbols.keys.map(\.text)) == ["foo", "bar", "init"])
      #expect(responsibility.requestedSymbols == [fixture.name("foo")])
      #expect(responsibility.initializerSymbol == fixture.name("init"))
      #expect(responsibility.dylib == fixture.main)
      #expect(throws: Never.self) { try fixture.emit(responsibility) }
      #expect(responsibility.symbols.isEmpty)
    }
    try fixture.main.define(unit)
    #expect(fixture.start(["foo"]).names == ["foo"])
  }

  @Test func `dropped without an answer, its symbols fail`() throws {
    let fixture = try CoreFixture()
    try fixture.main.define(TestUnit(fixture.flags(["foo", "bar"])) { _ in })
    let cause = OrcError.responsibilityDropped([fixture.symbol("bar"), fixture.symbol("foo")])
    #expect(fixture.start(["foo"]).error == .failedToMaterialize([fixture.symbol("foo")], cause: cause))
    #expect(fixture.start(["bar"]).error == .failedToMaterialize([fixture.symbol("bar")], cause: cause))
    #expect(fixture.reports.value == [cause])
  }

  @Test func `dropped because a notification threw, its symbols fail with that`() throws {
    let fixture = try CoreFixture()
    try fixture.main.define(TestUnit(fixture.flags(["foo"])) { try? $0.notifyEmitted() })
    let cause = OrcError.missingDefinitions([fixture.symbol("foo")])
    #expect(fixture.start(["foo"]).error == .failedToMaterialize([fixture.symbol("foo")], cause: cause))
  }

  @Test func `what was not promised, or was defined before, is an error`() throws {
    let fixture = try CoreFixture()
    let foo = try fixture.materializing(["foo", "bar"])
    let unexpected = { (names: [String]) in OrcError.unexpectedDefinitions(names.map { fixture.symbol($0) }) }
    #expect(throws: unexpected(["nope"])) { try foo.notifyResolved(fixture.definitions(["foo", "nope"])) }
    try foo.notifyResolved(fixture.definitions(["foo"]))
    #expect(throws: unexpected(["foo"])) { try foo.notifyResolved(fixture.definitions(["foo"])) }
    #expect(throws: OrcError.missingDefinitions([fixture.symbol("bar")])) { try foo.notifyEmitted() }
    try foo.notifyResolved(fixture.definitions(["bar"]))
    let group = SymbolDependenceGroup([fixture.name("nope")], dependOn: [:])
    #expect(throws: unexpected(["nope"])) { try foo.notifyEmitted([group]) }
    try foo.notifyEmitted()
    #expect(throws: OrcError.responsibilityFulfilled(dylib: "main")) { try foo.notifyEmitted() }
    #expect(throws: OrcError.responsibilityFulfilled(dylib: "main")) { try foo.notifyResolved([:]) }
    foo.failMaterialization(brokenCompiler)
    #expect(fixture.start(["foo", "bar"]).names == ["foo", "bar"])
    #expect(fixture.reports.value.isEmpty)
  }

  @Test func `the errors of users' code keep their text and themselves`() throws {
    struct Broken: Error, CustomStringConvertible { let description = "the compiler broke" }
    let fixture = try CoreFixture()
    let foo = try fixture.materializing(["foo"])
    foo.failMaterialization(Broken())
    #expect(fixture.reports.value == [brokenCompiler])
    guard case .other(let error)? = fixture.start(["foo"]).error?.firstCause else {
      Issue.record("another error")
      return
    }
    #expect(error.original is Broken)
    #expect(fixture.start(["foo"]).error?.description == "cannot make 'foo' of main: the compiler broke")
  }

  @Test func `it resolves as far as it gets, and what was resolved fails with the rest`() throws {
    let fixture = try CoreFixture()
    let unit = try fixture.materializing(["foo", "bar"])
    let resolved = fixture.start(["foo"], .resolved)
    let ready = fixture.start(["foo"])
    try unit.notifyResolved(fixture.definitions(["foo"]))
    #expect(resolved.names == ["foo"])
    unit.failMaterialization(brokenCompiler)
    #expect(ready.error?.firstCause == brokenCompiler)
    #expect(fixture.start(["foo"], .resolved).error?.firstCause == brokenCompiler)
  }

  @Test func `more symbols can be claimed while making the others`() throws {
    let fixture = try CoreFixture()
    try fixture.main.define(absoluteSymbols(fixture.definitions(["known"])))
    let foo = try fixture.materializing(["foo"])
    #expect(throws: OrcError.duplicateDefinition([fixture.symbol("known")])) {
      try foo.defineMaterializing(fixture.flags(["known", "bar"]))
    }
    #expect(fixture.main.state(of: fixture.name("bar")) == nil)
    let weak = try foo.defineMaterializing(
      fixture.flags(["known"], [.exported, .weak]).merging(fixture.flags(["bar"])) { first, _ in first })
    #expect(weak == [fixture.name("known")])
    let bar = fixture.start(["bar"])
    #expect(bar.value == nil)
    #expect(Set(foo.symbols.keys.map(\.text)) == ["foo", "bar"])
    try fixture.emit(foo)
    #expect(bar.names == ["bar"])
  }

  @Test func `what was given back is made when it is asked for`() throws {
    let fixture = try CoreFixture()
    let made = Shared<[String]>([])
    let later = TestUnit(fixture.flags(["bar"])) { responsibility in
      made.change { $0.append("bar") }
      try? fixture.emit(responsibility)
    }
    let unit = TestUnit(fixture.flags(["foo", "bar"])) { responsibility in
      #expect(throws: Never.self) {
        try responsibility.replace(with: later)
        #expect(responsibility.symbols.keys.map(\.text) == ["foo"])
        try fixture.emit(responsibility)
      }
    }
    try fixture.main.define(unit)
    #expect(fixture.start(["foo"]).names == ["foo"])
    #expect(made.value.isEmpty)
    #expect(fixture.main.state(of: fixture.name("bar")) == .neverSearched)
    #expect(fixture.start(["bar"]).names == ["bar"])
    #expect(made.value == ["bar"])
  }

  @Test func `what was given back and is waited for is made at once`() throws {
    let fixture = try CoreFixture()
    let foo = try fixture.materializing(["foo"])
    let result = fixture.start(["foo"])
    try foo.replace(with: absoluteSymbols(fixture.definitions(["foo"])))
    #expect(result.names == ["foo"])
    #expect(throws: OrcError.unexpectedDefinitions([fixture.symbol("foo")])) {
      try foo.replace(with: absoluteSymbols(fixture.definitions(["foo"])))
    }
  }

  @Test func `parts can be delegated, and fail on their own`() throws {
    let fixture = try CoreFixture()
    let foo = try fixture.materializing(["foo", "bar", "baz"])
    let results = ["foo", "bar", "baz"].map { fixture.start([$0]) }
    #expect(throws: OrcError.unexpectedDefinitions([fixture.symbol("nope")])) {
      _ = try foo.delegate([fixture.name("nope")])
    }
    let bar = try foo.delegate([fixture.name("bar")])
    var baz: MaterializationResponsibility? = try foo.delegate([fixture.name("baz")])
    #expect(bar.symbols.keys.map(\.text) == ["bar"])
    #expect(bar.requestedSymbols == [fixture.name("bar")])
    try fixture.emit(bar)
    #expect(results.map { $0.value != nil } == [false, true, false])
    #expect(baz?.symbols.count == 1)
    baz = nil
    #expect(results[2].error?.firstCause == .responsibilityDropped([fixture.symbol("baz")]))
    try fixture.emit(foo)
    #expect(results[0].names == ["foo"])
  }

  @Test func `a lookup may be made by a materializer, blocking or not`() throws {
    let fixture = try CoreFixture()
    try fixture.main.define(absoluteSymbols(fixture.definitions(["base"])))
    let blocking = TestUnit(fixture.flags(["blocking"])) { responsibility in
      #expect(throws: Never.self) {
        _ = try fixture.session.lookup("base", in: fixture.order)
        try fixture.emit(responsibility, needing: ["base"])
      }
    }
    let continuing = TestUnit(fixture.flags(["continuing"])) { responsibility in
      fixture.session.lookup(
        SymbolLookupSet(fixture.name("blocking")), in: fixture.order, requiring: .resolved
      ) { result in
        #expect((try? result.get())?.count == 1)
        try? fixture.emit(responsibility, needing: ["blocking"])
      }
    }
    try fixture.main.define(blocking)
    try fixture.main.define(continuing)
    #expect(try fixture.session.lookup("continuing", in: fixture.order).address == testAddress("continuing"))
  }

  @Test func `a chain of ten thousand materializers that look each other up does not fill the stack`() throws
  {
    let fixture = try CoreFixture()
    let count = 10_000
    for number in 0..<count {
      let unit = TestUnit(fixture.flags(["\(number)"])) { responsibility in
        let next = number + 1 < count ? ["\(number + 1)"] : []
        fixture.session.lookup(
          SymbolLookupSet(next.map(fixture.name)), in: fixture.order, requiring: .resolved
        ) { result in
          if case .failure(let error) = result { return responsibility.failMaterialization(error) }
          try? fixture.emit(responsibility, needing: next)
        }
      }
      try fixture.main.define(unit)
    }
    #expect(try fixture.session.lookup("0", in: fixture.order).address == testAddress("0"))
  }

  @Test func `what is asked for together may wait for each other`() throws {
    for _ in 0..<50 {
      let fixture = try CoreFixture()
      let waiting = TestUnit(fixture.flags(["waiting"])) { responsibility in
        #expect(throws: Never.self) {
          _ = try fixture.session.lookup("awaited", in: fixture.order)
          try fixture.emit(responsibility, needing: ["awaited"])
        }
      }
      let awaited = TestUnit(fixture.flags(["awaited"])) { responsibility in
        #expect(throws: Never.self) { try fixture.emit(responsibility) }
      }
      try fixture.main.define(waiting)
      try fixture.main.define(awaited)
      #expect(fixture.start(["waiting", "awaited"]).names == ["waiting", "awaited"])
    }
  }

  @Test func `what needs each other's addresses may wait for them`() throws {
    for _ in 0..<50 {
      let fixture = try CoreFixture()
      func unit(_ name: String, needing other: String) -> TestUnit {
        TestUnit(fixture.flags([name])) { responsibility in
          #expect(throws: Never.self) {
            try fixture.resolve(responsibility)
            _ = try fixture.session.lookup(other, in: fixture.order, requiring: .resolved)
            let needs = [fixture.main: Set([fixture.name(other)])]
            try responsibility.notifyEmitted([
              SymbolDependenceGroup([fixture.name(name)], dependOn: needs)
            ])
          }
        }
      }
      try fixture.main.define(unit("one", needing: "other"))
      try fixture.main.define(unit("other", needing: "one"))
      #expect(fixture.start(["one", "other"]).names == ["one", "other"])
    }
  }

  @Test func `a completion may wait for what starts with it`() throws {
    let fixture = try CoreFixture()
    let later = TestUnit(fixture.flags(["later"])) { responsibility in
      #expect(throws: Never.self) { try fixture.emit(responsibility) }
    }
    try fixture.main.define(later)
    let first = try fixture.materializing(["first"])
    let found = Shared<Address?>(nil)
    fixture.session.lookup(
      SymbolLookupSet(fixture.name("first")), in: fixture.order, requiring: .resolved
    ) { _ in found.value = try? fixture.session.lookup("later", in: fixture.order).address }
    try fixture.emit(first, needing: ["later"])
    #expect(found.value == testAddress("later"))
  }

  @Test func `what is owed already is not claimed again`() throws {
    let fixture = try CoreFixture()
    let responsibility = try fixture.materializing(["mine"], .weak)
    #expect(try responsibility.defineMaterializing(fixture.flags(["mine", "more"], .weak)) == [])
    #expect(Set(responsibility.symbols.keys.map(\.text)) == ["mine", "more"])
    try fixture.emit(responsibility)
  }

  @Test func `the state can be described while units ask for it`() throws {
    struct Curious: MaterializationUnit {
      let dylib: JITDylib
      let symbols: SymbolFlagsMap
      var name: String { dylib.isOpen ? "curious" : "closed" }
      func materialize(_ responsibility: MaterializationResponsibility) {}
    }
    let fixture = try CoreFixture()
    try fixture.main.define(Curious(dylib: fixture.main, symbols: fixture.flags(["symbol"])))
    #expect(fixture.session.dump().contains("by curious"))
  }
}
