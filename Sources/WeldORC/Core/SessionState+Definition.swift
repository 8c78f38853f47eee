internal import WeldBytes
internal import WeldLink

extension SessionState {
  /// Creates the dylib called `name`.
  mutating func createDylib(_ name: String) throws(OrcError) -> Int {
    guard isOpen else { throw .sessionClosed }
    guard dylibNumbers[name] == nil else { throw .duplicateDylib(dylib: name) }
    let dylib = DylibState(name: name, sequence: nextNumber())
    let number = dylibs.insert(dylib)
    dylib.linkOrder = [(number, .matchAllSymbols)]
    dylib.defaultTracker = makeTracker(of: number)
    dylibNumbers[name] = number
    return number
  }

  mutating func makeTracker(of dylib: Int) -> Int {
    let number = trackers.insert(TrackerState(dylib: dylib, sequence: nextNumber()))
    guard let state = dylibs[dylib] else { return number }
    state.changeTrackers { known in
      known.append(number)
      if known.isLong { known.keep(known.all.filter { trackers.contains($0) }) }
    }
    return number
  }

  /// Which of the definitions cannot be made in the dylib, and which need not: a strong definition replaces a weak one
  /// that nobody asked for, and a weak definition gives way to any.
  private func collisions(
    of definitions: Few<SymbolDefinition>, in dylib: Int
  ) throws(OrcError) -> (overridden: [SymbolID], superfluous: Set<SymbolStringPtr>) {
    var overridden: [SymbolID] = []
    var superfluous: Set<SymbolStringPtr> = []
    var duplicates: [SymbolStringPtr] = []
    guard let table = dylibs[dylib]?.table, table.count > 0 else { return ([], []) }
    definitions.forEach { definition in
      let name = definition.name
      guard let known = table[name], let entry = symbols[known] else { return }
      if !definition.flags.isDisjoint(with: [.weak, .common]) {
        superfluous.insert(name)
      } else if entry.isStrong || entry.state != .neverSearched {
        duplicates.append(name)
      } else {
        overridden.append(known)
      }
    }
    guard duplicates.isEmpty else { throw .duplicateDefinition(describe(duplicates, of: dylib)) }
    return (overridden, superfluous)
  }

  /// Defines the symbols of `unit`.
  mutating func define(
    _ unit: UnitState, in dylib: JITDylib, tracker: Int?, _ effects: inout Effects
  ) throws(OrcError) {
    try requireDylib(dylib)
    let tracker = tracker ?? dylibs[dylib.number]?.defaultTracker ?? 0
    guard trackers.contains(tracker) else { throw .resourceTrackerDefunct(dylib: dylib.name) }
    var definitions = unit.takeDefinitions()
    let (overridden, superfluous) = try collisions(of: definitions, in: dylib.number)
    if !overridden.isEmpty { discardUnmaterialized(overridden, &effects) }
    unit.tracker = tracker
    if !superfluous.isEmpty {
      for name in superfluous {
        if unit.initializerSymbol == name { unit.initializerSymbol = nil }
        effects.others.append(
          .discard(unit.unit, name, NamedDylib(number: dylib.number, name: dylib.name)))
      }
      definitions = definitions.filter { !superfluous.contains($0.name) }
    }
    guard !definitions.isEmpty else { return }
    let number = units.insert(unit)
    unit.symbols = add(definitions, in: dylib.number, tracker: tracker) { $0.unit = number }
    unit.count = unit.symbols.count
  }

  /// Adds definitions that collide with none; of several of a name the first counts.
  private mutating func add(
    _ definitions: Few<SymbolDefinition>, in dylib: Int, tracker: Int,
    _ finish: (inout SymbolEntry) -> Void
  ) -> [SymbolID] {
    var ids: [SymbolID] = []
    ids.reserveCapacity(definitions.count)
    guard let state = dylibs[dylib] else { return [] }
    state.changeTable { table in
      definitions.forEach { definition in
        var entry = SymbolEntry(dylib: dylib, flags: definition.flags, tracker: tracker)
        finish(&entry)
        let id = addSymbol(entry, definition.name)
        if table.insert(id, for: definition.name) == nil {
          ids.append(id)
          if definition.flags.contains(.materializationSideEffectsOnly) { state.initializers.insert(id) }
        } else {
          symbolNames[Slab<SymbolEntry>.position(of: id)] = nil
          symbols[id] = nil
        }
      }
    }
    track(ids, in: dylib, tracker)
    return ids
  }

  /// Notes that `tracker` tracks symbols, which say so.
  mutating func track(_ ids: some Collection<SymbolID>, in dylib: Int, _ tracker: Int) {
    guard dylibs[dylib]?.defaultTracker != tracker else { return }
    var isLong = false
    trackers.update(tracker) { state in
      state.symbols.append(contentsOf: ids)
      isLong = state.symbols.isLong
    }
    guard isLong, let all = trackers[tracker]?.symbols.all else { return }
    let left = all.filter { symbols[$0]?.tracker == tracker }
    trackers.update(tracker) { $0.symbols.keep(left) }
  }

