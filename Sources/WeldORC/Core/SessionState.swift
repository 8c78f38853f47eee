internal import WeldLink
internal import WeldMemory

/// A symbol in all of a session: its dylib's number and its name.
struct SymbolKey: Hashable, Sendable {
  var dylib: Int
  var name: SymbolStringPtr
}

/// All that a session knows of its symbols. Everything refers to everything by number; numbers are not reused.
///
/// The operations are in the extensions: definition, lookup, emission, failure, trackers.
struct SessionState: Sendable {
  private var lastNumber = 0
  var isOpen = true
  var dylibs: [Int: DylibState] = [:]
  var dylibNumbers: [String: Int] = [:]
  var units: [Int: UnitState] = [:]
  var responsibilities: [Int: ResponsibilityState] = [:]
  var trackers: [Int: TrackerState] = [:]
  var groups: [Int: EmissionGroup] = [:]
  var watches: [Int: Watch] = [:]
  var queries: [Int: Query] = [:]
  /// Those which have not yet found all definitions.
  var lookups: [Int: Lookup] = [:]
  /// What aliases wait for.
  var aliasees: [SymbolKey: SymbolKey] = [:]
  /// How many are about to make resources under a tracker.
  var pins: [Int: Int] = [:]
  /// What is to be done to the resources of pinned trackers.
  var deferredChanges: [Int: [ResourceChange]] = [:]
  var managers: [(number: Int, manager: any ResourceManager)] = []

  mutating func nextNumber() -> Int {
    lastNumber += 1
    return lastNumber
  }

  func symbols(_ keys: some Sequence<SymbolKey>) -> [OrcError.Symbol] {
    keys.map { OrcError.Symbol(name: $0.name.text, dylib: dylibs[$0.dylib]?.name ?? "a removed dylib") }
      .sorted { ($0.dylib, $0.name) < ($1.dylib, $1.name) }
  }

  func symbols(_ names: some Sequence<SymbolStringPtr>, of dylib: Int) -> [OrcError.Symbol] {
    symbols(names.map { SymbolKey(dylib: dylib, name: $0) })
  }

  func entry(_ key: SymbolKey) -> SymbolEntry? { dylibs[key.dylib]?.symbols[key.name] }

  func requireDylib(_ dylib: JITDylib) throws(OrcError) {
    guard isOpen else { throw .sessionClosed }
    guard dylibs[dylib.number] != nil else { throw .dylibClosed(dylib: dylib.name) }
  }
}

/// A dylib of the session.
struct DylibState: Sendable {
  let name: String
  var linkOrder: [(dylib: Int, flags: JITDylibLookupFlags)]
  var defaultTracker: Int
  var symbols: [SymbolStringPtr: SymbolEntry] = [:]
  /// Of symbols that somebody waits for, or which wait for something.
  var materializing: [SymbolStringPtr: MaterializingInfo] = [:]
  /// The first cause, of symbols that failed.
  var failures: [SymbolStringPtr: OrcError] = [:]
  var generators: [GeneratorState] = []
}

/// A symbol of a dylib.
struct SymbolEntry: Sendable {
  var address = Address.zero
  var flags: SymbolFlags
  var state = SymbolState.neverSearched
  var hasFailed = false
  var tracker: Int
  /// Who can make it, if nobody asked for it.
  var unit: Int?

  /// Whether another definition of the name is a second one.
  var isStrong: Bool { flags.isDisjoint(with: [.weak, .common]) }
  var evaluated: EvaluatedSymbol { EvaluatedSymbol(address: address, flags: flags) }

  func isVisible(_ lookup: JITDylibLookupFlags) -> Bool {
    lookup == .matchAllSymbols || flags.contains(.exported)
  }
}

/// Who waits for a symbol that is not ready.
struct MaterializingInfo: Sendable {
  var queries: [(number: Int, required: RequiredSymbolState)] = []
  /// The group that it was emitted with, if that still waits.
  var group: Int?
  /// The groups, of those that are not ready, which need it.
  var dependants: Set<Int> = []
  /// The groups that are not ready because it is not emitted; some, not all.
  var watch: Int?
}

/// Emitted symbols that become ready together. LLVM's `EmissionDepUnit`.
struct EmissionGroup: Sendable {
  var symbols: Set<SymbolKey>
  /// What they need of others, and was not ready when they were emitted.
  var dependencies: Set<SymbolKey> = []
  /// Why they are not ready. See ``SessionState/emit(_:by:_:)``.
  var watch: Int?
}

