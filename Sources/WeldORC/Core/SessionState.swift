internal import WeldBytes
internal import WeldLink
internal import WeldMemory

/// The number of a symbol of a session.
typealias SymbolID = Int

/// All that a session knows of its symbols. Everything refers to everything by number; numbers are not reused.
///
/// The operations are in the extensions: definition, lookup, emission, failure, trackers.
struct SessionState: Sendable {
  private var lastNumber = 0
  var isOpen = true
  var dylibs = Slab<DylibState>()
  var dylibNumbers: [String: Int] = [:]
  var symbols = Slab<SymbolEntry>()
  /// By their positions in ``symbols``.
  var symbolNames: [SymbolStringPtr?] = [nil]
  /// The groups, of those that are not ready, which need a symbol.
  var dependants: [SymbolID: Set<Int>] = [:]
  /// The queries that wait for a symbol, but for the first.
  var otherWaiters: [SymbolID: [PendingQuery]] = [:]
  /// Why symbols failed: the first cause.
  var failures: [SymbolID: OrcError] = [:]
  /// What the last notifications of responsibilities threw.
  var lastErrors: [Int: OrcError] = [:]
  var units = Slab<UnitState>()
  var responsibilities = Slab<ResponsibilityState>()
  var trackers = Slab<TrackerState>()
  var groups = Slab<EmissionGroup>()
  var watches = Slab<Watch>()
  var queries = Slab<Query>()
  /// Those whose completions have tags.
  var taggedQueries: [Int: Int] = [:]
  /// Those which have not yet found all definitions.
  var lookups: [Int: SuspendedLookup] = [:]
  /// What aliases wait for.
  var aliasees: [SymbolID: SymbolID] = [:]
  /// How many are about to make resources under a tracker that is gone.
  var pins: [Int: Int] = [:]
  /// What is to be done to the resources of pinned trackers.
  var deferredChanges: [Int: [ResourceChange]] = [:]
  /// Those who release and move resources.
  var managers: [any ResourceManager] = []

  /// A number that tells what came before what.
  mutating func nextNumber() -> Int {
    lastNumber += 1
    return lastNumber
  }

  /// The symbols as errors name them.
  func describe(_ symbols: some Sequence<SymbolID>) -> [OrcError.Symbol] {
    symbols.compactMap { id -> OrcError.Symbol? in
      guard let name = name(of: id), let dylib = self.symbols[id]?.dylib else { return nil }
      return OrcError.Symbol(name: name.text, dylib: dylibs[dylib]?.name ?? "a removed dylib")
    }.sorted { ($0.dylib, $0.name) < ($1.dylib, $1.name) }
  }

  func describe(_ names: some Sequence<SymbolStringPtr>, of dylib: Int) -> [OrcError.Symbol] {
    let dylib = dylibs[dylib]?.name ?? "a removed dylib"
    return names.map { OrcError.Symbol(name: $0.text, dylib: dylib) }.sorted { $0.name < $1.name }
  }

  /// Adds a symbol.
  mutating func addSymbol(_ entry: SymbolEntry, _ name: SymbolStringPtr) -> SymbolID {
    let id = symbols.insert(entry)
    let position = Slab<SymbolEntry>.position(of: id)
    if position < symbolNames.count { symbolNames[position] = name } else { symbolNames.append(name) }
    return id
  }

  /// What the symbol is called.
  func name(of id: SymbolID) -> SymbolStringPtr? {
    symbols[id] == nil ? nil : symbolNames[Slab<SymbolEntry>.position(of: id)]
  }

  /// The symbol of this name.
  func find(_ name: SymbolStringPtr, in dylib: Int) -> SymbolID? { dylibs[dylib]?.table[name] }

  /// The dylib, for those who are told of it after the lock is released.
  func named(_ dylib: Int) -> NamedDylib { NamedDylib(number: dylib, name: dylibs[dylib]?.name ?? "") }

