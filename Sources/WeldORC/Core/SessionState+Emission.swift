internal import WeldBytes
internal import WeldLink
internal import WeldMemory

extension SessionState {
  /// Gives symbols their addresses.
  mutating func resolve(
    _ definitions: SymbolMap, by number: Int, _ effects: inout Effects
  ) throws(OrcError) {
    let dylib = try place(by: number).dylib
    var resolved: [(id: SymbolID, definition: EvaluatedSymbol)] = []
    var wrong: [SymbolStringPtr] = []
    for (name, definition) in definitions {
      if let id = owedSymbol(name, in: dylib, by: number), symbols[id]?.state == .materializing {
        resolved.append((id, definition))
      } else {
        wrong.append(name)
      }
    }
    guard wrong.isEmpty else { throw noted(.unexpectedDefinitions(describe(wrong, of: dylib)), by: number) }
    // What was promised to those who looked: whether it can be seen, and whether it has an address at all.
    let promised: SymbolFlags = [.exported, .materializationSideEffectsOnly]
    for (id, definition) in resolved {
      guard let flags = symbols[id]?.flags else { continue }
      let own = definition.flags.subtracting(promised).subtracting([.weak, .common])
      symbols.update(id) { $0.flags = flags.intersection(promised).union(own) }
      resolve(id, at: definition.address, &effects)
    }
  }

  /// Gives the first of the symbols that are owed their addresses.
  ///
  /// - Parameters:
  ///   - count: how many have addresses.
  ///   - address: finds them, by the symbols' positions in the order in which the unit has them.
  /// - Returns: false, and does nothing, unless all are owed that were in the beginning.
  mutating func resolve(
    first count: Int, at address: (Int) -> Address, by number: Int, _ effects: inout Effects
  ) -> Bool {
    guard let owed = wholeSymbols(owedBy: number), count <= owed.count else { return false }
    for position in 0..<count {
      let id = owed[position]
      var isNew = false
      symbols.update(id) { entry in
        isNew = entry.state == .materializing
        if isNew { entry.resolve(at: address(position)) }
      }
      if isNew { meet(id, .resolved, &effects) }
    }
    return true
  }

  private mutating func resolve(_ id: SymbolID, at address: Address, _ effects: inout Effects) {
    symbols.update(id) { entry in
      entry.address = address
      entry.state = .resolved
    }
    meet(id, .resolved, &effects)
  }

  /// Remembers the error, in case that the responsibility is dropped because of it.
  private mutating func noted(_ error: OrcError, by number: Int) -> OrcError {
    lastErrors[number] = error
    return error
  }

  /// Tells the queries that the symbol is what they require.
  private mutating func meet(_ id: SymbolID, _ reached: RequiredSymbolState, _ effects: inout Effects) {
    guard let entry = symbols[id], let first = entry.waiter else { return }
    let symbol = entry.hasAddress ? entry.evaluated : nil
    guard entry.hasOtherWaiters else {
      guard reached == .ready || first.required == .resolved else { return }
      symbols.update(id) { $0.waiter = nil }
      return tell(first, symbol, &effects)
    }
    for waiter in takeWaiters(of: id, where: { reached == .ready || $0.required == .resolved }) {
      tell(waiter, symbol, &effects)
    }
  }

  /// Gives a query a symbol, perhaps its last one.
  private mutating func tell(
    _ waiter: PendingQuery, _ symbol: EvaluatedSymbol?, _ effects: inout Effects
  ) {
    var isLast = false
    queries.update(waiter.query) { query in
      query.results[waiter.position].symbol = symbol
      query.pendingCount -= 1
      isLast = query.pendingCount == 0
    }
    guard isLast, let query = queries.removeValue(forKey: waiter.query) else { return }
    finish(query, .success(query.results), &effects)
  }

  mutating func finish(
    _ query: Query, _ result: Result<FoundDefinitions, OrcError>, _ effects: inout Effects
  ) {
    if let alias = query.alias { aliasees[alias] = nil }
    if let tag = query.completion.tag { taggedQueries[tag] = nil }
    effects.finishedLookups.append(
      Effects.FinishedLookup(
        completion: query.completion, result: result, dependencies: query.dependencies))
  }

  // MARK: - Emission

