internal import WeldLink
internal import WeldMemory

extension SessionState {
  /// Gives symbols their addresses.
  mutating func resolve(
    _ definitions: SymbolMap, by number: Int, _ effects: inout Effects
  ) throws(OrcError) {
    let responsibility = try owed(by: number)
    let dylib = responsibility.dylib
    let wrong = definitions.keys.filter { name in
      responsibility.symbols[name] == nil || dylibs[dylib]?.symbols[name]?.state != .materializing
    }
    guard wrong.isEmpty else {
      throw noted(.unexpectedDefinitions(symbols(wrong, of: dylib)), by: number)
    }
    // What was promised to those who looked: whether it can be seen, and whether it has an address at all.
    let promised: SymbolFlags = [.exported, .materializationSideEffectsOnly]
    for (name, definition) in definitions {
      guard var entry = dylibs[dylib]?.symbols[name] else { continue }
      entry.address = definition.address
      entry.flags = entry.flags.intersection(promised)
        .union(definition.flags.subtracting(promised).subtracting([.weak, .common]))
      entry.state = .resolved
      dylibs[dylib]?.symbols[name] = entry
      meet(SymbolKey(dylib: dylib, name: name), entry, .resolved, &effects)
    }
  }

  /// Remembers the error, in case that the responsibility is dropped because of it.
  private mutating func noted(_ error: OrcError, by number: Int) -> OrcError {
    responsibilities[number]?.lastError = error
    return error
  }

  /// Tells the queries that `key` is what they require.
  private mutating func meet(
    _ key: SymbolKey, _ entry: SymbolEntry, _ reached: RequiredSymbolState, _ effects: inout Effects
  ) {
    guard let queries = dylibs[key.dylib]?.materializing[key.name]?.queries, !queries.isEmpty else { return }
    for (number, required) in queries where reached == .ready || required == .resolved {
      meet(key, entry, query: number, &effects)
    }
    dylibs[key.dylib]?.materializing[key.name]?.queries =
      reached == .ready ? [] : queries.filter { $0.required == .ready }
  }

  private mutating func meet(
    _ key: SymbolKey, _ entry: SymbolEntry, query number: Int, _ effects: inout Effects
  ) {
    guard queries[number]?.pending.remove(key) != nil else { return }
    if !entry.flags.contains(.materializationSideEffectsOnly) {
      queries[number]?.results[key.name] = entry.evaluated
    }
    guard queries[number]?.pending.isEmpty == true, let query = queries.removeValue(forKey: number) else {
      return
    }
    finish(query, .success(query.results), &effects)
  }

  mutating func finish(_ query: Query, _ result: Result<SymbolMap, OrcError>, _ effects: inout Effects) {
    if let alias = query.alias { aliasees[alias] = nil }
    for key in query.dependencies { effects.dylibNames[key.dylib] = dylibs[key.dylib]?.name }
    effects.completions.append((query.completion, result, query.dependencies))
  }

  /// Notes that symbols are in memory, and which now are ready.
  ///
  /// A group waits for symbols which are not emitted. When one of these is, the group waits instead for what that one
  /// waits for; so a cycle ends up waiting for nothing when its last symbol is emitted, and all of it is ready then.
  /// Groups that wait for the same become one, so that a chain of `n` costs no more than `n`.
  mutating func emit(
    _ groups: [SymbolDependenceGroup], by number: Int, _ effects: inout Effects
  ) throws(OrcError) {
    let responsibility = try owed(by: number)
    let dylib = responsibility.dylib
    do throws(OrcError) {
      try checkEmission(groups, of: responsibility)
    } catch {
      throw noted(error, by: number)
    }
    responsibilities[number]?.status = .fulfilled
    responsibilities[number]?.symbols = [:]
    trackers[responsibility.tracker]?.responsibilities.remove(number)

    guard !groups.isEmpty else {
      emit(responsibility.symbols.keys.map { SymbolKey(dylib: dylib, name: $0) }, dependingOn: [], &effects)
      return
    }
    // Symbols of the same groups stay together; what is in no group depends on nothing.
    var grouped: [SymbolStringPtr: [Int]] = [:]
    for (index, group) in groups.enumerated() {
      for name in group.symbols { grouped[name, default: []].append(index) }
    }
    var parts: [[Int]: [SymbolStringPtr]] = [:]
    for name in responsibility.symbols.keys { parts[grouped[name] ?? [], default: []].append(name) }
    for (indices, names) in parts {
      var dependencies: Set<SymbolKey> = []
      for index in indices {
        for (dylib, names) in groups[index].dependencies {
          for name in names { dependencies.insert(SymbolKey(dylib: dylib.number, name: name)) }
        }
      }
      emit(names.map { SymbolKey(dylib: dylib, name: $0) }, dependingOn: dependencies, &effects)
    }
  }

