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

  /// Notes that symbols are in memory, and which now are ready: the groups that reach, by their dependencies and those
  /// of these, only emitted symbols.
  ///
  /// Each other group watches one unemitted symbol that it reaches. When that is emitted by a group which watches
  /// another, all its watchers reach that one as well. Only when it does not are the groups searched that are in
  /// question.
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
    let number = nextNumber()
    var group = EmissionGroup(symbols: Set(keys))
    group.dependencies = dependencies.filter { key in
      entry(key)?.state != .ready && !group.symbols.contains(key)
    }
    for key in keys {
      dylibs[key.dylib]?.symbols[key.name]?.state = .emitted
      // One without an address never was resolved.
      if let entry = entry(key), entry.flags.contains(.materializationSideEffectsOnly) {
        meet(key, entry, .resolved, &effects)
      }
    }
    if group.dependencies.isEmpty, keys.allSatisfy({ dylibs[$0.dylib]?.materializing[$0.name]?.watch == nil })
    {
      for key in keys { markReady(key, &effects) }
      return
    }
    groups[number] = group
    for key in keys {
      dylibs[key.dylib]?.materializing[key.name, default: MaterializingInfo()].group = number
    }
    for key in group.dependencies {
      dylibs[key.dylib]?.materializing[key.name, default: MaterializingInfo()].dependants.insert(number)
    }
    var ended: [Int] = []
    for key in keys {
      if let watch = dylibs[key.dylib]?.materializing[key.name]?.watch { ended.append(watch) }
      dylibs[key.dylib]?.materializing[key.name]?.watch = nil
    }
    if let watched = unemitted(group, except: Set(ended)) {
      join(ended, and: number, watching: watched)
    } else {
      search([number] + ended.flatMap { watches.removeValue(forKey: $0)?.groups ?? [] }, &effects)
    }
    for key in group.dependencies {
      if let unit = entry(key)?.unit { start(unit, in: key.dylib, &effects) }
    }
  }

  /// An unemitted symbol that the group reaches, as far as is known without these watches.
  private func unemitted(_ group: EmissionGroup, except ended: Set<Int>) -> SymbolKey? {
    for key in group.dependencies {
      guard let state = entry(key)?.state else { continue }
      if state < .emitted { return key }
      guard state == .emitted, let other = dylibs[key.dylib]?.materializing[key.name]?.group,
        let watch = groups[other]?.watch, !ended.contains(watch)
      else { continue }
      if let symbol = watches[watch]?.symbol { return symbol }
    }
    return nil
  }

  /// The groups of `ended`, and `group`, watch `symbol` from now on.
  private mutating func join(_ ended: [Int], and group: Int, watching symbol: SymbolKey) {
    var kept: Int
    if let known = dylibs[symbol.dylib]?.materializing[symbol.name]?.watch {
      kept = known
    } else {
      kept = nextNumber()
      watches[kept] = Watch(symbol: symbol)
    }
    for other in ended {
      // The smaller joins the larger, so that a group changes its watch seldom.
      let isLarger = (watches[other]?.groups.count ?? 0) > (watches[kept]?.groups.count ?? 0)
      let gone = isLarger ? kept : other
      if isLarger { kept = other }
      for moved in watches.removeValue(forKey: gone)?.groups ?? [] {
        groups[moved]?.watch = kept
        watches[kept]?.groups.insert(moved)
      }
      watches[kept]?.symbol = symbol
    }
    groups[group]?.watch = kept
    watches[kept]?.groups.insert(group)
    dylibs[symbol.dylib]?.materializing[symbol.name, default: MaterializingInfo()].watch = kept
  }

  /// Finds for each of the groups, which watch nothing, what it can watch. Those for which there is nothing are ready.
  private mutating func search(_ candidates: [Int], _ effects: inout Effects) {
    for number in candidates { groups[number]?.watch = nil }
    for first in candidates {
      guard let group = groups[first], group.watch == nil, let symbol = unemitted(group, except: []) else {
        continue
      }
      // All that reach this one, of those in question, reach what it watches.
      var work = [first]
      while let number = work.popLast() {
        guard let group = groups[number], group.watch == nil else { continue }
        join([], and: number, watching: symbol)
        for key in group.symbols { work += dylibs[key.dylib]?.materializing[key.name]?.dependants ?? [] }
      }
    }
    let ready = candidates.filter { groups[$0] != nil && groups[$0]?.watch == nil }
    for number in ready {
      guard let group = groups.removeValue(forKey: number) else { continue }
      for key in group.dependencies {
        dylibs[key.dylib]?.materializing[key.name]?.dependants.remove(number)
      }
      for key in group.symbols { markReady(key, &effects) }
    }
  }

  private mutating func markReady(_ key: SymbolKey, _ effects: inout Effects) {
    guard var entry = entry(key) else { return }
    entry.state = .ready
    dylibs[key.dylib]?.symbols[key.name] = entry
    // From here on it may be removed and defined anew, which is nothing that they wait for.
    for dependant in dylibs[key.dylib]?.materializing[key.name]?.dependants ?? [] {
      groups[dependant]?.dependencies.remove(key)
    }
    meet(key, entry, .ready, &effects)
    dylibs[key.dylib]?.materializing[key.name] = nil
  }
}