  /// Removes a symbol that nothing refers to.
  mutating func removeSymbol(_ id: SymbolID) {
    guard let name = name(of: id), let entry = symbols.removeValue(forKey: id) else { return }
    symbolNames[Slab<SymbolEntry>.position(of: id)] = nil
    if entry.hasFailed { failures[id] = nil }
    if let dylib = dylibs[entry.dylib] {
      dylib.changeTable { $0.remove(name) }
      if !entry.hasAddress { dylib.initializers.remove(id) }
    }
    trackers.update(entry.tracker) { $0.symbols.forgetOne() }
  }

  /// Removes definitions that nobody asked for.
  mutating func discardUnmaterialized(_ ids: [SymbolID], _ effects: inout Effects) {
    for id in ids {
      guard let entry = symbols[id], let name = name(of: id) else { continue }
      removeSymbol(id)
      guard let unit = units[entry.unit]?.unit else { continue }
      effects.others.append(.discard(unit, name, named(entry.dylib)))
      units[entry.unit]?.count -= 1
      if units[entry.unit]?.initializerSymbol == name { units[entry.unit]?.initializerSymbol = nil }
      if units[entry.unit]?.count == 0, let empty = units.removeValue(forKey: entry.unit) {
        effects.others.append(.garbage(empty))
      }
    }
  }

  /// Removes definitions which nobody asked for or which are ready.
  mutating func remove(
    _ names: Set<SymbolStringPtr>, from dylib: JITDylib, _ effects: inout Effects
  ) throws(OrcError) {
    try requireDylib(dylib)
    var missing: [String] = []
    var busy: [SymbolID] = []
    var unasked: [SymbolID] = []
    var ready: [SymbolID] = []
    for name in names {
      guard let id = find(name, in: dylib.number), let state = symbols[id]?.state else {
        missing.append(name.text)
        continue
      }
      switch state {
      case .neverSearched: unasked.append(id)
      case .ready: ready.append(id)
      case .materializing, .resolved, .emitted: busy.append(id)
      }
    }
    guard missing.isEmpty else { throw .symbolsNotFound(missing.sorted(), searched: [dylib.name]) }
    guard busy.isEmpty else { throw .symbolsCouldNotBeRemoved(describe(busy)) }
    discardUnmaterialized(unasked, &effects)
    for id in ready { removeSymbol(id) }
  }

  // MARK: - Of responsibilities

  /// The responsibility, if something is owed.
  func owed(by number: Int) throws(OrcError) -> ResponsibilityState {
    try proveOwed(by: number)
    guard let responsibility = responsibilities[number] else { throw .sessionClosed }
    return responsibility
  }

  /// Throws unless something is owed.
  private func proveOwed(by number: Int) throws(OrcError) {
    guard let status = responsibilities.read(number, { $0.status }) else { throw .sessionClosed }
    switch status {
    case .owed: break
    case .fulfilled: throw .responsibilityFulfilled(dylib: nameOfDylib(by: number))
    case .defunct: throw isOpen ? .resourceTrackerDefunct(dylib: nameOfDylib(by: number)) : .sessionClosed
    }
  }

  /// The dylib and the tracker, by their numbers, of a responsibility that owes something.
  func place(by number: Int) throws(OrcError) -> (dylib: Int, tracker: Int) {
    try proveOwed(by: number)
    return responsibilities.read(number) { ($0.dylib, $0.tracker) } ?? (0, 0)
  }

  /// How an object stands that is about to be linked.
  struct Standing: Sendable {
    /// Whether what it needs is searched in its own dylib first.
    let searchesOwnDylibFirst: Bool
    /// How many symbols are owed that have addresses; `nil` if something is not owed any more.
    var owedCount: Int?
    var tracker: Int
  }

  func standing(of responsibility: MaterializationResponsibility) -> Standing {
    let first = dylibs[responsibility.dylib.number]?.linkOrder.first
    let searchesOwnDylibFirst =
      first.map { $0.dylib == responsibility.dylib.number && $0.flags == .matchAllSymbols } ?? true
    var standing = Standing(searchesOwnDylibFirst: searchesOwnDylibFirst, owedCount: nil, tracker: 0)
    responsibilities.read(responsibility.number) { state in
      standing.tracker = state.tracker
      if state.count == state.symbols.count {
        standing.owedCount = state.count - (state.initializerSymbol == nil ? 0 : 1)
      }
    }
    return standing
  }

  private func nameOfDylib(by number: Int) -> String {
    responsibilities[number].flatMap { dylibs[$0.dylib]?.name } ?? "a removed dylib"
  }

  /// What is owed.
  func owedSymbols(by number: Int) -> [SymbolID] {
    guard let responsibility = responsibilities[number], responsibility.status == .owed else { return [] }
    guard responsibility.count < responsibility.symbols.count else { return responsibility.symbols }
    return responsibility.symbols.filter { symbols[$0]?.responsibility == number }
  }

  /// What of `dylib` is called `name` and owed.
  func owedSymbol(_ name: SymbolStringPtr, in dylib: Int, by number: Int) -> SymbolID? {
    guard let id = find(name, in: dylib), symbols[id]?.responsibility == number else { return nil }
    return id
  }

