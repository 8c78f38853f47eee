internal import Dispatch
internal import Synchronization
internal import WeldExecutor
internal import WeldLink

/// What dylibs, trackers, responsibilities and requests refer to: the state behind its lock, and who runs work.
///
/// The state refers to users' objects, which may refer to this; the session breaks such cycles when it ends.
final class SessionCore: Sendable {
  private let state = Mutex(SessionState())
  private let inline = InlineWork()
  private let pool: WorkerPool?
  let report: @Sendable (OrcError) -> Void
  let names = SymbolStringPool()
  /// The process in which linked code runs.
  let executor: any ExecutorProcessControl

  init(
    executor: any ExecutorProcessControl, dispatcher: Dispatcher,
    report: @escaping @Sendable (OrcError) -> Void
  ) {
    self.executor = executor
    switch dispatcher {
    case .inline: pool = nil
    case .pool(let threadCount): pool = WorkerPool(threadCount: threadCount)
    }
    self.report = report
  }

  // MARK: - The lock

  func read<R: Sendable>(_ body: (SessionState) -> R) -> R {
    state.withLock { body($0) }
  }

  /// Changes the state, then does what follows from it.
  func update<R: Sendable>(_ body: (inout SessionState, inout Effects) -> R) -> R {
    let (result, effects) = state.withLock { state in
      var effects = Effects()
      let result = body(&state, &effects)
      effects.note(state)
      return (result, effects)
    }
    if let error = perform(effects) { report(error) }
    return result
  }

  /// Changes the state unless `body` throws, then does what follows from it. Errors of resource managers are thrown.
  func change<R: Sendable>(
    _ body: (inout SessionState, inout Effects) throws(OrcError) -> R
  ) throws(OrcError) -> R {
    let (result, effects) = state.withLock { state -> (Result<R, OrcError>, Effects) in
      var effects = Effects()
      do throws(OrcError) {
        let result = try body(&state, &effects)
        effects.note(state)
        return (.success(result), effects)
      } catch {
        effects.note(state)
        return (.failure(error), effects)
      }
    }
    let error = perform(effects)
    let value = try result.get()
    if let error { throw error }
    return value
  }

  /// Calls the user's code; returns the errors of resource managers.
  private func perform(_ effects: consuming Effects) -> OrcError? {
    let names = effects.dylibNames
    func dylib(_ number: Int) -> JITDylib { JITDylib(core: self, number: number, name: names[number] ?? "") }
    for (unit, name, number) in effects.discards { unit.discard(name, in: dylib(number)) }
    for error in effects.reports { report(error) }
    let error =
      effects.resourceChanges.isEmpty ? nil : change(effects.resourceChanges, effects.managers, dylib)
    // What runs on this thread is known as a whole before any of it runs: one may wait for another. What a pool takes, it
    // takes first.
    var here: [Work] = []
    func dispatch(_ work: @escaping Work) {
      if pool?.run(work) != true { here.append(work) }
    }
    for (completion, results, dependencies) in effects.completions {
      var map: SymbolDependenceMap = [:]
      if completion.registerDependencies != nil {
        for (number, name) in dependencies { map[dylib(number), default: []].insert(name) }
      }
      let result = results.map { SymbolMap(found: $0) }
      let work: Work = { [map] in
        if !map.isEmpty, case .success = result { completion.registerDependencies?(map) }
        completion.body(result)
      }
      if completion.isInternal { here.append(work) } else { dispatch(work) }
    }
    for (body, flags) in effects.flagsCompletions { dispatch { body(flags) } }
    for (unit, number, dylibNumber) in effects.materializations {
      let responsibility = MaterializationResponsibility(number, in: dylib(dylibNumber))
      if unit.isImmediate {
        here.append { unit.unit.materialize(responsibility) }
      } else {
        dispatch { unit.unit.materialize(responsibility) }
      }
    }
    for (generator, seed) in effects.generations {
      let request = GenerationRequest(
        seed.number, of: seed.lookup, for: seed.symbols, in: dylib(seed.dylib), dylibFlags: seed.dylibFlags,
        kind: seed.kind)
      here.append { generator.generate(request) }
    }
    inline.run(here)
    return error
  }

  private func change(
    _ changes: [ResourceChange], _ managers: [any ResourceManager], _ dylib: (Int) -> JITDylib
  ) -> OrcError? {
    var errors: [OrcError] = []
    for change in changes {
      let key = ResourceKey(number: change.tracker)
      for manager in managers.reversed() {
        switch change.kind {
        case .remove:
          do throws(OrcError) {
            try manager.removeResources(of: key, in: dylib(change.dylib))
          } catch {
            errors.append(error)
          }
        case .transfer(let destination):
          manager.transferResources(
            from: key, to: ResourceKey(number: destination), in: dylib(change.dylib))
        }
      }
      if case .transfer(let destination) = change.kind { unpin(destination) }
    }
    return OrcError.joined(errors)
  }

  // MARK: - Lookup

  func check(_ dylib: JITDylib) throws(OrcError) {
    guard dylib.core === self else { throw .anotherSession(dylib: dylib.name) }
  }

