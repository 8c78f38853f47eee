internal import WeldLink

extension SessionState {
  /// Creates the dylib called `name`.
  mutating func createDylib(_ name: String) throws(OrcError) -> Int {
    guard isOpen else { throw .sessionClosed }
    guard dylibNumbers[name] == nil else { throw .duplicateDylib(dylib: name) }
    let number = nextNumber()
    let tracker = nextNumber()
    trackers[tracker] = TrackerState(dylib: number)
    dylibNumbers[name] = number
    dylibs[number] = DylibState(
      name: name, linkOrder: [(number, .matchAllSymbols)], defaultTracker: tracker)
    return number
  }

  /// Which of `symbols` cannot be defined in the dylib, and which need not: a strong definition replaces a weak one
  /// that nobody asked for, and a weak definition gives way to any.
  private func collisions(of symbols: SymbolFlagsMap, in dylib: Int) throws(OrcError) -> (
    overridden: [SymbolStringPtr], superfluous: Set<SymbolStringPtr>
  ) {
    var overridden: [SymbolStringPtr] = []
    var superfluous: Set<SymbolStringPtr> = []
    var duplicates: [SymbolStringPtr] = []
    guard let known = dylibs[dylib]?.symbols, !known.isEmpty else { return ([], []) }
    for (name, flags) in symbols {
      guard let entry = known[name] else { continue }
      if !flags.isDisjoint(with: [.weak, .common]) {
        superfluous.insert(name)
      } else if entry.isStrong || entry.state != .neverSearched {
        duplicates.append(name)
      } else {
        overridden.append(name)
      }
    }
    guard duplicates.isEmpty else { throw .duplicateDefinition(self.symbols(duplicates, of: dylib)) }
    return (overridden, superfluous)
  }

  /// Defines the symbols of `unit`.
  mutating func define(
    _ unit: UnitState, in dylib: JITDylib, tracker: Int?, _ effects: inout Effects
  ) throws(OrcError) {
    try requireDylib(dylib)
    let tracker = tracker ?? dylibs[dylib.number]?.defaultTracker ?? 0
    guard trackers[tracker] != nil else { throw .resourceTrackerDefunct(dylib: dylib.name) }
    let (overridden, superfluous) = try collisions(of: unit.symbols, in: dylib.number)
    discardUnmaterialized(overridden, in: dylib.number, &effects)
    var unit = unit
    unit.tracker = tracker
    for name in superfluous {
      unit.symbols[name] = nil
      if unit.initializerSymbol == name { unit.initializerSymbol = nil }
      effects.discards.append((unit.unit, name, dylib.number))
    }
    effects.dylibNames[dylib.number] = dylib.name
    guard !unit.symbols.isEmpty else { return }
    let number = nextNumber()
    for (name, flags) in unit.symbols {
      dylibs[dylib.number]?.symbols[name] = SymbolEntry(flags: flags, tracker: tracker, unit: number)
    }
    track(unit.symbols.keys, in: dylib.number, tracker)
    units[number] = unit
  }

  /// Notes that `tracker` tracks `names`.
  mutating func track(_ names: some Collection<SymbolStringPtr>, in dylib: Int, _ tracker: Int) {
    if dylibs[dylib]?.defaultTracker != tracker { trackers[tracker]?.symbols.formUnion(names) }
  }

  /// Removes definitions that nobody asked for.
  mutating func discardUnmaterialized(
    _ names: some Sequence<SymbolStringPtr>, in dylib: Int, _ effects: inout Effects
  ) {
    effects.dylibNames[dylib] = dylibs[dylib]?.name
    for name in names {
      guard let entry = dylibs[dylib]?.symbols.removeValue(forKey: name) else { continue }
      trackers[entry.tracker]?.symbols.remove(name)
      dylibs[dylib]?.materializing[name] = nil
      guard let number = entry.unit, let unit = units[number]?.unit else { continue }
      effects.discards.append((unit, name, dylib))
      units[number]?.symbols[name] = nil
      if units[number]?.initializerSymbol == name { units[number]?.initializerSymbol = nil }
      if units[number]?.symbols.isEmpty == true, let empty = units.removeValue(forKey: number) {
        effects.garbage.append(empty)
      }
    }
  }

  /// Removes definitions which nobody asked for or which are ready.
  mutating func remove(
    _ names: Set<SymbolStringPtr>, from dylib: JITDylib, _ effects: inout Effects
  ) throws(OrcError) {
    try requireDylib(dylib)
    var missing: [String] = []
    var busy: [SymbolStringPtr] = []
    var unasked: [SymbolStringPtr] = []
    for name in names {
      guard let entry = dylibs[dylib.number]?.symbols[name] else {
        missing.append(name.text)
        continue
      }
      if entry.state == .neverSearched {
        unasked.append(name)
      } else if entry.state != .ready {
        busy.append(name)
      }
    }
    guard missing.isEmpty else { throw .symbolsNotFound(missing.sorted(), searched: [dylib.name]) }
    guard busy.isEmpty else { throw .symbolsCouldNotBeRemoved(symbols(busy, of: dylib.number)) }
    discardUnmaterialized(unasked, in: dylib.number, &effects)
    for name in names {
      guard let entry = dylibs[dylib.number]?.symbols.removeValue(forKey: name) else { continue }
      trackers[entry.tracker]?.symbols.remove(name)
    }
  }

  // MARK: - Of responsibilities

