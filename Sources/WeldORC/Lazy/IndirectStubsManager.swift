internal import Synchronization
public import WeldLink
public import WeldMemory

/// Stubs of the executor, found by name: functions that go where a pointer says, which can be changed at any time, also
/// while they are called.
///
/// A name may be used once, and once in each dylib. Stubs are made many at a time, are a few bytes each, and are used again
/// once they are removed: whatever calls a stub must have gone by then. LLVM's `IndirectStubsManager`.
public final class IndirectStubsManager: ResourceManager {
  private let pool: StubPool
  private let state = Mutex(State())

  private struct State {
    var stubs: [StubName: NamedStub] = [:]
    /// Those that were not removed, by number; more than have names, since a dylib may forget a name before its tracker is
    /// removed and define it anew.
    var places: [Int: StubPool.Stub] = [:]
    var bound: [ResourceKey: [NamedStub]] = [:]
    var nextNumber = 0
  }

  /// A manager that lasts as long as the session.
  ///
  /// - Throws: ``OrcError/executor(_:)`` for a machine that Weld does not link, ``OrcError/sessionClosed``.
  public init(for session: ExecutionSession) throws(OrcError) {
    pool = StubPool(try IndirectionMemory(of: session.executor))
    try session.register(self)
  }

  // MARK: - Making

  /// Makes a stub that leads to `target`.
  ///
  /// - Parameters:
  ///   - name: what it is found by.
  ///   - dylib: where the name is one, if anywhere.
  ///   - flags: what ``findStub(_:in:exportedOnly:)`` says it is.
  /// - Throws: as ``createStubs(_:in:)``.
  public func createStub(
    _ name: String, in dylib: JITDylib? = nil, target: Address, flags: SymbolFlags = [.exported, .callable]
  ) throws(OrcError) {
    try createStubs([name: EvaluatedSymbol(address: target, flags: flags)], in: dylib)
  }

  /// Makes stubs that lead to the given addresses and have the given flags, at once.
  ///
  /// - Throws: ``OrcError/duplicateDefinition(_:)``, ``OrcError/link(_:)`` for want of memory, ``OrcError/executor(_:)``;
  ///   there is no new stub then.
  public func createStubs(
    _ stubs: [String: EvaluatedSymbol], in dylib: JITDylib? = nil
  ) throws(OrcError) {
    _ = try make(stubs.map { (StubName($0, in: dylib), $1) })
  }

  /// Makes stubs, and returns them in the same order.
  ///
  /// - Parameter replacesBound: whether names may be taken from stubs that belong to a tracker.
  func make(
    _ wanted: [(name: StubName, target: EvaluatedSymbol)], replacesBound: Bool = false
  ) throws(OrcError) -> [NamedStub] {
    let places = try pool.take(wanted.map(\.target.address))
    let result = state.withLock { state -> Result<[NamedStub], OrcError> in
      let known = wanted.filter { wanted in
        state.stubs[wanted.name].map { !replacesBound || !$0.isBound } ?? false
      }
      guard known.isEmpty else { return .failure(.duplicateDefinition(known.map(\.name.symbol))) }
      let made = zip(wanted, places).map { wanted, place in
        defer { state.nextNumber += 1 }
        return NamedStub(
          name: wanted.name, place: place, number: state.nextNumber, flags: wanted.target.flags)
      }
      for stub in made {
        state.stubs[stub.name] = stub
        state.places[stub.number] = stub.place
      }
      return .success(made)
    }
    if case .failure = result { pool.giveBack(places) }
    return try result.get()
  }

  // MARK: - Finding

  /// Where the stub is, and its flags.
  ///
  /// - Parameter exportedOnly: whether one that is not exported is none.
  public func findStub(
    _ name: String, in dylib: JITDylib? = nil, exportedOnly: Bool = false
  ) -> EvaluatedSymbol? {
    guard let stub = state.withLock({ $0.stubs[StubName(name, in: dylib)] }),
      !exportedOnly || stub.flags.contains(.exported)
    else { return nil }
    return stub.symbol
  }

