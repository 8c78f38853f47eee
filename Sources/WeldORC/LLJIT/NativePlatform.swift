internal import Synchronization
internal import WeldELF
internal import WeldExecutor
internal import WeldLink
internal import WeldMemory

/// Runs the constructors and destructors of objects as the dynamic loader does for shared libraries.
///
/// Each dylib gets the support object, which has its `__dso_handle`: what its code registers with `atexit` and kin belongs
/// to it and runs when it is deinitialized.
final class NativePlatform: PlatformSupport {
  /// The initializers of one object.
  private struct Entry: Sendable {
    let key: ObjectKey
    let initializers: [Initializers]
    /// In the order in which objects were added.
    let position: Int
  }

  private struct DylibRecord: Sendable {
    /// What has not run, by tracker.
    var pending: [ResourceKey: [Entry]] = [:]
    /// What has run, by tracker, with the number of the run.
    var done: [ResourceKey: [(run: Int, entry: Entry)]] = [:]
    /// The dylibs for whose sake it was initialized.
    var users: Set<JITDylib> = []
    /// The dylibs that were initialized for its sake.
    var used: Set<JITDylib> = []
    /// When it was initialized first.
    var firstRun = 0
  }

  private struct State: Sendable {
    var records: [JITDylib: DylibRecord] = [:]
    var lastRun = 0
    var startup: Startup?
  }

  /// What constructors are called with, and what calls exit handlers.
  private struct Startup: Sendable {
    let functions: StartupFunctions
    let arguments: ArgumentBlock
  }

  private let executor: any ExecutorProcessControl
  private let arguments: [String]
  private let state = Mutex(State())

  /// - Parameter arguments: what constructors get as `argv`.
  init(of session: ExecutionSession, arguments: [String]) throws(OrcError) {
    executor = session.executor
    self.arguments = arguments
    try session.register(self)
  }

  func setUp(_ dylib: JITDylib, of jit: LLJIT) throws(OrcError) {
    let support: ObjectFile
    do {
      support = try SupportObject.make(for: executor.target.machine)
    } catch {
      throw .link(error)
    }
    // Not defined at once: it would go with the dylib's default tracker.
    try dylib.addGenerator(SupportGenerator(support, layer: jit.objectLayer, names: dylib.core.names))
    state.withLock { $0.records[dylib, default: DylibRecord()].users = [] }
  }

  private func startup() throws(OrcError) -> Startup {
    if let known = state.withLock({ $0.startup }) { return known }
    let new: Startup
    do throws(LinkError) {
      let functions: StartupFunctions
      do {
        functions = try StartupFunctions(in: executor)
      } catch {
        throw .executor(error)
      }
      new = Startup(functions: functions, arguments: try ArgumentBlock(arguments, in: executor))
    } catch {
      if case .executor(let error) = error { throw .executor(error) }
      throw .link(error)
    }
    return state.withLock { state in
      if let known = state.startup { return known }
      state.startup = new
      return new
    }
  }
}

// MARK: - Before the code

extension NativePlatform {
  func initialize(_ dylib: JITDylib) throws(OrcError) { try initialize(dylib, endsWithProcess: false) }

  /// Runs the constructors of `dylib`, and of what it links against.
  ///
  /// - Parameter endsWithProcess: whether destructors are registered to run when the process ends: before the constructors,
  ///   so that they run after what these register.
  func initialize(_ dylib: JITDylib, endsWithProcess: Bool) throws(OrcError) {
    let closure = dylib.linkClosure
    for dependency in closure {
      let symbols = dependency.initializerSymbols
      guard !symbols.isEmpty else { continue }
      _ = try dependency.session.lookup(
        SymbolLookupSet(symbols, .weaklyReferenced), in: [SearchedJITDylib(dependency, .matchAllSymbols)])
    }
    for dependency in closure {
      let entries = begin(dependency, for: dylib, keepsDone: !endsWithProcess).sorted {
        $0.position < $1.position
      }
      let initializers = entries.flatMap(\.initializers)
      let runs = initializers.flatMap(\.before).sorted { $0.priority < $1.priority }
      let endRuns =
        endsWithProcess ? initializers.flatMap(\.after).sorted { $0.priority > $1.priority } : []
      guard !runs.isEmpty || !endRuns.isEmpty else { continue }
      let startup = try startup()
      let handle = try endRuns.isEmpty ? nil : handle(of: dependency)
      do throws(ExecutorError) {
        let environment = try executor.addresses(at: startup.functions.environment, count: 1)
        let argv = startup.arguments.argv.rawValue
        var ends: [Address] = []
        for run in endRuns { ends += try executor.functions(of: run) }
        // What is registered last runs first.
        var calls = ends.reversed().map {
          FunctionCall(startup.functions.atExit, $0.rawValue, 0, handle?.rawValue ?? 0)
        }
        for run in runs {
          for function in try executor.functions(of: run) {
            calls.append(
              FunctionCall(function, startup.arguments.argc, argv, environment.first?.rawValue ?? 0))
          }
        }
        _ = try executor.run(calls)
      } catch {
        throw .executor(error)
      }
    }
  }