  func requireDylib(_ dylib: JITDylib) throws(OrcError) {
    guard isOpen else { throw .sessionClosed }
    guard dylibs[dylib.number] != nil else { throw .dylibClosed(dylib: dylib.name) }
  }
}

/// A dylib, and what it is called.
struct NamedDylib: Hashable, Sendable {
  let number: Int
  let name: String
}

/// A dylib of the session.
///
/// Unchecked: it is looked at and changed under the session's lock alone.
final class DylibState: @unchecked Sendable {
  let name: String
  /// When it was created.
  let sequence: Int
  /// Some may have been removed.
  var linkOrder: [(dylib: Int, flags: JITDylibLookupFlags)] = []
  var defaultTracker = 0
  /// All of its trackers.
  private(set) var trackers = LooseNumbers()
  private(set) var table = NameMap()
  /// Symbols without an address that are not ready.
  var initializers: Set<SymbolID> = []
  private(set) var generators: [GeneratorState] = []

  init(name: String, sequence: Int) {
    self.name = name
    self.sequence = sequence
  }

  // Out of it while they change: access to what others refer to takes longer if it may be changed in more than one step.

  @inline(__always)
  func changeTable(_ change: (inout NameMap) -> Void) {
    var all = NameMap()
    swap(&all, &table)
    change(&all)
    swap(&all, &table)
  }

  @inline(__always)
  func changeGenerators<R>(_ change: (inout [GeneratorState]) -> R) -> R {
    var all: [GeneratorState] = []
    swap(&all, &generators)
    defer { swap(&all, &generators) }
    return change(&all)
  }

  @inline(__always)
  func changeTrackers(_ change: (inout LooseNumbers) -> Void) {
    var all = LooseNumbers()
    swap(&all, &trackers)
    change(&all)
    swap(&all, &trackers)
  }
}

/// A symbol of a dylib.
///
/// What few symbols have is not in it, nor anything that counts references, since it is copied often.
struct SymbolEntry: Sendable {
  let dylib: Int
  var address = Address.zero
  var flags: SymbolFlags
  var state = SymbolState.neverSearched
  var hasFailed = false
  var tracker: Int
  /// Who can make it, if nobody asked for it.
  var unit = 0
  /// Who owes it, while it is being made.
  var responsibility = 0
  /// The first query that waits for it; all others are in ``SessionState/otherWaiters``.
  var waiter: PendingQuery?
  var hasOtherWaiters = false
  /// The group that it was emitted with, if that still waits.
  var group = 0
  /// The groups that are not ready because it is not emitted; some, not all.
  var watch = 0
  /// Whether there are some in ``SessionState/dependants``.
  var hasDependants = false

  /// Whether another definition of the name is a second one.
  var isStrong: Bool { flags.isDisjoint(with: [.weak, .common]) }
  var evaluated: EvaluatedSymbol { EvaluatedSymbol(address: address, flags: flags) }
  var hasAddress: Bool { !flags.contains(.materializationSideEffectsOnly) }
  /// Whether somebody asked for it and waits.
  var isAwaited: Bool { waiter != nil || hasDependants }

  /// Its definition, which is the one that counts, got an address.
  mutating func resolve(at address: Address) {
    flags.subtract([.weak, .common])
    self.address = address
    state = .resolved
  }

  /// Whether it is as far as a lookup requires.
  func has(_ required: RequiredSymbolState) -> Bool {
    state == .ready || required == .resolved && state >= .resolved
  }

  func isVisible(_ lookup: JITDylibLookupFlags) -> Bool {
    lookup == .matchAllSymbols || flags.contains(.exported)
  }
}

/// A query that waits for a symbol.
struct PendingQuery: Sendable {
  var query: Int
  /// Which of the query's symbols it is.
  var position: Int
  var required: RequiredSymbolState
}

/// Emitted symbols that become ready together. LLVM's `EmissionDepUnit`.
struct EmissionGroup: Sendable {
  /// Those that were not removed or failed.
  var symbols: Set<SymbolID>
  /// What they need of others, and was not ready when they were emitted.
  var dependencies: Set<SymbolID> = []
  /// Why they are not ready. See ``SessionState/emit(_:by:_:)``.
  var watch = 0
}