  func owedFlags(by number: Int) -> SymbolFlagsMap {
    var flags: SymbolFlagsMap = [:]
    for id in owedSymbols(by: number) {
      if let name = name(of: id) { flags[name] = symbols[id]?.flags }
    }
    return flags
  }

  func requestedSymbols(of number: Int) -> Set<SymbolStringPtr> {
    Set(owedSymbols(by: number).filter { symbols[$0]?.isAwaited == true }.compactMap { name(of: $0) })
  }

  /// Starts making the definitions of a unit.
  mutating func start(_ unit: Int, in dylib: Int, _ effects: inout Effects) {
    guard let started = units.removeValue(forKey: unit) else { return }
    if started.count < started.symbols.count {
      started.symbols = started.symbols.filter { symbols[$0]?.unit == unit }
    }
    start(started, in: dylib, &effects)
  }

  /// Has `unit` make its symbols, which are all there.
  private mutating func start(_ unit: UnitState, in dylib: Int, _ effects: inout Effects) {
    let number = responsibilities.insert(
      ResponsibilityState(
        dylib: dylib, tracker: unit.tracker, symbols: unit.symbols, count: unit.symbols.count,
        initializerSymbol: unit.initializerSymbol))
    for id in unit.symbols {
      symbols.update(id) { entry in
        entry.state = .materializing
        entry.unit = 0
        entry.responsibility = number
      }
    }
    add(responsibility: number, to: unit.tracker)
    effects.materializations.append(
      Effects.Materialization(
        unit: unit, responsibility: number, dylib: named(dylib)))
  }

  mutating func defineMaterializing(
    _ new: SymbolFlagsMap, by number: Int, _ effects: inout Effects
  ) throws(OrcError) -> Set<SymbolStringPtr> {
    let responsibility = try owed(by: number)
    let dylib = responsibility.dylib
    // What is owed already is nobody else's.
    var definitions = Few<SymbolDefinition>(
      new.filter { owedSymbol($0.key, in: dylib, by: number) == nil }
        .map { SymbolDefinition(name: $0.key, flags: $0.value) })
    let (overridden, superfluous) = try collisions(of: definitions, in: dylib)
    discardUnmaterialized(overridden, &effects)
    definitions = definitions.filter { !superfluous.contains($0.name) }
    let ids = add(definitions, in: dylib, tracker: responsibility.tracker) { entry in
      entry.state = .materializing
      entry.responsibility = number
    }
    responsibilities[number]?.symbols += ids
    responsibilities[number]?.count += ids.count
    return superfluous
  }

  mutating func replace(
    with unit: UnitState, by number: Int, _ effects: inout Effects
  ) throws(OrcError) {
    let responsibility = try owed(by: number)
    var wrong: [SymbolStringPtr] = []
    var ids: [SymbolID] = []
    for name in unit.takeDefinitions().lazy.map(\.name) {
      if let id = owedSymbol(name, in: responsibility.dylib, by: number), symbols[id]?.state == .materializing
      {
        ids.append(id)
      } else {
        wrong.append(name)
      }
    }
    guard wrong.isEmpty else { throw .unexpectedDefinitions(describe(wrong, of: responsibility.dylib)) }
    guard !ids.isEmpty else { return }
    unit.initializerSymbol = nil
    unit.tracker = responsibility.tracker
    unit.symbols = ids
    unit.count = ids.count
    if let initializer = responsibility.initializerSymbol,
      ids.contains(where: { name(of: $0) == initializer })
    {
      responsibilities[number]?.initializerSymbol = nil
      unit.initializerSymbol = initializer
    }
    responsibilities[number]?.count -= ids.count
    if ids.contains(where: { symbols[$0]?.isAwaited == true }) {
      start(unit, in: responsibility.dylib, &effects)
      return
    }
    let unitNumber = units.insert(unit)
    for id in ids {
      symbols.update(id) { entry in
        entry.state = .neverSearched
        entry.responsibility = 0
        entry.unit = unitNumber
      }
    }
  }

  mutating func delegate(_ names: Set<SymbolStringPtr>, by number: Int) throws(OrcError) -> Int {
    let responsibility = try owed(by: number)
    var wrong: [SymbolStringPtr] = []
    var ids: [SymbolID] = []
    for name in names {
      if let id = owedSymbol(name, in: responsibility.dylib, by: number) {
        ids.append(id)
      } else {
        wrong.append(name)
      }
    }
    guard wrong.isEmpty else { throw .unexpectedDefinitions(describe(wrong, of: responsibility.dylib)) }
    var new = ResponsibilityState(
      dylib: responsibility.dylib, tracker: responsibility.tracker, symbols: ids, count: ids.count)
    if let initializer = responsibility.initializerSymbol, names.contains(initializer) {
      responsibilities[number]?.initializerSymbol = nil
      new.initializerSymbol = initializer
    }
    let newNumber = responsibilities.insert(new)
    for id in ids { symbols.update(id) { $0.responsibility = newNumber } }
    responsibilities[number]?.count -= ids.count
    add(responsibility: newNumber, to: new.tracker)
    return newNumber
  }
}
