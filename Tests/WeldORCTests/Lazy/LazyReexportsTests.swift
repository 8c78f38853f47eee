import Foundation
import Synchronization
import Testing
import Weld

/// After LLVM's `LazyCallThroughAndReexportsTest`.
@Suite("Lazy re-exports", .timeLimit(.minutes(2)))
struct LazyReexportsTests {
  private let fixture: CoreFixture
  private let source: JITDylib
  private let stubs: IndirectStubsManager
  private let callThrough: LazyCallThroughManager
  private let materialized = Shared(0)

  init() throws {
    fixture = try CoreFixture()
    source = try fixture.session.createDylib("source")
    stubs = try IndirectStubsManager(for: fixture.session)
    callThrough = try fixture.makeCallThrough()
    let (target, materialized) = (fixture.name("target"), materialized)
    try source.define(
      TestUnit([target: [.callable]]) { responsibility in
        materialized.change { $0 += 1 }
        let symbol = EvaluatedSymbol(address: Functions.addOne, flags: .callable)
        try? responsibility.notifyResolved([target: symbol])
        try? responsibility.notifyEmitted()
      })
  }

  private func alias(_ aliasee: String, _ flags: SymbolFlags = [.exported, .callable]) -> SymbolAlias {
    SymbolAlias(fixture.name(aliasee), flags: flags)
  }

  private func define(_ aliases: [String: SymbolAlias], tracker: ResourceTracker? = nil) throws {
    var map: SymbolAliasMap = [:]
    for (name, alias) in aliases { map[fixture.name(name)] = alias }
    try fixture.main.define(
      lazyReexports(map, from: source, through: callThrough, stubs: stubs), tracker: tracker)
  }

  private func find(_ name: String) throws -> EvaluatedSymbol {
    try fixture.session.lookup(name, in: fixture.order)
  }