/// An unemitted symbol, and groups that reach it and are not ready because of that.
struct Watch: Sendable {
  var symbol: SymbolID
  var groups: Set<Int> = []
}

/// A unit that was not asked for.
///
/// Unchecked: from when it is defined it is looked at and changed under the session's lock alone.
final class UnitState: @unchecked Sendable {
  let unit: any MaterializationUnit
  /// What the user's code said, which is asked once; an object knows its name.
  private let givenName: String
  /// What it can define, until it is known in a dylib.
  private var definitions: Few<SymbolDefinition>
  /// The symbols that it can define; some may be gone.
  var symbols: [SymbolID] = []
  /// How many are not gone.
  var count = 0
  var initializerSymbol: SymbolStringPtr?
  var tracker = 0
  /// Who gets the object, if it is one, and perhaps only takes note of it.
  let collector: (any CollectingObjectLayer)?

  /// Asks the unit, which is the user's code, what it defines.
  init(_ unit: some MaterializationUnit) {
    self.unit = unit
    initializerSymbol = unit.initializerSymbol
    var definitions: Few<SymbolDefinition>
    if let object = unit as? ObjectMaterializationUnit {
      givenName = ""
      definitions = object.definitions
      collector = object.collector
    } else {
      givenName = unit.name
      definitions = Few(unit.symbols.lazy.map { SymbolDefinition(name: $0.key, flags: $0.value) })
      collector = nil
    }
    if let initializerSymbol, !definitions.contains(where: { $0.name == initializerSymbol }) {
      definitions.append(
        SymbolDefinition(name: initializerSymbol, flags: .materializationSideEffectsOnly))
    }
    self.definitions = definitions
  }
}

extension UnitState {
  /// What it can define; it does not know any more.
  func takeDefinitions() -> Few<SymbolDefinition> {
    var all = Few<SymbolDefinition>()
    swap(&all, &definitions)
    return all
  }

  var name: String { (unit as? ObjectMaterializationUnit)?.name ?? givenName }
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
  /// What was owed at first; of these, those are owed that say so.
  var symbols: [SymbolID]
  /// How many are owed.
  var count: Int
  var initializerSymbol: SymbolStringPtr?
  var status = Status.owed
}

struct TrackerState: Sendable {
  let dylib: Int
  /// When it was made.
  let sequence: Int
  /// Of a default tracker, which tracks all symbols of the dylib that say so, nothing.
  var symbols = LooseNumbers()
  /// Those which make something of it; some may be another tracker's.
  var responsibilities = LooseNumbers()
  /// How many are about to make resources under it.
  var pinCount = 0
}

/// What happens to the resources of a tracker that has ended.
struct ResourceChange: Sendable {
  enum Kind: Sendable {
    case remove
    case transfer(to: Int)
  }
  let tracker: Int
  let dylib: NamedDylib
  let kind: Kind

  init(_ tracker: Int, in dylib: NamedDylib, _ kind: Kind) {
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
  /// What the lookup can be asked about by, while it waits.
  var tag: Int?
  var registerDependencies: (@Sendable (SymbolDependenceMap) -> Void)?
  let body: @Sendable (Result<FoundDefinitions, OrcError>) -> Void
}

/// What a lookup has found: names, and where they are unless they have no address.
typealias FoundDefinitions = [(name: SymbolStringPtr, symbol: EvaluatedSymbol?)]

/// A lookup that has found all definitions, and waits for them.
struct Query: Sendable {
  let completion: Completion
  /// What was not ready when it was found, if anybody wants to know.
  let dependencies: [(dylib: NamedDylib, name: SymbolStringPtr)]
  /// The alias for which it is made.
  let alias: SymbolID?
  /// What was found, with an address where one is known.
  var results: FoundDefinitions
  /// What was found, in the same order, and is waited for as far as it was not yet what is required.
  var symbols: Few<SymbolID>
  var pendingCount: Int
}
