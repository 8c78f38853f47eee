internal import Synchronization
internal import WeldExecutor
internal import WeldLink
public import WeldMemory

/// Trampolines: functions of the executor whose first call has a symbol looked up, and so made, and then goes on to it with
/// the arguments that it came with.
///
/// The lookup happens on the thread that calls, or for code in another process on one of this process; the caller waits. If it
/// fails, the session's error reporter is told and the call goes to ``lazyCompileFailureAddress``. LLVM's
/// `LazyCallThroughManager`, with its `TrampolinePool`.
public final class LazyCallThroughManager: ResourceManager {
  /// Is told where a symbol is, once.
  public typealias ResolutionHandler = @Sendable (Address) throws(OrcError) -> Void

  /// Where calls go whose function cannot be found or made, with the arguments of the call.
  public let lazyCompileFailureAddress: Address
  private let core: SessionCore
  private let pool: TrampolinePool
  private let state = Mutex(State())

  private struct State {
    var targets: [Address: Target] = [:]
    var trampolines: [ResourceKey: Set<Address>] = [:]
    var nextNumber = 0
  }

  /// Where a trampoline leads.
  private struct Target {
    /// Another for another use of the trampoline.
    var number: Int
    var name: SymbolStringPtr
    var source: JITDylib
    /// Who is to be told the address; nobody once it is known.
    var handler: ResolutionHandler?
    var address: Address?
  }

  /// A manager that lasts as long as the session.
  ///
  /// - Parameter lazyCompileFailureAddress: a function of the executor; by default `abort`.
  /// - Throws: ``OrcError/executor(_:)``, also for a machine that Weld does not link; ``OrcError/sessionClosed``.
  public init(
    for session: ExecutionSession, lazyCompileFailureAddress: Address? = nil
  ) throws(OrcError) {
    core = session.core
    self.lazyCompileFailureAddress =
      if let lazyCompileFailureAddress { lazyCompileFailureAddress } else {
        try Self.abort(of: session.executor)
      }
    pool = try TrampolinePool(
      try IndirectionMemory(of: session.executor), failure: self.lazyCompileFailureAddress)
    try session.register(self)
  }

  private static func abort(of executor: any ExecutorProcessControl) throws(OrcError) -> Address {
    do throws(ExecutorError) {
      let found = try executor.lookup(["abort"], in: try executor.loadDylib(nil))
      guard let abort = found.first ?? nil else { throw .missingService(name: "abort") }
      return abort.address
    } catch {
      throw .executor(error)
    }
  }

  // MARK: - Making

  /// Makes a trampoline to a symbol, which is looked up in all of `source` when the trampoline is first called.
  ///
  /// - Parameter handler: is told the address before the first call goes on; of several at a time, some may go on before. If
  ///   it throws, that call fails, and the next tells it again.
  /// - Throws: ``OrcError/link(_:)`` for want of memory, ``OrcError/executor(_:)``, ``OrcError/anotherSession(dylib:)``.
  /// - Returns: the address of the trampoline. LLVM's `getCallThroughTrampoline`.
  public func makeCallThroughTrampoline(
    to name: SymbolStringPtr, in source: JITDylib, onResolved handler: @escaping ResolutionHandler
  ) throws(OrcError) -> Address {
    let trampoline = try makeTrampolines(to: [name], in: source)[0]
    setHandler(of: trampoline, handler)
    return trampoline
  }

  /// Gives trampolines back, which nobody calls any more.
  public func remove(_ trampolines: some Sequence<Address>) {
    // Handlers are given back after the lock is: they may be the last to hold anything.
    let removed = state.withLock { state in
      trampolines.compactMap { trampoline in
        state.targets.removeValue(forKey: trampoline).map { (trampoline, $0) }
      }
    }
    pool.giveBack(removed.map { $0.0 })
  }

  /// Makes trampolines to symbols of `source`, without handlers.
  func makeTrampolines(
    to names: [SymbolStringPtr], in source: JITDylib
  ) throws(OrcError) -> [Address] {
    try core.check(source)
    let trampolines = try pool.take(names.count) { [weak self] in self?.landingAddress(of: $0) }
    state.withLock { state in
      for (trampoline, name) in zip(trampolines, names) {
        state.targets[trampoline] = Target(number: state.nextNumber, name: name, source: source)
        state.nextNumber += 1
      }
    }
    return trampolines
  }

  /// Has `handler` told where `trampoline` leads, which nobody calls yet.
  func setHandler(of trampoline: Address, _ handler: @escaping ResolutionHandler) {
    state.withLock { $0.targets[trampoline]?.handler = handler }
  }

  // MARK: - Calls

  /// Where a call of `trampoline` goes. LLVM's `resolveTrampolineLandingAddress`.
  private func landingAddress(of trampoline: Address) -> Address {
    guard let target = state.withLock({ $0.targets[trampoline] }) else {
      core.report(.symbolsNotFound(["the trampoline at \(trampoline)"], searched: []))
      return lazyCompileFailureAddress
    }
    if let address = target.address { return address }
    do throws(OrcError) {
      let symbol = try ExecutionSession(of: core).lookup(
        target.name.text, in: [SearchedJITDylib(target.source, .matchAllSymbols)])
      try note(symbol.address, of: trampoline, target.number)
      return symbol.address
    } catch {
      // What failed to be made was reported when it did.
      if case .failedToMaterialize = error { return lazyCompileFailureAddress }
      core.report(error)
      return lazyCompileFailureAddress
    }
  }

  /// Tells the handler, if nobody has. A trampoline that was removed meanwhile has none.
  private func note(_ address: Address, of trampoline: Address, _ number: Int) throws(OrcError) {
    func change<R: Sendable>(_ body: (inout Target) -> R?) -> R? {
      state.withLock { state in
        guard var target = state.targets[trampoline], target.number == number else { return nil }
        defer { state.targets[trampoline] = target }
        return body(&target)
      }
    }
    guard let handler = change({ $0.handler.take() }) else { return }
    do throws(OrcError) {
      try handler(address)
    } catch {
      change { $0.handler = handler }
      throw error
    }
    change { $0.address = address }
  }

  // MARK: - Resources

  /// Gives the trampolines back when `key` is removed.
  func bind(_ trampolines: [Address], to key: ResourceKey) {
    state.withLock { $0.trampolines[key, default: []].formUnion(trampolines) }
  }

  public func removeResources(of key: ResourceKey, in dylib: JITDylib) {
    let trampolines = state.withLock { $0.trampolines.removeValue(forKey: key) }
    if let trampolines { remove(trampolines) }
  }

  public func transferResources(
    from source: ResourceKey, to destination: ResourceKey, in dylib: JITDylib
  ) {
    state.withLock { state in
      guard let trampolines = state.trampolines.removeValue(forKey: source) else { return }
      state.trampolines[destination, default: []].formUnion(trampolines)
    }
  }
}