  /// The responsibility, if something is owed.
  func owed(by number: Int) throws(OrcError) -> ResponsibilityState {
    guard let responsibility = responsibilities[number] else { throw .sessionClosed }
    let dylib = dylibs[responsibility.dylib]?.name ?? "a removed dylib"
    switch responsibility.status {
    case .owed: return responsibility
    case .fulfilled: throw .responsibilityFulfilled(dylib: dylib)
    case .defunct: throw isOpen ? .resourceTrackerDefunct(dylib: dylib) : .sessionClosed
    }
  }

  func requestedSymbols(of number: Int) -> Set<SymbolStringPtr> {
    guard let responsibility = responsibilities[number], let dylib = dylibs[responsibility.dylib] else {
      return []
    }
    return Set(responsibility.symbols.keys.filter { isAwaited($0, in: dylib) })
  }

  private func isAwaited(_ name: SymbolStringPtr, in dylib: DylibState) -> Bool {
    dylib.materializing[name].map { !$0.queries.isEmpty || !$0.dependants.isEmpty } ?? false
  }

  /// Starts making the definitions of a unit.
  mutating func start(_ unit: Int, in dylib: Int, _ effects: inout Effects) {
    guard let started = units.removeValue(forKey: unit) else { return }
    for name in started.symbols.keys {
      dylibs[dylib]?.symbols[name]?.state = .materializing
      dylibs[dylib]?.symbols[name]?.unit = nil
    }
    start(started, in: dylib, &effects)
  }

  private mutating func start(_ unit: UnitState, in dylib: Int, _ effects: inout Effects) {
    let number = nextNumber()
    responsibilities[number] = ResponsibilityState(
      dylib: dylib, tracker: unit.tracker, symbols: unit.symbols, initializerSymbol: unit.initializerSymbol)
    trackers[unit.tracker]?.responsibilities.insert(number)
    effects.dylibNames[dylib] = dylibs[dylib]?.name
    effects.materializations.append((unit, number, dylib))
  }

  mutating func defineMaterializing(
    _ symbols: SymbolFlagsMap, by number: Int, _ effects: inout Effects
  ) throws(OrcError) -> Set<SymbolStringPtr> {
    let responsibility = try owed(by: number)
    let dylib = responsibility.dylib
    // What is owed already is nobody else's.
    let symbols = symbols.filter { responsibility.symbols[$0.key] == nil }
    let (overridden, superfluous) = try collisions(of: symbols, in: dylib)
    discardUnmaterialized(overridden, in: dylib, &effects)
    let accepted = symbols.filter { !superfluous.contains($0.key) }
    for (name, flags) in accepted {
      dylibs[dylib]?.symbols[name] = SymbolEntry(
        flags: flags, state: .materializing, tracker: responsibility.tracker)
      responsibilities[number]?.symbols[name] = flags
    }
    track(accepted.keys, in: dylib, responsibility.tracker)
    return superfluous
  }

  /// Those of `names` that the responsibility does not owe or has resolved.
  private func notOwed(
    _ names: some Sequence<SymbolStringPtr>, by responsibility: ResponsibilityState
  ) -> [SymbolStringPtr] {
    names.filter { name in
      responsibility.symbols[name] == nil
        || dylibs[responsibility.dylib]?.symbols[name]?.state != .materializing
    }
  }

  mutating func replace(
    with unit: UnitState, by number: Int, _ effects: inout Effects
  ) throws(OrcError) {
    let responsibility = try owed(by: number)
    let wrong = notOwed(unit.symbols.keys, by: responsibility)
    guard wrong.isEmpty else { throw .unexpectedDefinitions(symbols(wrong, of: responsibility.dylib)) }
    guard !unit.symbols.isEmpty, let dylib = dylibs[responsibility.dylib] else { return }
    var unit = unit
    unit.tracker = responsibility.tracker
    for name in unit.symbols.keys {
      unit.symbols[name] = responsibility.symbols[name]
      responsibilities[number]?.symbols[name] = nil
      if responsibility.initializerSymbol == name {
        responsibilities[number]?.initializerSymbol = nil
        unit.initializerSymbol = name
      }
    }
    if unit.symbols.keys.contains(where: { isAwaited($0, in: dylib) }) {
      start(unit, in: responsibility.dylib, &effects)
      return
    }
    let unitNumber = nextNumber()
    for name in unit.symbols.keys {
      dylibs[responsibility.dylib]?.symbols[name]?.state = .neverSearched
      dylibs[responsibility.dylib]?.symbols[name]?.unit = unitNumber
    }
    units[unitNumber] = unit
  }

  mutating func delegate(_ names: Set<SymbolStringPtr>, by number: Int) throws(OrcError) -> Int {
    let responsibility = try owed(by: number)
    let wrong = names.filter { responsibility.symbols[$0] == nil }
    guard wrong.isEmpty else { throw .unexpectedDefinitions(symbols(wrong, of: responsibility.dylib)) }
    var new = responsibility
    new.lastError = nil
    new.symbols = responsibility.symbols.filter { names.contains($0.key) }
    if let initializer = responsibility.initializerSymbol, names.contains(initializer) {
      responsibilities[number]?.initializerSymbol = nil
    } else {
      new.initializerSymbol = nil
    }
    for name in names { responsibilities[number]?.symbols[name] = nil }
    let newNumber = nextNumber()
    responsibilities[newNumber] = new
    trackers[new.tracker]?.responsibilities.insert(newNumber)
    return newNumber
  }

}