  /// Gives all symbols that are owed their addresses, as ``resolve(first:at:by:_:)``, and notes that they are in memory and
  /// that all is ready that they need. The last may have none.
  ///
  /// - Returns: false, and does nothing, unless all are owed that were in the beginning.
  mutating func complete(
    first count: Int, at address: (Int) -> Address, by number: Int, _ effects: inout Effects
  ) -> Bool {
    guard let owed = wholeSymbols(owedBy: number), count <= owed.count else { return false }
    fulfil(number)
    var ended: [Int] = []
    for (position, id) in owed.enumerated() {
      let watch = markReady(id, at: position < count ? address(position) : nil, &effects)
      if watch != 0 { ended.append(watch) }
    }
    if !ended.isEmpty { endWatches(ended, &effects) }
    return true
  }

  /// What is owed, if that is all that was in the beginning.
  private mutating func wholeSymbols(owedBy number: Int) -> [SymbolID]? {
    var whole: [SymbolID]?
    responsibilities.update(number) { responsibility in
      let isWhole = responsibility.status == .owed && responsibility.count == responsibility.symbols.count
      if isWhole { whole = responsibility.symbols }
    }
    return whole
  }

  /// What was watched is ready.
  private mutating func endWatches(_ ended: [Int], _ effects: inout Effects) {
    search(ended.flatMap { watches.removeValue(forKey: $0)?.groups ?? [] }, &effects)
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
    let dylib = try place(by: number).dylib
    let ids = owedSymbols(by: number)
    do throws(OrcError) {
      try checkEmission(groups, of: ids, in: dylib, by: number)
    } catch {
      throw noted(error, by: number)
    }
    fulfil(number)
    guard !groups.isEmpty else { return emit(ids, dependingOn: [], &effects) }
    // Symbols of the same groups stay together; what is in no group depends on nothing.
    var grouped: [SymbolID: [Int]] = [:]
    var dependencies: [Set<SymbolID>] = []
    for (index, group) in groups.enumerated() {
      for name in group.symbols {
        if let id = find(name, in: dylib) { grouped[id, default: []].append(index) }
      }
      dependencies.append(symbols(of: group.dependencies))
    }
    var parts: [[Int]: [SymbolID]] = [:]
    for id in ids { parts[grouped[id] ?? [], default: []].append(id) }
    for (indices, ids) in parts {
      var all: Set<SymbolID> = []
      for index in indices { all.formUnion(dependencies[index]) }
      emit(ids, dependingOn: all, &effects)
    }
  }

  private func symbols(of dependencies: SymbolDependenceMap) -> Set<SymbolID> {
    var ids: Set<SymbolID> = []
    for (dylib, names) in dependencies {
      for name in names { if let id = find(name, in: dylib.number) { ids.insert(id) } }
    }
    return ids
  }

  private func checkEmission(
    _ groups: [SymbolDependenceGroup], of ids: [SymbolID], in dylib: Int, by number: Int
  ) throws(OrcError) {
    let unresolved = ids.filter { id in
      symbols[id]?.hasAddress == true && symbols[id]?.state != .resolved
    }
    guard unresolved.isEmpty else { throw .missingDefinitions(describe(unresolved)) }
    guard !groups.isEmpty else { return }
    let unexpected = Set(groups.flatMap(\.symbols)).filter { owedSymbol($0, in: dylib, by: number) == nil }
    guard unexpected.isEmpty else { throw .unexpectedDefinitions(describe(unexpected, of: dylib)) }
    var missing: [OrcError.Symbol] = []
    var failed: Set<SymbolID> = []
    for group in groups {
      for (dylib, names) in group.dependencies {
        for name in names {
          guard let id = find(name, in: dylib.number) else {
            missing += describe([name], of: dylib.number)
            continue
          }
          if symbols[id]?.hasFailed == true { failed.insert(id) }
        }
      }
    }
    if let error = failure(of: failed) { throw error }
    guard missing.isEmpty else {
      throw .missingDependencies(Set(missing).sorted { ($0.dylib, $0.name) < ($1.dylib, $1.name) })
    }
  }

