import Foundation
import Testing
import Weld

/// After LLVM's `JITLinkRedirectionManagerTest`.
@Suite("Redirectable symbols", .timeLimit(.minutes(2)))
struct RedirectableSymbolTests {
  private let fixture: CoreFixture
  private let manager: RedirectableSymbolManager
  private let name: SymbolStringPtr

  init() throws {
    fixture = try CoreFixture()
    manager = try RedirectableSymbolManager(for: fixture.session)
    name = fixture.name("f")
  }

  private func create(_ target: Address, tracker: ResourceTracker? = nil) throws -> Address {
    try manager.createRedirectableSymbols(
      [name: fixture.function(target)], in: fixture.main, tracker: tracker)
    return try fixture.session.lookup("f", in: fixture.order).address
  }

  @Test func `lead where they are redirected`() throws {
    let address = try create(Functions.addOne)
    #expect(Functions.call(address, 5) == 6)
    try manager.redirect(fixture.main, name, to: Functions.double)
    #expect(Functions.call(address, 5) == 10)
    try manager.redirect(fixture.main, [name: Functions.negate])
    #expect(Functions.call(address, 5) == -5)
    #expect(try fixture.session.lookup("f", in: fixture.order).address == address)
  }

  @Test func `that do not exist are not redirected`() throws {
    let error = OrcError.symbolsNotFound(["f"], searched: ["main"])
    #expect(throws: error) { try manager.redirect(fixture.main, name, to: Functions.double) }
    try fixture.main.define(absoluteSymbols([name: fixture.function(Functions.addOne)]))
    _ = try fixture.session.lookup("f", in: fixture.order)
    #expect(throws: error) { try manager.redirect(fixture.main, name, to: Functions.double) }
  }

  @Test func `go with their tracker`() throws {
    var addresses: Set<Address> = []
    for _ in 0..<1000 {
      let tracker = try fixture.main.makeTracker()
      addresses.insert(try create(Functions.addOne, tracker: tracker))
      try tracker.remove()
      #expect(throws: OrcError.self) { try manager.redirect(fixture.main, name, to: Functions.double) }
    }
    #expect(addresses.count == 1)
  }

  /// A dylib forgets a name at once, and what has it when the tracker is removed.
  @Test func `may be defined anew`() throws {
    let tracker = try fixture.main.makeTracker()
    let first = try create(Functions.addOne, tracker: tracker)
    try fixture.main.remove([name])
    let second = try create(Functions.double)
    #expect(first != second)
    try manager.redirect(fixture.main, name, to: Functions.negate)
    #expect(Functions.call(first, 5) == 6)
    #expect(Functions.call(second, 5) == -5)
    try tracker.remove()
    try manager.redirect(fixture.main, name, to: Functions.addOne)
    #expect(Functions.call(second, 5) == 6)
    // What the tracker had is free now, and only that.
    try fixture.main.remove([name])
    #expect(try create(Functions.double) == first)
    #expect(Functions.call(second, 5) == 6)
  }

  @Test func `take the part of what a unit owes`() throws {
    let manager = manager
    let target = EvaluatedSymbol(address: Functions.addOne, flags: .exported)
    let unit = TestUnit([name: .exported]) { responsibility in
      manager.emitRedirectableSymbols(responsibility.symbols.mapValues { _ in target }, for: responsibility)
    }
    try fixture.main.define(unit)
    let found = try fixture.session.lookup("f", in: fixture.order)
    #expect(Functions.call(found.address, 1) == 2)
    try manager.redirect(fixture.main, name, to: Functions.double)
    #expect(Functions.call(found.address, 3) == 6)
  }

  @Test func `are redirected while they are called`() throws {
    let address = try create(Functions.addOne)
    let isDone = Shared(false)
    let seen = Shared<Set<Int32>>([])
    let group = DispatchGroup()
    group.enter()
    Thread {
      var results: Set<Int32> = []
      while !isDone.value { results.insert(Functions.call(address, 100)) }
      seen.value = results
      group.leave()
    }.start()
    for _ in 0..<20_000 {
      try manager.redirect(fixture.main, name, to: Functions.double)
      try manager.redirect(fixture.main, name, to: Functions.addOne)
    }
    isDone.value = true
    group.wait()
    #expect(!seen.value.isEmpty)
    #expect(seen.value.isSubset(of: [101, 200]))
  }
}
