public import WeldExecutor
public import WeldLink

/// Who runs materializers and the completions of lookups.
public enum Dispatcher: Hashable, Sendable {
  /// The thread that has them to be run.
  case `inline`
  /// So many threads, which the session starts when they are needed and ends with itself. One that blocks in a
  /// lookup is replaced while it does.
  case pool(threadCount: Int)
}

/// A JIT: its dylibs, their symbols, and who waits for them.
///
/// Everything may be called from any thread, also by materializers, generators and completions: none of them is called
/// with a lock held. The session ends with ``endSession()`` or when the last reference to the object goes that the
/// user made; objects in the session which need it should keep a ``JITDylib`` or ``JITDylib/session``, which do not
/// keep it alive. LLVM's `ExecutionSession`.
public final class ExecutionSession: Sendable {
  let core: SessionCore
  private let isOwner: Bool

  /// - Parameters:
  ///   - executor: the process in which linked code runs; by default this one.
  ///   - dispatcher: who runs materializers and completions.
  ///   - errorReporter: is told each first cause of a failure once, besides those who look up what failed.
  public init(
    on executor: any ExecutorProcessControl = InProcessExecutor(), dispatcher: Dispatcher = .inline,
    errorReporter: @escaping @Sendable (OrcError) -> Void = { _ in }
  ) {
    core = SessionCore(executor: executor, dispatcher: dispatcher, report: errorReporter)
    isOwner = true
  }

  init(of core: SessionCore) {
    self.core = core
    isOwner = false
  }

  deinit {
    // Resource managers that fail have nobody to tell but the reporter; the session may have ended before.
    if isOwner { core.endQuietly() }
  }

  /// Removes all dylibs, the last created first; pending lookups fail, and all calls from now on throw.
  ///
  /// Materializers and completions that a pool has taken may still run afterwards; what they notify throws.
  ///
  /// - Throws: ``OrcError/sessionClosed`` if it has ended, else what resource managers throw.
  public func endSession() throws(OrcError) { try core.end() }

  /// The process in which linked code runs.
  public var executor: any ExecutorProcessControl { core.executor }

  // MARK: - Names

  public var symbolStringPool: SymbolStringPool { core.names }

  /// The name with this text.
  public func intern(_ text: String) -> SymbolStringPtr { core.names.intern(text) }

  // MARK: - Dylibs

  /// A new dylib without symbols.
  ///
  /// - Throws: ``OrcError/duplicateDylib(dylib:)``, ``OrcError/sessionClosed``.
  public func createDylib(_ name: String) throws(OrcError) -> JITDylib {
    let number = try core.change { state throws(OrcError) in try state.createDylib(name) }
    return JITDylib(core: core, number: number, name: name)
  }

  /// The dylib of this name, if there is one.
  public func dylib(named name: String) -> JITDylib? {
    core.read { $0.dylibNumbers[name] }.map { JITDylib(core: core, number: $0, name: name) }
  }

  /// Removes the dylib, and all that it defines.
  ///
  /// - Throws: ``OrcError/dylibClosed(dylib:)``, ``OrcError/sessionClosed``, ``OrcError/anotherSession(dylib:)``, else
  ///   what resource managers throw.
  public func remove(_ dylib: JITDylib) throws(OrcError) {
    try core.check(dylib)
    try core.change { state, effects throws(OrcError) in
      try state.requireDylib(dylib)
      state.removeDylib(dylib.number, because: .dylibClosed(dylib: dylib.name), &effects)
    }
  }

  // MARK: - Resources

  /// Has `manager` told when resources are removed or transferred, before those that were registered earlier.
  ///
  /// - Throws: ``OrcError/sessionClosed``.
  public func register(_ manager: some ResourceManager) throws(OrcError) {
    try core.change { state throws(OrcError) in
      guard state.isOpen else { throw .sessionClosed }
      state.managers.append(manager)
    }
  }

  /// Tells `manager` no more.
  public func deregister(_ manager: some ResourceManager) {
    core.update { state, effects in
      effects.others.append(.garbage(state.managers))
      state.managers.removeAll { $0 === manager }
    }
  }

  // MARK: - Lookup