  private mutating func emit(
    _ ids: [SymbolID], dependingOn needed: Set<SymbolID>, _ effects: inout Effects
  ) {
    var dependencies: Set<SymbolID> = []
    if !needed.isEmpty {
      dependencies = needed.filter { symbols[$0]?.state != .ready }
      dependencies.subtract(ids)
    }
    var ended: [Int] = []
    guard !dependencies.isEmpty else {
      for id in ids {
        let watch = markReady(id, at: nil, &effects)
        if watch != 0 { ended.append(watch) }
      }
      if !ended.isEmpty { endWatches(ended, &effects) }
      return
    }
    for id in ids {
      symbols.update(id) { $0.state = .emitted }
      // One without an address never was resolved.
      if symbols[id]?.hasAddress == false { meet(id, .resolved, &effects) }
      if let watch = symbols[id]?.watch, watch != 0 { ended.append(watch) }
    }
    let group = EmissionGroup(symbols: Set(ids), dependencies: dependencies)
    let number = groups.insert(group)
    for id in ids {
      symbols.update(id) { entry in
        entry.group = number
        entry.watch = 0
      }
    }
    for id in dependencies { addDependant(number, of: id) }
    if let watched = unemitted(group, except: Set(ended)) {
      join(ended, and: number, watching: watched)
    } else {
      search([number] + ended.flatMap { watches.removeValue(forKey: $0)?.groups ?? [] }, &effects)
    }
    for id in dependencies {
      if let entry = symbols[id], entry.unit != 0 { start(entry.unit, in: entry.dylib, &effects) }
    }
  }

  /// An unemitted symbol that the group reaches, as far as is known without these watches.
  private func unemitted(_ group: EmissionGroup, except ended: Set<Int>) -> SymbolID? {
    for id in group.dependencies {
      guard let entry = symbols[id] else { continue }
      if entry.state < .emitted { return id }
      guard entry.state == .emitted, let watch = groups[entry.group]?.watch, !ended.contains(watch)
      else { continue }
      if let symbol = watches[watch]?.symbol { return symbol }
    }
    return nil
  }

  /// The groups of `ended`, and `group`, watch `symbol` from now on.
  private mutating func join(_ ended: [Int], and group: Int, watching symbol: SymbolID) {
    var kept = symbols[symbol]?.watch ?? 0
    if kept == 0 { kept = watches.insert(Watch(symbol: symbol)) }
    for other in ended where other != kept {
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
    symbols.update(symbol) { $0.watch = kept }
  }

  /// Finds for each of the groups, which watch nothing, what it can watch. Those for which there is nothing are ready.
  private mutating func search(_ candidates: [Int], _ effects: inout Effects) {
    for number in candidates { groups[number]?.watch = 0 }
    for first in candidates {
      guard let group = groups[first], group.watch == 0, let symbol = unemitted(group, except: []) else {
        continue
      }
      // All that reach this one, of those in question, reach what it watches.
      var work = [first]
      while let number = work.popLast() {
        guard let group = groups[number], group.watch == 0 else { continue }
        join([], and: number, watching: symbol)
        for id in group.symbols { work += dependants[id] ?? [] }
      }
    }
    let ready = candidates.filter { groups[$0]?.watch == 0 }
    for number in ready {
      guard let group = groups.removeValue(forKey: number) else { continue }
      for id in group.dependencies { removeDependant(number, of: id) }
      for id in group.symbols { _ = markReady(id, at: nil, &effects) }
    }
  }

  /// The symbol is ready.
  ///
  /// - Parameter address: where it is, if it is not known and the symbol has one.
  /// - Returns: the number of the watch of it, which has ended; 0 if there was none.
  private mutating func markReady(
    _ id: SymbolID, at address: Address?, _ effects: inout Effects
  ) -> Int {
    var watch = 0
    var isAwaited = false
    var dylibOfInitializer: Int?
    symbols.update(id) { entry in
      watch = entry.watch
      isAwaited = entry.isAwaited
      if !entry.hasAddress { dylibOfInitializer = entry.dylib }
      if let address, entry.state == .materializing { entry.resolve(at: address) }
      entry.state = .ready
      entry.group = 0
      entry.watch = 0
    }
    if let dylibOfInitializer { dylibs[dylibOfInitializer]?.initializers.remove(id) }
    guard isAwaited else { return watch }
    // From here on it may be removed, which is nothing that they wait for.
    for dependant in takeDependants(of: id) { groups[dependant]?.dependencies.remove(id) }
    meet(id, .ready, &effects)
    return watch
  }
}