  func lookup(
    _ set: SymbolLookupSet, in order: JITDylibSearchOrder, kind: LookupKind, alias: SymbolID? = nil,
    purpose: Lookup.Purpose
  ) {
    let lookup = Lookup(set, kind: kind, order: order, alias: alias, purpose: purpose)
    let foreign = order.first { $0.dylib.core !== self }
    update { state, effects in
      if let foreign {
        state.fail(lookup, .anotherSession(dylib: foreign.dylib.name), &effects)
      } else if let closed = order.first(where: { state.dylibs[$0.dylib.number] == nil }), state.isOpen {
        state.fail(lookup, .dylibClosed(dylib: closed.dylib.name), &effects)
      } else {
        state.advance(lookup, number: state.nextNumber(), &effects)
      }
    }
  }

  /// The flags of those which are found. Generators are asked, and know which are required.
  func flags(
    of symbols: SymbolLookupSet, in order: JITDylibSearchOrder, kind: LookupKind
  ) throws(OrcError) -> SymbolFlagsMap {
    try wait { done in
      let failed = Completion(isInternal: true) { result in
        if case .failure(let error) = result { done(.failure(error)) }
      }
      lookup(symbols, in: order, kind: kind, purpose: .flags(failed) { done(.success($0)) })
    }
  }

  /// Calls `start` with something to call with a result, and waits for that.
  func wait<Value: Sendable>(
    _ start: (@escaping @Sendable (Result<Value, OrcError>) -> Void) -> Void
  ) throws(OrcError) -> Value {
    let waiter = Waiter<Value>()
    inline.runBacklog(until: { waiter.isDone }) { start(waiter.set) }
    if !waiter.isDone, let pool {
      pool.whileBlocked { waiter.block() }
    } else {
      waiter.block()
    }
    guard let result = waiter.result else { throw .sessionClosed }
    return try result.get()
  }

  /// Runs `work` after what else this thread has been given to do; on the pool, if there is one.
  func dispatchLast(_ work: @escaping Work) {
    inline.runLast { [self] in
      if pool?.run({ [self] in inline.run([work]) }) != true { work() }
    }
  }

  func generationEnded(_ request: Int, of lookup: Int, error: () -> OrcError?) {
    let isAwaited = read { $0.lookups[lookup]?.request == request }
    guard isAwaited else { return }
    let error = error()
    update { state, effects in state.generationEnded(request, of: lookup, error, &effects) }
  }

  // MARK: - Objects that go

  func responsibilityDropped(_ number: Int) {
    update { state, effects in state.drop(responsibility: number, &effects) }
  }

  func trackerDropped(_ number: Int) {
    update { state, effects in
      guard let dylib = state.trackers[number]?.dylib, let destination = state.dylibs[dylib]?.defaultTracker
      else { return }
      state.transferTracker(number, to: destination, &effects)
    }
  }

  func unpin(_ tracker: Int) {
    update { state, effects in state.unpin(tracker, &effects) }
    forgetManagers()
  }

  // MARK: - Trackers, dylibs, session

  func removeTracker(_ tracker: ResourceTracker) throws(OrcError) {
    try change { state, effects throws(OrcError) in
      guard state.trackers[tracker.number] != nil else {
        throw .resourceTrackerDefunct(dylib: tracker.dylib.name)
      }
      let cause = OrcError.resourceTrackerDefunct(dylib: tracker.dylib.name)
      state.removeTracker(tracker.number, because: cause, &effects)
    }
  }

  func transferTracker(_ source: ResourceTracker, to destination: ResourceTracker) throws(OrcError) {
    guard source.dylib == destination.dylib else {
      throw .anotherDylib(tracker: source.dylib.name, dylib: destination.dylib.name)
    }
    try change { state, effects throws(OrcError) in
      guard state.trackers[source.number] != nil, state.trackers[destination.number] != nil else {
        throw .resourceTrackerDefunct(dylib: source.dylib.name)
      }
      state.transferTracker(source.number, to: destination.number, &effects)
    }
  }

  func end() throws(OrcError) {
    defer {
      forgetManagers()
      pool?.shutDown()
    }
    try change { state, effects throws(OrcError) in try state.end(&effects) }
  }

  func endQuietly() {
    do throws(OrcError) {
      try end()
    } catch {
      if error != .sessionClosed { report(error) }
    }
  }

  /// Forgets who manages resources, which refers to users' objects, once nothing can be left to release.
  private func forgetManagers() {
    let managers = state.withLock { state -> [any ResourceManager] in
      guard !state.isOpen, state.pins.isEmpty else { return [] }
      let managers = state.managers.map(\.manager)
      state.managers = []
      return managers
    }
    _ = managers
  }
}

/// The result of a lookup, for a thread that waits for it.
private final class Waiter<Value: Sendable>: Sendable {
  private let box = Mutex<Result<Value, OrcError>?>(nil)
  private let semaphore = DispatchSemaphore(value: 0)

  func set(_ result: Result<Value, OrcError>) {
    box.withLock { $0 = result }
    semaphore.signal()
  }

  var result: Result<Value, OrcError>? { box.withLock { $0 } }
  var isDone: Bool { result != nil }
  func block() { semaphore.wait() }
}

extension SymbolMap {
  /// Those which have an address.
  fileprivate init(found: [(name: SymbolStringPtr, symbol: EvaluatedSymbol?)]) {
    self.init(minimumCapacity: found.count)
    for (name, symbol) in found {
      if let symbol { self[name] = symbol }
    }
  }
}