  private func checkEmission(
    _ groups: [SymbolDependenceGroup], of responsibility: ResponsibilityState
  ) throws(OrcError) {
    let dylib = responsibility.dylib
    let unresolved = responsibility.symbols.filter { name, flags in
      !flags.contains(.materializationSideEffectsOnly) && dylibs[dylib]?.symbols[name]?.state != .resolved
    }
    guard unresolved.isEmpty else { throw .missingDefinitions(symbols(unresolved.keys, of: dylib)) }
    let unexpected = Set(groups.flatMap(\.symbols)).filter { responsibility.symbols[$0] == nil }
    guard unexpected.isEmpty else { throw .unexpectedDefinitions(symbols(unexpected, of: dylib)) }
    var missing: Set<SymbolKey> = []
    var failed: Set<SymbolKey> = []
    for group in groups {
      for (dylib, names) in group.dependencies {
        for name in names {
          let key = SymbolKey(dylib: dylib.number, name: name)
          guard let entry = entry(key) else {
            missing.insert(key)
            continue
          }
          if entry.hasFailed { failed.insert(key) }
        }
      }
    }
    if let error = failure(of: failed) { throw error }
    guard missing.isEmpty else { throw .missingDependencies(symbols(missing)) }
  }

  private mutating func emit(
    _ keys: [SymbolKey], dependingOn dependencies: Set<SymbolKey>, _ effects: inout Effects
  ) {
    var waits: Set<SymbolKey> = []
    for key in dependencies {
      guard let entry = entry(key) else { continue }
      switch entry.state {
      case .ready: break
      case .emitted:
        if let group = dylibs[key.dylib]?.materializing[key.name]?.group.flatMap({ groups[$0] }) {
          waits.formUnion(group.dependencies)
        }
      case .neverSearched, .materializing, .resolved: waits.insert(key)
      }
    }
    for key in keys {
      waits.remove(key)
      dylibs[key.dylib]?.symbols[key.name]?.state = .emitted
    }
    var own: Int?
    if !waits.isEmpty {
      let number = nextNumber()
      own = number
      groups[number] = EmissionGroup(symbols: Set(keys), dependencies: waits)
      for key in keys {
        dylibs[key.dylib]?.materializing[key.name, default: MaterializingInfo()].group = number
      }
      for key in waits { addDependant(number, to: key) }
    }
    var ready: [SymbolKey] = []
    for key in keys {
      let dependants = dylibs[key.dylib]?.materializing[key.name]?.dependants ?? []
      if !dependants.isEmpty { dylibs[key.dylib]?.materializing[key.name]?.dependants = [] }
      for dependant in dependants {
        groups[dependant]?.dependencies.remove(key)
        guard let remaining = groups[dependant]?.dependencies else { continue }
        guard let number = own else {
          if remaining.isEmpty { ready += groups.removeValue(forKey: dependant)?.symbols ?? [] }
          continue
        }
        if remaining.isSubset(of: waits) {
          own = merge(dependant, number, waitingFor: waits)
        } else {
          groups[dependant]?.dependencies.formUnion(waits)
          for key in waits { addDependant(dependant, to: key) }
        }
      }
    }
    if own == nil { ready += keys }
    for key in ready { markReady(key, &effects) }
    for key in waits {
      if let unit = entry(key)?.unit { start(unit, in: key.dylib, &effects) }
    }
  }

  private mutating func addDependant(_ group: Int, to key: SymbolKey) {
    dylibs[key.dylib]?.materializing[key.name, default: MaterializingInfo()].dependants.insert(group)
  }

  /// Makes one group of two, that of the larger one's number.
  private mutating func merge(_ one: Int, _ two: Int, waitingFor waits: Set<SymbolKey>) -> Int {
    let isOneLarger = (groups[one]?.symbols.count ?? 0) > (groups[two]?.symbols.count ?? 0)
    let (kept, gone) = isOneLarger ? (one, two) : (two, one)
    guard let removed = groups.removeValue(forKey: gone) else { return kept }
    for key in removed.dependencies {
      dylibs[key.dylib]?.materializing[key.name]?.dependants.remove(gone)
    }
    for key in removed.symbols { dylibs[key.dylib]?.materializing[key.name]?.group = kept }
    groups[kept]?.symbols.formUnion(removed.symbols)
    groups[kept]?.dependencies = waits
    for key in waits { addDependant(kept, to: key) }
    return kept
  }

  private mutating func markReady(_ key: SymbolKey, _ effects: inout Effects) {
    guard var entry = entry(key) else { return }
    entry.state = .ready
    dylibs[key.dylib]?.symbols[key.name] = entry
    meet(key, entry, .ready, &effects)
    dylibs[key.dylib]?.materializing[key.name] = nil
  }
}