/// An unemitted symbol, and groups that reach it and are not ready because of that.
struct Watch: Sendable {
  var symbol: SymbolKey
  var groups: Set<Int> = []
}

/// A unit that was not asked for.
struct UnitState: Sendable {
  let unit: any MaterializationUnit
  /// Asked once: it is the user's code.
  let name: String
  /// What of its symbols is not defined by something else.
  var symbols: SymbolFlagsMap
  var initializerSymbol: SymbolStringPtr?
  var tracker = 0

  /// Asks the unit, which is the user's code, what it defines.
  init(_ unit: some MaterializationUnit) {
    self.unit = unit
    name = unit.name
    symbols = unit.symbols
    initializerSymbol = unit.initializerSymbol
    if let initializerSymbol, symbols[initializerSymbol] == nil {
      symbols[initializerSymbol] = .materializationSideEffectsOnly
    }
  }
}

struct ResponsibilityState: Sendable {
  enum Status: Sendable {
    case owed
    /// Emitted or failed.
    case fulfilled
    /// Its tracker was removed.
    case defunct
  }
  let dylib: Int
  var tracker: Int
  var symbols: SymbolFlagsMap
  var initializerSymbol: SymbolStringPtr?
  var status = Status.owed
  /// What the last notification threw.
  var lastError: OrcError?
}

struct TrackerState: Sendable {
  let dylib: Int
  /// Of a default tracker, which tracks all symbols of the dylib that say so, nothing.
  var symbols: Set<SymbolStringPtr> = []
  var responsibilities: Set<Int> = []
}

/// What happens to the resources of a tracker that has ended.
struct ResourceChange: Sendable {
  enum Kind: Sendable {
    case remove
    case transfer(to: Int)
  }
  let tracker: Int
  let dylib: Int
  let kind: Kind

  init(_ tracker: Int, in dylib: Int, _ kind: Kind) {
    self.tracker = tracker
    self.dylib = dylib
    self.kind = kind
  }
}

struct GeneratorState: Sendable {
  let number: Int
  let generator: any DefinitionGenerator
  /// The lookup whose request it has.
  var asker: Int?
  /// Lookups whose turn comes later.
  var waiting: [Int] = []
}

/// What a lookup does when it ends.
struct Completion: Sendable {
  /// Whether it is short, and may run on any thread.
  var isInternal = false
  var registerDependencies: (@Sendable (SymbolDependenceMap) -> Void)?
  let body: @Sendable (Result<SymbolMap, OrcError>) -> Void
}

/// A lookup that has found all definitions, and waits for them.
struct Query: Sendable {
  let required: RequiredSymbolState
  let completion: Completion
  /// What was not ready when it was found.
  let dependencies: [SymbolKey]
  /// The alias for which it is made.
  let alias: SymbolKey?
  var results: SymbolMap
  var pending: Set<SymbolKey>
}

/// What is to be done after the lock is released: all that calls the user's code, or releases its objects.
struct Effects: Sendable {
  var materializations: [(unit: UnitState, responsibility: Int, dylib: Int)] = []
  var completions:
    [(completion: Completion, result: Result<SymbolMap, OrcError>, dependencies: [SymbolKey])] = []
  var flagsCompletions: [(body: @Sendable (SymbolFlagsMap) -> Void, result: SymbolFlagsMap)] = []
  var generations: [(generator: any DefinitionGenerator, request: GenerationSeed)] = []
  var discards: [(unit: any MaterializationUnit, name: SymbolStringPtr, dylib: Int)] = []
  var reports: [OrcError] = []
  var resourceChanges: [ResourceChange] = []
  /// Who releases and moves resources, if some are to be.
  var managers: [any ResourceManager] = []
  var garbage: [any Sendable] = []
  /// The names of the dylibs that are mentioned.
  var dylibNames: [Int: String] = [:]
}

extension Effects {
  /// Takes from the state what is needed later, when that may have gone on.
  mutating func note(_ state: SessionState) {
    if !resourceChanges.isEmpty { managers = state.managers.map(\.manager) }
  }
}

struct GenerationSeed: Sendable {
  let number: Int
  let lookup: Int
  let symbols: SymbolLookupSet
  let dylib: Int
  let dylibFlags: JITDylibLookupFlags
  let kind: LookupKind
}
