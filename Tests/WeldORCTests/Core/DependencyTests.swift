import Testing
import Weld

@Suite("ORC core: what is ready, and what fails with what")
struct DependencyTests {
  @Test func `nothing is ready before what it needs`() throws {
    let fixture = try CoreFixture()
    let foo = try fixture.materializing(["foo"])
    let bar = try fixture.materializing(["bar"])
    let result = fixture.start(["foo"])
    try fixture.emit(foo, needing: ["bar"])
    #expect(result.value == nil)
    #expect(fixture.main.state(of: fixture.name("foo")) == .emitted)
    try fixture.emit(bar)
    #expect(result.names == ["foo"])
  }

  @Test func `a chain is ready when its end is, in whatever order it is emitted`() throws {
    for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 0, 3, 2], [2, 0, 1, 3]] {
      let fixture = try CoreFixture()
      let links = try (0..<4).map { try fixture.materializing(["\($0)"]) }
      let results = (0..<4).map { fixture.start(["\($0)"]) }
      var emitted: Set<Int> = []
      for link in order {
        try fixture.emit(links[link], needing: link < 3 ? ["\(link + 1)"] : [])
        emitted.insert(link)
        for other in 0..<4 {
          #expect((results[other].value != nil) == (other...3).allSatisfy { emitted.contains($0) })
        }
      }
    }
  }

  @Test func `a cycle is ready at once`() throws {
    let fixture = try CoreFixture()
    let names = ["foo", "bar", "baz"]
    let units = try names.map { try fixture.materializing([$0]) }
    let results = names.map { fixture.start([$0]) }
    for (index, unit) in units.enumerated() {
      #expect(results.allSatisfy { $0.value == nil })
      try fixture.emit(unit, needing: [names[index], names[(index + 1) % 3]])
    }
    #expect(results.allSatisfy { $0.names?.count == 1 })
  }

  @Test func `two cycles that share a symbol and wait for another become ready with it`() throws {
    let fixture = try CoreFixture()
    let units = try ["a", "b", "c", "d"].map { try fixture.materializing([$0]) }
    let result = fixture.start(["a", "b", "c"])
    try fixture.emit(units[0], needing: ["b"])
    try fixture.emit(units[1], needing: ["a", "c"])
    try fixture.emit(units[2], needing: ["b", "d"])
    #expect(result.value == nil)
    #expect(["a", "b", "c"].allSatisfy { fixture.main.state(of: fixture.name($0)) == .emitted })
    try fixture.emit(units[3])
    #expect(result.names == ["a", "b", "c"])
  }

  @Test func `dependencies may be in other dylibs, also both ways`() throws {
    let fixture = try CoreFixture()
    let other = try fixture.session.createDylib("other")
    let foo = try fixture.materializing(["foo"])
    let bar = try fixture.materializing(["foo"], in: other)
    let result = fixture.start(["foo"])
    try fixture.emit(foo, needing: ["foo"], of: other)
    #expect(result.value == nil)
    try fixture.emit(bar, needing: ["foo"], of: fixture.main)
    #expect(result.names == ["foo"])
    #expect(other.state(of: fixture.name("foo")) == .ready)
  }

  @Test func `each group of an emission waits for its own`() throws {
    let fixture = try CoreFixture()
    let unit = try fixture.materializing(["a", "b", "c", "d"])
    let x = try fixture.materializing(["x"])
    let y = try fixture.materializing(["y"])
    let results = ["a", "b", "c", "d"].map { fixture.start([$0]) }
    try fixture.resolve(unit)
    func group(_ symbols: [String], _ needs: [String]) -> SymbolDependenceGroup {
      SymbolDependenceGroup(
        Set(symbols.map(fixture.name)), dependOn: [fixture.main: Set(needs.map(fixture.name))])
    }
    try unit.notifyEmitted([group(["a", "b"], ["x"]), group(["b"], ["y"]), group(["c"], ["a"])])
    #expect(results.map { $0.value != nil } == [false, false, false, true])
    try fixture.emit(x)
    #expect(results.map { $0.value != nil } == [true, false, true, true])
    try fixture.emit(y)
    #expect(results.map { $0.value != nil } == [true, true, true, true])
  }

  @Test func `a dependency that nobody asked for is asked for`() throws {
    let fixture = try CoreFixture()
    try fixture.main.define(absoluteSymbols(fixture.definitions(["bar"])))
    let foo = try fixture.materializing(["foo"])
    let result = fixture.start(["foo"])
    try fixture.emit(foo, needing: ["bar"])
    #expect(result.names == ["foo"])
  }

  @Test func `a dependency that is not defined is an error`() throws {
    let fixture = try CoreFixture()
    let foo = try fixture.materializing(["foo"])
    let result = fixture.start(["foo"])
    let error = OrcError.missingDependencies([fixture.symbol("nope")])
    #expect(throws: error) { try fixture.emit(foo, needing: ["nope"]) }
    #expect(result.value == nil)
    foo.failMaterialization(error)
    #expect(result.error == .failedToMaterialize([fixture.symbol("foo")], cause: error))
  }

  @Test func `exactly those fail that depend on what failed, all with the first cause`() throws {
    let fixture = try CoreFixture()
    let other = try fixture.session.createDylib("other")
    let foo = try fixture.materializing(["foo"])
    let bar = try fixture.materializing(["bar"])
    let far = try fixture.materializing(["far"], in: other)
    let bystander = try fixture.materializing(["bystander"])
    let base = try fixture.materializing(["base"])
    let results = ["foo", "bar", "bystander", "base"].map { fixture.start([$0]) }
    let mixed = fixture.start(["foo", "bystander"])
    try fixture.emit(foo, needing: ["bar"])
    try fixture.emit(bar, needing: ["base"])
    try fixture.emit(far, needing: ["foo"])
    try fixture.emit(bystander)
    base.failMaterialization(brokenCompiler)
    for (name, result) in zip(["foo", "bar"], results) {
      #expect(result.error == .failedToMaterialize([fixture.symbol(name)], cause: brokenCompiler))
    }
    #expect(results[2].names == ["bystander"])
    #expect(results[3].error == .failedToMaterialize([fixture.symbol("base")], cause: brokenCompiler))
    #expect(mixed.error == .failedToMaterialize([fixture.symbol("foo")], cause: brokenCompiler))
    #expect(fixture.reports.value == [brokenCompiler])
    // It stays so.
    let late = fixture.start(["far"], in: [SearchedJITDylib(other)])
    #expect(late.error == .failedToMaterialize([fixture.symbol("far", "other")], cause: brokenCompiler))
  }

  @Test func `what depends on something that has failed before fails with its cause`() throws {
    let fixture = try CoreFixture()
    let foo = try fixture.materializing(["foo"])
    let bar = try fixture.materializing(["bar"])
    let result = fixture.start(["foo"])
    bar.failMaterialization(brokenCompiler)
    let error = OrcError.failedToMaterialize([fixture.symbol("bar")], cause: brokenCompiler)
    #expect(throws: error) { try fixture.emit(foo, needing: ["bar"]) }
    foo.failMaterialization(error)
    #expect(result.error == .failedToMaterialize([fixture.symbol("foo")], cause: brokenCompiler))
    #expect(fixture.reports.value == [brokenCompiler])
  }

  @Test func `a cycle fails together`() throws {
    let fixture = try CoreFixture()
    let foo = try fixture.materializing(["foo"])
    let bar = try fixture.materializing(["bar"])
    let baz = try fixture.materializing(["baz"])
    let results = ["foo", "bar"].map { fixture.start([$0]) }
    try fixture.emit(foo, needing: ["bar"])
    try fixture.emit(bar, needing: ["foo", "baz"])
    baz.failMaterialization(brokenCompiler)
    #expect(results.allSatisfy { $0.error?.firstCause == brokenCompiler })
  }

  @Test func `who looks symbols up learns which of them are not ready`() throws {
    let fixture = try CoreFixture()
    let foo = try fixture.materializing(["foo"])
    try fixture.main.define(absoluteSymbols(fixture.definitions(["bar"])))
    #expect(fixture.start(["bar"]).names == ["bar"])
    let seen = Shared<SymbolDependenceMap>([:])
    fixture.session.lookup(
      SymbolLookupSet(["foo", "bar"].map(fixture.name)), in: fixture.order, requiring: .resolved,
      registerDependencies: { seen.value = $0 }
    ) { _ in #expect(seen.value == [fixture.main: [fixture.name("foo")]]) }
    #expect(seen.value.isEmpty)
    try fixture.emit(foo)
    #expect(!seen.value.isEmpty)
  }

  @Test func `random graphs: ready is who reaches only what is emitted`() throws {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<30 {
      let fixture = try CoreFixture()
      let count = 24
      let units = try (0..<count).map { try fixture.materializing(["\($0)"]) }
      let edges = (0..<count).map { _ in
        (0..<Int.random(in: 0...2, using: &random)).map { _ in Int.random(in: 0..<count, using: &random) }
      }
      var emitted: Set<Int> = []
      for next in (0..<count).shuffled(using: &random) {
        try fixture.emit(units[next], needing: edges[next].map { "\($0)" })
        emitted.insert(next)
        for start in 0..<count {
          var reached: Set<Int> = []
          var work = [start]
          while let node = work.popLast() {
            if reached.insert(node).inserted { work += edges[node] }
          }
          let state = fixture.main.state(of: fixture.name("\(start)"))
          #expect((state == .ready) == reached.isSubset(of: emitted))
        }
      }
    }
  }

  @Test func `a long chain costs no more than its length`() throws {
    let fixture = try CoreFixture()
    let count = 4_000
    let units = try (0..<count).map { try fixture.materializing(["\($0)"]) }
    let duration = try ContinuousClock().measure {
      for link in 0..<count {
        try fixture.emit(units[link], needing: link + 1 < count ? ["\(link + 1)"] : [])
      }
    }
    #expect(fixture.main.state(of: fixture.name("0")) == .ready)
    #expect(duration < .seconds(20))
  }

  @Test func `a thousand that need each other at random cost little more than they are`() throws {
    let fixture = try CoreFixture()
    let count = 1_000
    let units = try (0..<count).map { try fixture.materializing(["\($0)"]) }
    let duration = try ContinuousClock().measure {
      for number in (0..<count).shuffled() {
        let needs = (0..<3).map { _ in "\(Int.random(in: 0..<count))" }
        try fixture.emit(units[number], needing: needs)
      }
    }
    #expect((0..<count).allSatisfy { fixture.main.state(of: fixture.name("\($0)")) == .ready })
    #expect(duration < .seconds(20))
  }

  @Test func `what was emitted and is removed takes those with it that need it`() throws {
    let fixture = try CoreFixture()
    let tracker = try fixture.main.makeTracker()
    let units = try ["a", "b", "c"].map { name in
      try fixture.materializing([name], tracker: name == "b" ? tracker : nil)
    }
    let results = ["a", "b", "c"].map { fixture.start([$0]) }
    try fixture.emit(units[0], needing: ["b"])
    try fixture.emit(units[1], needing: ["c"])
    try tracker.remove()
    let cause = OrcError.resourceTrackerDefunct(dylib: "main")
    #expect(results[0].error == .failedToMaterialize([fixture.symbol("a")], cause: cause))
    #expect(results[1].error == .failedToMaterialize([fixture.symbol("b")], cause: cause))
    try fixture.emit(units[2])
    #expect(results[2].names == ["c"])
  }
}