  /// Looks symbols up, in each dylib of `order` in turn, and has them made; `completion` gets them.
  ///
  /// - Parameters:
  ///   - registerDependencies: told, before `completion`, which of them were not ready, as ``notifyEmitted`` wants.
  ///   - completion: called once, by the session's dispatcher or on this thread. Its errors are
  ///     ``OrcError/symbolsNotFound(_:searched:)``, ``OrcError/failedToMaterialize(_:cause:)``,
  ///     ``OrcError/materializationSideEffectsOnly(_:)``, ``OrcError/dylibClosed(dylib:)``,
  ///     ``OrcError/anotherSession(dylib:)``, ``OrcError/sessionClosed``, and those of generators.
  public func lookup(
    _ symbols: SymbolLookupSet, in order: JITDylibSearchOrder, kind: LookupKind = .static,
    requiring state: RequiredSymbolState = .ready,
    registerDependencies: (@Sendable (SymbolDependenceMap) -> Void)? = nil,
    completion: @escaping @Sendable (Result<SymbolMap, OrcError>) -> Void
  ) {
    let completion = Completion(registerDependencies: registerDependencies) { result in
      completion(result.map { SymbolMap(found: $0) })
    }
    core.lookup(symbols, in: order, kind: kind, purpose: .symbols(state, completion))
  }

  /// Looks symbols up, and waits for them. May be called on any thread; a materializer that waits for what waits for it
  /// waits for ever.
  ///
  /// - Throws: as the completion of ``lookup(_:in:kind:requiring:registerDependencies:completion:)``.
  public func lookup(
    _ symbols: SymbolLookupSet, in order: JITDylibSearchOrder, kind: LookupKind = .static,
    requiring state: RequiredSymbolState = .ready
  ) throws(OrcError) -> SymbolMap {
    SymbolMap(found: try find(symbols, in: order, kind: kind, requiring: state))
  }

  private func find(
    _ symbols: SymbolLookupSet, in order: JITDylibSearchOrder, kind: LookupKind,
    requiring state: RequiredSymbolState
  ) throws(OrcError) -> FoundDefinitions {
    try core.wait { done in
      core.lookup(
        symbols, in: order, kind: kind, purpose: .symbols(state, Completion(isInternal: true, body: done)))
    }
  }

  /// Looks one symbol up, and waits for it.
  ///
  /// - Throws: as the completion of ``lookup(_:in:kind:requiring:registerDependencies:completion:)``.
  public func lookup(
    _ name: String, in order: JITDylibSearchOrder, kind: LookupKind = .static,
    requiring state: RequiredSymbolState = .ready
  ) throws(OrcError) -> EvaluatedSymbol {
    let name = intern(name)
    let found = try find(SymbolLookupSet(name), in: order, kind: kind, requiring: state)
    guard let symbol = found.first?.symbol else {
      throw .symbolsNotFound([name.text], searched: order.map(\.dylib.name))
    }
    return symbol
  }

  /// Looks symbols up; the task waits for them without keeping a thread.
  ///
  /// - Throws: as the completion of ``lookup(_:in:kind:requiring:registerDependencies:completion:)``.
  public func lookup(
    _ symbols: SymbolLookupSet, in order: JITDylibSearchOrder, kind: LookupKind = .static,
    requiring state: RequiredSymbolState = .ready
  ) async throws(OrcError) -> SymbolMap {
    let result: Result<FoundDefinitions, OrcError> = await withCheckedContinuation { continuation in
      let completion = Completion(isInternal: true) { continuation.resume(returning: $0) }
      core.lookup(symbols, in: order, kind: kind, purpose: .symbols(state, completion))
    }
    return SymbolMap(found: try result.get())
  }

  /// Looks one symbol up; the task waits for it without keeping a thread.
  ///
  /// - Throws: as the completion of ``lookup(_:in:kind:requiring:registerDependencies:completion:)``.
  public func lookup(
    _ name: String, in order: JITDylibSearchOrder, kind: LookupKind = .static,
    requiring state: RequiredSymbolState = .ready
  ) async throws(OrcError) -> EvaluatedSymbol {
    let name = intern(name)
    let found = try await lookup(SymbolLookupSet(name), in: order, kind: kind, requiring: state)
    guard let symbol = found[name] else {
      throw .symbolsNotFound([name.text], searched: order.map(\.dylib.name))
    }
    return symbol
  }

  /// What the symbols are, as far as it is known without making them. Generators are asked.
  ///
  /// - Throws: ``OrcError/symbolsNotFound(_:searched:)``, and as other lookups what has to do with dylibs.
  public func lookupFlags(
    _ symbols: SymbolLookupSet, in order: JITDylibSearchOrder, kind: LookupKind = .static
  ) throws(OrcError) -> SymbolFlagsMap {
    let found = try core.flags(of: symbols, in: order, kind: kind)
    let missing = symbols.list.filter { $0.flags == .required && found[$0.name] == nil }
    guard missing.isEmpty else {
      throw .symbolsNotFound(missing.map(\.name.text).sorted(), searched: order.map(\.dylib.name))
    }
    return found
  }

  // MARK: - Debugging

  /// The dylibs, their symbols, states and what they wait for, for people.
  public func dump() -> String { core.read { $0.dump() } }
}
