import Dispatch
import Foundation
import Synchronization
import Testing
import Weld

@Suite("ORC core: many threads")
struct ConcurrencyTests {
  /// Runs `body` on `count` threads at once, which are none of Swift's, and waits without blocking one of those.
  private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) async {
    await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
      let left = Shared(count)
      for number in 0..<count {
        Thread.detachNewThread {
          body(number)
          var isLast = false
          left.change {
            $0 -= 1
            isLast = $0 == 0
          }
          if isLast { continuation.resume() }
        }
      }
    }
  }

  @Test func `a pool makes things on as many threads as it was given, at once`() async throws {
    let fixture = try CoreFixture(.pool(threadCount: 3))
    let running = Shared((now: 0, most: 0))
    let started = DispatchSemaphore(value: 0)
    let go = DispatchSemaphore(value: 0)
    for number in 0..<8 {
      try fixture.main.define(
        TestUnit(fixture.flags(["\(number)"])) { responsibility in
          running.change { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
          started.signal()
          go.wait()
          running.change { $0.now -= 1 }
          try? fixture.emit(responsibility)
        })
    }
    let results = (0..<8).map { fixture.start(["\($0)"]) }
    await onThreads(1) { _ in
      for _ in 0..<3 { started.wait() }
      #expect(started.wait(timeout: .now() + 0.05) == .timedOut)
      for _ in 0..<8 { go.signal() }
      _ = try? fixture.session.lookup(
        SymbolLookupSet((0..<8).map { fixture.name("\($0)") }), in: fixture.order)
    }
    while results.contains(where: { $0.value == nil }) { try await Task.sleep(for: .milliseconds(1)) }
    #expect(running.value.most == 3)
    #expect(results.allSatisfy { $0.names?.count == 1 })
  }

  @Test(arguments: [1, 2])
  func `a pool does not run dry when materializers block in lookups`(threadCount: Int) async throws {
    let fixture = try CoreFixture(.pool(threadCount: threadCount))
    for number in 0..<20 {
      try fixture.main.define(
        TestUnit(fixture.flags(["\(number)"])) { responsibility in
          do {
            if number > 0 { _ = try fixture.session.lookup("\(number - 1)", in: fixture.order) }
            try fixture.emit(responsibility)
          } catch {
            responsibility.failMaterialization(error)
          }
        })
    }
    let set = SymbolLookupSet(fixture.name("19"))
    #expect(try await fixture.session.lookup(set, in: fixture.order).count == 1)
  }

  @Test(arguments: [Dispatcher.inline, .pool(threadCount: 2)])
  func `each thing is made once, however many threads ask for it`(dispatcher: Dispatcher) async throws {
    let fixture = try CoreFixture(dispatcher)
    let made = Shared<[String: Int]>([:])
    let names = (0..<200).map { "\($0)" }
    try fixture.main.addGenerator(
      ClosureGenerator { request throws(OrcError) in
        for name in request.symbols.names {
          try request.dylib.define(
            TestUnit([name: .exported]) { responsibility in
              made.change { $0[name.text, default: 0] += 1 }
              try? fixture.emit(responsibility)
            })
        }
      })
    await onThreads(8) { _ in
      for name in names.shuffled() {
        #expect((try? fixture.session.lookup(name, in: fixture.order))?.address == testAddress(name))
      }
    }
    #expect(made.value.count == names.count)
    #expect(made.value.values.allSatisfy { $0 == 1 })
  }

  /// What is defined in the stress, at a number of its own.
  private struct Life: Sendable {
    var isEmitted = false
    /// Whether its tracker was: then something else of its name may stand for it.
    var isRemoved = false
    var dependencies: [UInt64] = []
  }

  @Test(arguments: [Dispatcher.inline, .pool(threadCount: 3)])
  func `threads that define, look up, fail and remove at random see nothing half-made and leave nothing`(
    dispatcher: Dispatcher
  ) async throws {
    let fixture = try CoreFixture(dispatcher)
    let lives = Shared<[UInt64: Life]>([:])
    let manager = StressManager { removed in
      lives.change { lives in for address in removed { lives[address]?.isRemoved = true } }
    }
    try fixture.session.register(manager)
    /// Not emitted when something that needs it was ready, so that it must have been removed.
    let suspects = Shared<Set<UInt64>>([])
    let answers = Shared((asked: 0, found: 0, failed: 0))
    let nextLife: @Sendable () -> UInt64 = { [counter = Counter()] in counter.next() }

    /// Emits `name` with dependencies on what it looked up.
    let make: @Sendable (MaterializationResponsibility, [String]) -> Void = { responsibility, needed in
      do throws(OrcError) {
        let symbols = responsibility.symbols
        var definitions: SymbolMap = [:]
        for (name, flags) in symbols {
          definitions[name] = EvaluatedSymbol(address: Address(rawValue: nextLife()), flags: flags)
        }
        let addresses = definitions.values.map(\.address.rawValue)
        lives.change { lives in for address in addresses { lives[address] = Life() } }
        try responsibility.withResourceKeyDo { key in manager.add(addresses, under: key) }
        try responsibility.notifyResolved(definitions)
        fixture.session.lookup(
          SymbolLookupSet(needed.map(fixture.name), .weaklyReferenced), in: fixture.order,
          requiring: .resolved
        ) { result in
          do throws(OrcError) {
            let found = try result.get()
            lives.change { lives in
              for address in addresses {
                lives[address] = Life(isEmitted: true, dependencies: found.values.map(\.address.rawValue))
              }
            }
            if Int.random(in: 0..<30) == 0 { throw brokenCompiler }
            let group = SymbolDependenceGroup(
              Set(symbols.keys), dependOn: [fixture.main: Set(found.keys)])
            try responsibility.notifyEmitted([group])
          } catch {
            if Bool.random() { responsibility.failMaterialization(error) }
          }
        }
      } catch {
        responsibility.failMaterialization(error)
      }
    }
    let check: @Sendable (Result<SymbolMap, OrcError>) -> Void = { result in
      answers.change {
        switch result {
        case .success: $0.found += 1
        case .failure: $0.failed += 1
        }
      }
      guard case .success(let found) = result else { return }
      let all = lives.value
      var reached: Set<UInt64> = []
      var work = found.values.map(\.address.rawValue)
      while let address = work.popLast() {
        guard reached.insert(address).inserted else { continue }
        if all[address]?.isEmitted != true { suspects.change { $0.insert(address) } }
        work += all[address]?.dependencies ?? []
      }
    }

    await onThreads(8) { _ in
      var trackers: [ResourceTracker] = []
      for _ in 0..<400 {
        let names = (0..<Int.random(in: 1...2)).map { _ in "\(Int.random(in: 0..<30))" }
        switch Int.random(in: 0..<8) {
        case 0, 1:
          guard let tracker = try? fixture.main.makeTracker() else { break }
          trackers.append(tracker)
          let needed = Bool.random() ? [] : ["\(Int.random(in: 0..<30))"]
          try? fixture.main.define(
            TestUnit(fixture.flags(names, [.exported, .weak])) { make($0, needed) }, tracker: tracker)
        case 2, 3:
          answers.change { $0.asked += 1 }
          fixture.session.lookup(
            SymbolLookupSet(names.map(fixture.name)), in: fixture.order, completion: check)
        case 4, 5, 6:
          if let index = trackers.indices.randomElement() { try? trackers.remove(at: index).remove() }
        default:
          if Bool.random(), let first = trackers.randomElement(), let second = trackers.randomElement() {
            try? first.transfer(to: second)
          } else {
            try? fixture.main.remove(Set(names.map(fixture.name)))
          }
        }
      }
    }
    try? await Task.sleep(for: .milliseconds(20))
    for address in suspects.value {
      #expect(lives.value[address]?.isRemoved == true, "ready, but \(address) is not emitted")
    }
    try fixture.main.clear()
    try fixture.session.endSession()
    for _ in 0..<1000 where answers.value.asked != answers.value.found + answers.value.failed {
      try await Task.sleep(for: .milliseconds(5))
    }
    let (asked, found, failed) = answers.value
    #expect(asked == found + failed, "every lookup is answered")
    #expect(found > 0 && failed > 0)
    for _ in 0..<1000 where manager.isEmpty == false { try await Task.sleep(for: .milliseconds(5)) }
    #expect(manager.isEmpty)
    #expect(fixture.session.dump() == "session: ended\n")
  }

  private final class Counter: Sendable {
    private let value = Atomic<UInt64>(0)
    func next() -> UInt64 { value.add(1, ordering: .relaxed).newValue }
  }

  /// Keeps what was made under each key.
  private final class StressManager: ResourceManager {
    private let addresses = Shared<[ResourceKey: [UInt64]]>([:])
    private let removed: @Sendable ([UInt64]) -> Void

    init(removed: @escaping @Sendable ([UInt64]) -> Void) { self.removed = removed }

    func add(_ new: [UInt64], under key: ResourceKey) { addresses.change { $0[key, default: []] += new } }
    var isEmpty: Bool { addresses.value.isEmpty }

    func removeResources(of key: ResourceKey, in dylib: JITDylib) throws(OrcError) {
      var gone: [UInt64] = []
      addresses.change { gone = $0.removeValue(forKey: key) ?? [] }
      removed(gone)
    }

    func transferResources(from source: ResourceKey, to destination: ResourceKey, in dylib: JITDylib) {
      addresses.change { addresses in
        if let moved = addresses.removeValue(forKey: source) { addresses[destination, default: []] += moved }
      }
    }
  }
}