  @Test func `have their function made by the first call`() throws {
    try define(["alias": alias("target")])
    let found = try find("alias")
    #expect(found.flags == [.exported, .callable])
    #expect(source.state(of: fixture.name("target")) == .neverSearched)
    #expect(materialized.value == 0)
    #expect(Functions.call(found.address, 41) == 42)
    #expect(materialized.value == 1)
    #expect(stubs.findStub("alias", in: fixture.main) == found)
    let pointer = try #require(stubs.findPointer("alias", in: fixture.main)).address
    #expect(
      try fixture.session.executor.read(8, at: pointer)
        == withUnsafeBytes(of: Functions.addOne.rawValue) { Array($0) })
    #expect(Functions.call(found.address, 1) == 2)
  }

  @Test func `keep what nobody asked for`() throws {
    try define(["first": alias("target"), "second": alias("missing")])
    #expect(Functions.call(try find("first").address, 1) == 2)
    #expect(fixture.main.state(of: fixture.name("second")) == .neverSearched)
    #expect(stubs.findStub("second", in: fixture.main) == nil)
  }

  @Test func `tell the address once`() throws {
    let told = Shared<[Address]>([])
    let trampoline = try callThrough.makeCallThroughTrampoline(to: fixture.name("target"), in: source) {
      address in told.change { $0.append(address) }
    }
    for number in 0..<5 { #expect(Functions.call(trampoline, Int32(number)) == Int32(number) + 1) }
    #expect(told.value == [Functions.addOne])
    #expect(materialized.value == 1)
  }

  @Test func `tell it again to a handler that failed`() throws {
    let told = Shared(0)
    let trampoline = try callThrough.makeCallThroughTrampoline(to: fixture.name("target"), in: source) {
      _ throws(OrcError) in
      told.change { $0 += 1 }
      if told.value == 1 { throw brokenCompiler }
    }
    #expect((0..<3).map { _ in Functions.call(trampoline, 1) } == [-1001, 2, 2])
    #expect(told.value == 2)
    #expect(fixture.reports.value == [brokenCompiler])
  }

  @Test func `go to the failure address when the function is not there`() throws {
    try define(["alias": alias("missing")])
    let found = try find("alias")
    #expect(Functions.call(found.address, 5) == -1005)
    #expect(fixture.reports.value == [.symbolsNotFound(["missing"], searched: ["source"])])
    // It may come later.
    try source.define(absoluteSymbols([fixture.name("missing"): fixture.function(Functions.double)]))
    #expect(Functions.call(found.address, 5) == 10)
  }

  @Test func `go to the failure address when the function cannot be made, and report it once`() throws {
    try source.define(
      TestUnit([fixture.name("broken"): .callable]) { $0.failMaterialization(brokenCompiler) })
    try define(["alias": alias("broken")])
    #expect(Functions.call(try find("alias").address, 5) == -1005)
    #expect(fixture.reports.value == [brokenCompiler])
  }

  @Test func `fail when the dylib or the session is gone`() throws {
    try define(["alias": alias("target")])
    let address = try find("alias").address
    try fixture.session.remove(source)
    #expect(Functions.call(address, 1) == -1001)
    try fixture.session.endSession()
    #expect(throws: OrcError.sessionClosed) { try find("alias") }
  }

  @Test func `are plain re-exports of what cannot be called`() throws {
    try source.define(absoluteSymbols(fixture.definitions(["variable"])))
    try define(["data": alias("variable", .exported), "code": alias("target")])
    let found = try fixture.session.lookup(
      SymbolLookupSet(["data", "code"].map { fixture.name($0) }), in: fixture.order)
    #expect(found[fixture.name("data")]?.address == testAddress("variable"))
    #expect(Functions.call(try #require(found[fixture.name("code")]).address, 1) == 2)
    #expect(stubs.findStub("data", in: fixture.main) == nil)
  }

  @Test func `go with their tracker`() throws {
    let tracker = try fixture.main.makeTracker()
    try define(["alias": alias("target")], tracker: tracker)
    let first = try find("alias")
    #expect(Functions.call(first.address, 1) == 2)
    try tracker.remove()
    #expect(stubs.findStub("alias", in: fixture.main) == nil)
    // Another takes the place of the stub and of the trampoline, which ask anew.
    try define(["alias": alias("missing")])
    let second = try find("alias")
    #expect(second.address == first.address)
    #expect(Functions.call(second.address, 1) == -1001)
  }

  @Test func `move with their tracker`() throws {
    let (first, second) = (try fixture.main.makeTracker(), try fixture.main.makeTracker())
    try define(["alias": alias("target")], tracker: first)
    let address = try find("alias").address
    try first.transfer(to: second)
    #expect(Functions.call(address, 1) == 2)
    try second.remove()
    #expect(stubs.findStub("alias", in: fixture.main) == nil)
  }

  @Test func `of a removed tracker are not made`() throws {
    let tracker = try fixture.main.makeTracker()
    try define(["alias": alias("target")], tracker: tracker)
    try tracker.remove()
    #expect(throws: OrcError.symbolsNotFound(["alias"], searched: ["main"])) { try find("alias") }
  }

  @Test func `of the same name fail the second`() throws {
    try stubs.createStub("alias", in: fixture.main, target: Functions.negate)
    try define(["alias": alias("target")])
    let error = OrcError.duplicateDefinition([fixture.symbol("alias")])
    #expect(throws: OrcError.failedToMaterialize([fixture.symbol("alias")], cause: error)) {
      try find("alias")
    }
  }

  @Test func `are called first by many threads at once`() throws {
    let count = 16
    for round in 0..<20 {
      let name = fixture.name("raced\(round)")
      let (made, told) = (Shared(0), Shared(0))
      try source.define(
        TestUnit([name: .callable]) { responsibility in
          made.change { $0 += 1 }
          Thread.sleep(forTimeInterval: 0.002)
          let symbol = EvaluatedSymbol(address: Functions.double, flags: .callable)
          try? responsibility.notifyResolved([name: symbol])
          try? responsibility.notifyEmitted()
        })
      let trampoline = try callThrough.makeCallThroughTrampoline(to: name, in: source) { _ in
        told.change { $0 += 1 }
      }
      let results = Shared<[Int32]>([])
      let group = DispatchGroup()
      for number in 0..<count {
        group.enter()
        Thread {
          let result = Functions.call(trampoline, Int32(number))
          results.change { $0.append(result) }
          group.leave()
        }.start()
      }
      group.wait()
      #expect(results.value.sorted() == (0..<count).map { Int32($0) * 2 })
      #expect(made.value == 1)
      #expect(told.value == 1)
    }
  }

  /// A handler that is told while the trampoline already belongs to somebody else.
  @Test func `do not tell those who come later`() throws {
    let (callThrough, source) = (callThrough, source)
    let (late, told) = (fixture.name("late"), Shared<[Address]>([]))
    let trampoline = Shared(Address.zero)
    let target = fixture.name("target")
    try source.define(
      TestUnit([late: .callable]) { responsibility in
        callThrough.remove([trampoline.value])
        let next = try? callThrough.makeCallThroughTrampoline(to: target, in: source) { address in
          told.change { $0.append(address) }
        }
        #expect(next == trampoline.value)
        let symbol = EvaluatedSymbol(address: Functions.double, flags: .callable)
        try? responsibility.notifyResolved([late: symbol])
        try? responsibility.notifyEmitted()
      })
    trampoline.value = try callThrough.makeCallThroughTrampoline(to: late, in: source) { _ in
      Issue.record("a handler of a removed trampoline is told")
    }
    #expect(Functions.call(trampoline.value, 5) == 10)
    #expect(told.value.isEmpty)
    #expect(Functions.call(trampoline.value, 5) == 6)
    #expect(told.value == [Functions.addOne])
  }

  @Test func `are called by materializers of a pool`() throws {
    let fixture = try CoreFixture(.pool(threadCount: 1))
    let stubs = try IndirectStubsManager(for: fixture.session)
    let callThrough = try fixture.makeCallThrough()
    let source = try fixture.session.createDylib("source")
    let (inner, outer) = (fixture.name("inner"), fixture.name("outer"))
    func define(_ name: SymbolStringPtr, _ body: @escaping @Sendable () -> Address) throws {
      try source.define(
        TestUnit([name: .callable]) { responsibility in
          let symbol = EvaluatedSymbol(address: body(), flags: .callable)
          try? responsibility.notifyResolved([name: symbol])
          try? responsibility.notifyEmitted()
        })
    }
    try fixture.main.define(
      lazyReexports(
        [inner: SymbolAlias(inner, flags: .callable), outer: SymbolAlias(outer, flags: .callable)],
        from: source, through: callThrough, stubs: stubs))
    let found = try fixture.session.lookup(SymbolLookupSet([inner, outer]), in: fixture.order)
    let innerStub = try #require(found[inner]).address
    try define(inner) { Functions.addOne }
    try define(outer) { Functions.call(innerStub, 1) == 2 ? Functions.double : Functions.failed }
    #expect(Functions.call(try #require(found[outer]).address, 21) == 42)
    try fixture.session.endSession()
  }

  @Test func `leave errno alone`() throws {
    try define(["alias": alias("target")])
    let address = try find("alias").address
    errno = 1234
    let result = Functions.call(address, 1)
    let after = errno
    #expect(result == 2)
    #expect(after == 1234)
  }

  @Test func `are many`() throws {
    var aliases: [String: SymbolAlias] = [:]
    for number in 0..<2000 { aliases["alias\(number)"] = alias("target") }
    try define(aliases)
    let found = try fixture.session.lookup(
      SymbolLookupSet(aliases.keys.map { fixture.name($0) }), in: fixture.order)
    #expect(Set(found.values.map(\.address)).count == 2000)
    for symbol in found.values { #expect(Functions.call(symbol.address, 1) == 2) }
    #expect(materialized.value == 1)
  }
}
