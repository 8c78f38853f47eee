internal import Synchronization
internal import WeldBytes
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
    var effects = Effects()
    let result = state.withLock { state in body(&state, &effects) }
    if let error = perform(effects) { report(error) }
    return result
  }

  /// Changes the state unless `body` throws, then does what follows from it. Errors of resource managers are thrown.
  func change<R: Sendable>(
    _ body: (inout SessionState, inout Effects) throws(OrcError) -> R
  ) throws(OrcError) -> R {
    var effects = Effects()
    let value: R
    do throws(OrcError) {
      value = try state.withLock { state throws(OrcError) in try body(&state, &effects) }
    } catch {
      // What was begun has its effects, but the first error counts.
      _ = perform(effects)
      throw error
    }
    if let error = perform(effects) { throw error }
    return value
  }

  /// Changes the state where nothing follows from it.
  func change<R: Sendable>(_ body: (inout SessionState) throws(OrcError) -> R) throws(OrcError) -> R {
    try state.withLock { state throws(OrcError) in try body(&state) }
  }

  /// Calls the user's code; returns the errors of resource managers.
  private func perform(_ effects: consuming Effects) -> OrcError? {
    if effects.isEmpty { return nil }
    var effects = effects
    let error = effects.others.isEmpty ? nil : performFirst(effects)
    // What runs on this thread is known as a whole before any of it runs: one may wait for another. What a pool takes, it
    // takes first.
    var here: [Work] = []
    let isOne = effects.isOne
    effects.finishedLookups.forEach { lookup in
      if lookup.completion.isInternal, isOne {
        finish(lookup)
      } else if lookup.completion.isInternal {
        here.append { [lookup = copy lookup] in self.finish(lookup) }
      } else {
        dispatch({ [lookup = copy lookup] in self.finish(lookup) }, orTo: &here)
      }
    }
    for case .flags(let body, let flags) in effects.others { dispatch({ body(flags) }, orTo: &here) }
    var hasImmediate = false
    effects.materializations.updateEach { materialization in
      // Asked now, since the user may have put a transformation before the layer.
      materialization.isImmediate = materialization.unit.collector?.isCollecting == true
      if materialization.isImmediate {
        hasImmediate = true
      } else {
        dispatch({ [materialization] in self.materialize(materialization) }, orTo: &here)
      }
    }
    for case .generation(let generator, let seed) in effects.others {
      let request = GenerationRequest(
        seed.number, of: seed.lookup, for: seed.symbols, in: dylib(seed.dylib), dylibFlags: seed.dylibFlags,
        kind: seed.kind)
      here.append { generator.generate(request) }
    }
    if hasImmediate {
      inline.run(here) { isAlone in
        let isAlone = isAlone && pool == nil && effects.materializations.count == 1
        effects.materializations.forEach { if $0.isImmediate { materialize($0, isAlone: isAlone) } }
      }
    } else if !here.isEmpty {
      inline.run(here)
    }
    return error
  }

  private func materialize(_ materialization: Effects.Materialization, isAlone: Bool = false) {
    let dylib = dylib(materialization.dylib)
    materialization.unit.unit.materialize(
      MaterializationResponsibility(materialization.responsibility, in: dylib, isAlone: isAlone))
  }

  /// Tells what went, and what is wrong.
  private func performFirst(_ effects: borrowing Effects) -> OrcError? {
    for case .discard(let unit, let name, let dylib) in effects.others {
      unit.discard(name, in: self.dylib(dylib))
    }
    for case .report(let error) in effects.others { report(error) }
    var errors: [OrcError] = []
    for case .change(let change, let managers) in effects.others { errors += make(change, managers) }
    return OrcError.joined(errors)
  }

  private func finish(_ lookup: Effects.FinishedLookup) {
    if case .success = lookup.result, let register = lookup.completion.registerDependencies,
      !lookup.dependencies.isEmpty
    {
      var map: SymbolDependenceMap = [:]
      for (dylib, name) in lookup.dependencies { map[self.dylib(dylib), default: []].insert(name) }
      register(map)
    }
    lookup.completion.body(lookup.result)
  }

  private func dylib(_ dylib: NamedDylib) -> JITDylib {
    JITDylib(core: self, number: dylib.number, name: dylib.name)
  }

  /// Has the pool run `work`; it is appended to `here` if there is none.
  private func dispatch(_ work: @escaping Work, orTo here: inout [Work]) {
    if pool?.run(work) != true { here.append(work) }
  }

  private func make(_ change: ResourceChange, _ managers: [any ResourceManager]) -> [OrcError] {
    var errors: [OrcError] = []
    let key = ResourceKey(number: change.tracker)
    let dylib = dylib(change.dylib)
    for manager in managers.reversed() {
      switch change.kind {
      case .remove:
        do throws(OrcError) {
          try manager.removeResources(of: key, in: dylib)
        } catch {
          errors.append(error)
        }
      case .transfer(let destination):
        manager.transferResources(from: key, to: ResourceKey(number: destination), in: dylib)
      }
    }
    if case .transfer(let destination) = change.kind { unpin(destination) }
    return errors
  }

  // MARK: - Lookup

  func check(_ dylib: JITDylib) throws(OrcError) {
    guard dylib.core === self else { throw .anotherSession(dylib: dylib.name) }
  }

  func lookup(
    _ set: SymbolLookupSet, in order: JITDylibSearchOrder, kind: LookupKind, alias: SymbolID? = nil,
    purpose: Lookup.Purpose
  ) {
    let foreign = order.first { $0.dylib.core !== self }
    update { state, effects in
      if let foreign {
        state.fail(purpose, .anotherSession(dylib: foreign.dylib.name), &effects)
      } else if let closed = order.first(where: { state.dylibs[$0.dylib.number] == nil }), state.isOpen {
        state.fail(purpose, .dylibClosed(dylib: closed.dylib.name), &effects)
      } else {
        let number = state.nextNumber()
        let lookup = Lookup(set, kind: kind, order: order, alias: alias, purpose: purpose)
        state.advance(consume lookup, number: number, &effects)
      }
    }
  }

  /// The flags of those which are found. Generators are asked, and know which are required.
  func flags(
    of symbols: SymbolLookupSet, in order: JITDylibSearchOrder, kind: LookupKind
  ) throws(OrcError) -> SymbolFlagsMap {
    let found = Mutex<SymbolFlagsMap>([:])
    _ = try wait { done in
      let failed = Completion(isInternal: true, body: done)
      lookup(
        symbols, in: order, kind: kind,
        purpose: .flags(failed) { flags in
          found.withLock { $0 = flags }
          done(.success([]))
        })
    }
    return found.withLock { $0 }
  }

  /// Calls `start` with something to call with a result, and waits for that.
  func wait(
    _ start: (@escaping @Sendable (Result<FoundDefinitions, OrcError>) -> Void) -> Void
  ) throws(OrcError) -> FoundDefinitions {
    let waiter = Waiter()
    inline.runBacklog(until: { waiter.isDone }) { start(waiter.set) }
    if let result = waiter.take() { return try result.get() }
    if let pool {
      pool.whileBlocked { waiter.block() }
    } else {
      waiter.block()
    }
    guard let result = waiter.take() else { throw .sessionClosed }
    return try result.get()
  }

  /// Runs `work` after what else this thread has been given to do; on the pool, if there is one.
  func dispatchLast(_ work: @escaping Work) {
    guard let pool else { return inline.runLast(work) }
    inline.runLast { [self] in
      if !pool.run({ [self] in inline.run([work]) }) { work() }
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
      guard let dylib = state.trackers.read(number, { $0.dylib }),
        let destination = state.dylibs[dylib]?.defaultTracker
      else { return }
      state.transferTracker(number, to: destination, &effects)
    }
  }

  /// Runs `body`, which is short and uses no session, with the key under which resources of a materialization belong, while the
  /// tracker cannot change.
  func withTracker(
    of responsibility: MaterializationResponsibility, _ body: (ResourceKey) -> Void
  ) throws(OrcError) {
    try change { state throws(OrcError) in
      body(ResourceKey(number: try state.place(by: responsibility.number).tracker))
    }
  }

  func unpin(_ tracker: Int) {
    let isOpen = update { state, effects in
      state.unpin(tracker, &effects)
      return state.isOpen
    }
    if !isOpen { forgetManagers() }
  }

  // MARK: - Trackers, dylibs, session

  func removeTracker(_ tracker: ResourceTracker) throws(OrcError) {
    try change { state, effects throws(OrcError) in
      guard state.trackers.contains(tracker.number) else {
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
      guard state.trackers.contains(source.number), state.trackers.contains(destination.number) else {
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
      let managers = state.managers
      state.managers = []
      return managers
    }
    _ = managers
  }
}

extension SymbolMap {
  /// Those which have an address.
  init(found: consuming FoundDefinitions) {
    self.init(minimumCapacity: found.count)
    // Out of the list, since a copy of each name would cost a reference.
    while let (name, symbol) = found.popLast() {
      if let symbol { self[name] = symbol }
    }
  }
}