  /// Where the pointer of the stub is, and the flags of the stub.
  public func findPointer(_ name: String, in dylib: JITDylib? = nil) -> EvaluatedSymbol? {
    state.withLock { $0.stubs[StubName(name, in: dylib)] }.map {
      EvaluatedSymbol(address: $0.place.slot, flags: $0.flags)
    }
  }

  // MARK: - Changing

  /// Lets the stub lead to `target`, from the next call on.
  ///
  /// - Throws: as ``updatePointers(_:in:)``.
  public func updatePointer(
    of name: String, in dylib: JITDylib? = nil, to target: Address
  ) throws(OrcError) {
    try updatePointers([name: target], in: dylib)
  }

  /// Lets stubs lead elsewhere, from the next call of each on.
  ///
  /// - Throws: ``OrcError/symbolsNotFound(_:searched:)``, and nothing is changed; ``OrcError/executor(_:)``.
  public func updatePointers(_ targets: [String: Address], in dylib: JITDylib? = nil) throws(OrcError) {
    // With the lock, so that nobody takes the stubs of removed names over meanwhile, and that they lead where the last of
    // several calls says. Nothing of the user's is called.
    try state.withLock { state -> Result<Void, OrcError> in
      let missing = targets.keys.filter { state.stubs[StubName($0, in: dylib)] == nil }.sorted()
      guard missing.isEmpty else {
        return .failure(.symbolsNotFound(missing, searched: dylib.map { [$0.name] } ?? []))
      }
      let changes = targets.compactMap { name, target in
        state.stubs[StubName(name, in: dylib)].map { ($0.place, target) }
      }
      return Result { () throws(OrcError) in try pool.set(changes) }
    }.get()
  }

  /// Lets a stub lead to `target`, unless it was removed; whether it did.
  func update(_ stub: NamedStub, to target: Address) throws(OrcError) -> Bool {
    try state.withLock { state -> Result<Bool, OrcError> in
      guard state.places[stub.number] != nil else { return .success(false) }
      return Result { () throws(OrcError) in
        try pool.set([(stub.place, target)])
        return true
      }
    }.get()
  }

  // MARK: - Removing

  /// Removes stubs, which nobody calls any more; names that have none are passed over.
  public func removeStubs(_ names: some Sequence<String>, in dylib: JITDylib? = nil) {
    remove(
      state.withLock { state in names.compactMap { state.stubs[StubName($0, in: dylib)] } })
  }

  /// Removes stubs, unless they were.
  func remove(_ stubs: [NamedStub]) {
    let places = state.withLock { state in
      stubs.compactMap { stub in
        if state.stubs[stub.name]?.number == stub.number { state.stubs[stub.name] = nil }
        return state.places.removeValue(forKey: stub.number)
      }
    }
    pool.giveBack(places)
  }

  /// Removes the stubs when `key` is removed.
  func bind(_ stubs: [NamedStub], to key: ResourceKey) {
    state.withLock { state in
      for stub in stubs where state.stubs[stub.name]?.number == stub.number {
        state.stubs[stub.name]?.isBound = true
      }
      state.bound[key, default: []] += stubs
    }
  }

  public func removeResources(of key: ResourceKey, in dylib: JITDylib) {
    let stubs = state.withLock { $0.bound.removeValue(forKey: key) }
    if let stubs { remove(stubs) }
  }

  public func transferResources(
    from source: ResourceKey, to destination: ResourceKey, in dylib: JITDylib
  ) {
    state.withLock { state in
      guard let stubs = state.bound.removeValue(forKey: source) else { return }
      state.bound[destination, default: []] += stubs
    }
  }
}

/// The name of a stub.
struct StubName: Hashable {
  var text: String
  var dylib: JITDylib?

  init(_ text: String, in dylib: JITDylib?) {
    self.text = text
    self.dylib = dylib
  }

  var symbol: OrcError.Symbol { OrcError.Symbol(name: text, dylib: dylib?.name ?? "the stubs of no dylib") }
}

/// A stub that has a name.
struct NamedStub {
  var name: StubName
  var place: StubPool.Stub
  /// Another for another stub of the same name.
  var number: Int
  var flags: SymbolFlags
  /// Whether it belongs to a tracker.
  var isBound = false

  /// What those see who look it up.
  var symbol: EvaluatedSymbol { EvaluatedSymbol(address: place.address, flags: flags) }
}