  /// What of `dylib` has not run, and from now on has.
  ///
  /// - Parameter keepsDone: whether its destructors are still to be run by this.
  private func begin(_ dylib: JITDylib, for user: JITDylib, keepsDone: Bool) -> [Entry] {
    state.withLock { state in
      // Taken out, so that what has run is not copied.
      var record = state.records.removeValue(forKey: dylib) ?? DylibRecord()
      state.lastRun += 1
      if record.users.isEmpty { record.firstRun = state.lastRun }
      record.users.insert(user)
      let pending = record.pending
      record.pending = [:]
      for (tracker, entries) in pending where keepsDone {
        record.done[tracker, default: []] += entries.map { (state.lastRun, $0) }
      }
      state.records[dylib] = record
      state.records[user, default: DylibRecord()].used.insert(dylib)
      return pending.values.flatMap(\.self)
    }
  }
}

// MARK: - After the code

extension NativePlatform {
  /// Deinitializes `dylib`, and what was initialized for its sake and nobody else's, the last one first.
  func deinitialize(_ dylib: JITDylib) throws(OrcError) {
    let ended = state.withLock { state in
      var ended: [JITDylib: DylibRecord] = [:]
      let used = state.records[dylib]?.used ?? []
      state.records[dylib]?.used = []
      for other in used.union([dylib]) {
        guard let record = state.records[other] else { continue }
        state.records[other]?.users.remove(dylib)
        guard record.users.isSubset(of: [dylib]) else { continue }
        ended[other] = record
        state.records[other]?.done = [:]
      }
      return ended
    }
    try end(ended)
  }

  func deinitializeAll() throws(OrcError) {
    let ended = state.withLock { state in
      let ended = state.records
      state.records = [:]
      return ended
    }
    try end(ended.filter { $0.key.isOpen })
  }

  private func end(_ records: [JITDylib: DylibRecord]) throws(OrcError) {
    for (dylib, record) in records.sorted(by: { $0.value.firstRun > $1.value.firstRun }) {
      let entries = record.done.values.flatMap(\.self).sorted {
        ($0.run, $0.entry.position) > ($1.run, $1.entry.position)
      }
      var runs: [Initializers.Run] = []
      for (_, entries) in Dictionary(grouping: entries, by: \.run).sorted(by: { $0.key > $1.key }) {
        let initializers = entries.flatMap(\.entry.initializers)
        runs += initializers.flatMap(\.after).sorted { $0.priority > $1.priority }
      }
      let handle = try handle(of: dylib)
      guard handle != nil || !runs.isEmpty else { continue }
      let finalize = try startup().functions.finalize
      do throws(ExecutorError) {
        var calls = handle.map { [FunctionCall(finalize, $0.rawValue)] } ?? []
        for run in runs { calls += try executor.functions(of: run).map { FunctionCall($0) } }
        _ = try executor.run(calls)
      } catch {
        throw .executor(error)
      }
    }
  }

  /// What exit handlers of the dylib's code are registered with, if some can be.
  private func handle(of dylib: JITDylib) throws(OrcError) -> Address? {
    let name = "__dso_handle"
    guard let state = dylib.state(of: dylib.session.intern(name)), state == .ready else { return nil }
    return try dylib.session.lookup(name, in: [SearchedJITDylib(dylib, .matchAllSymbols)]).address
  }
}

// MARK: - Objects that come and go

extension NativePlatform: InitializerSink {
  func add(
    _ initializers: [Initializers], for symbol: SymbolStringPtr?, as key: ObjectKey,
    under tracker: ResourceKey, in dylib: JITDylib
  ) {
    let position = ObjectInterface.position(ofInitializerSymbol: symbol)
    state.withLock { state in
      state.records[dylib, default: DylibRecord()].pending[tracker, default: []].append(
        Entry(key: key, initializers: initializers, position: position))
    }
  }

  func remove(_ key: ObjectKey) {
    state.withLock { state in
      for dylib in Array(state.records.keys) {
        for tracker in Array(state.records[dylib]?.pending.keys ?? [:].keys) {
          state.records[dylib]?.pending[tracker]?.removeAll { $0.key == key }
        }
      }
    }
  }

  func removeResources(of key: ResourceKey, in dylib: JITDylib) throws(OrcError) {
    let isOpen = dylib.isOpen
    state.withLock { state in
      guard isOpen else {
        // What was initialized for its sake is no more so.
        for other in state.records.removeValue(forKey: dylib)?.used ?? [] {
          state.records[other]?.users.remove(dylib)
        }
        return
      }
      state.records[dylib]?.pending[key] = nil
      state.records[dylib]?.done[key] = nil
    }
  }

  func transferResources(
    from source: ResourceKey, to destination: ResourceKey, in dylib: JITDylib
  ) {
    state.withLock { state in
      guard var record = state.records[dylib] else { return }
      record.pending[destination, default: []] += record.pending.removeValue(forKey: source) ?? []
      record.done[destination, default: []] += record.done.removeValue(forKey: source) ?? []
      state.records[dylib] = record
    }
  }
}

/// Defines what programs find in the C library's static part when they look for it, as often as it was removed.
private struct SupportGenerator: SynchronousDefinitionGenerator {
  private let object: ObjectFile
  private let layer: any ObjectLayer
  private let names: Set<SymbolStringPtr>

  init(_ object: ObjectFile, layer: any ObjectLayer, names: SymbolStringPool) {
    self.object = object
    self.layer = layer
    self.names = Set(ObjectSymbols(of: object, names: names).definitions.map(\.name))
  }

  func define(_ request: GenerationRequest) throws(OrcError) {
    guard request.symbols.names.contains(where: names.contains) else { return }
    try layer.add(object, to: request.dylib)
  }
}
