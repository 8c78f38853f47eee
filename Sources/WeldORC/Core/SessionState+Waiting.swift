// Who waits for symbols that are not ready: queries, and groups of emitted symbols.
extension SessionState {
  mutating func addWaiter(_ waiter: PendingQuery, for id: SymbolID) {
    if symbols[id]?.waiter == nil {
      symbols.update(id) { $0.waiter = waiter }
    } else {
      symbols.update(id) { $0.hasOtherWaiters = true }
      otherWaiters[id, default: []].append(waiter)
    }
  }

  /// Those of the queries that wait for the symbol which `isMet` says; they wait no more.
  mutating func takeWaiters(of id: SymbolID, where isMet: (PendingQuery) -> Bool) -> [PendingQuery] {
    guard let first = symbols[id]?.waiter else { return [] }
    guard symbols[id]?.hasOtherWaiters == true else {
      guard isMet(first) else { return [] }
      symbols.update(id) { $0.waiter = nil }
      return [first]
    }
    let all = [first] + (otherWaiters[id] ?? [])
    let left = all.filter { !isMet($0) }
    symbols.update(id) { entry in
      entry.waiter = left.first
      entry.hasOtherWaiters = left.count > 1
    }
    otherWaiters[id] = left.count > 1 ? Array(left.dropFirst()) : nil
    return all.filter(isMet)
  }

  /// How many queries wait for the symbol.
  func waiterCount(of id: SymbolID) -> Int {
    guard let entry = symbols[id], entry.waiter != nil else { return 0 }
    return 1 + (otherWaiters[id]?.count ?? 0)
  }

  mutating func addDependant(_ group: Int, of id: SymbolID) {
    symbols.update(id) { $0.hasDependants = true }
    dependants[id, default: []].insert(group)
  }

  mutating func removeDependant(_ group: Int, of id: SymbolID) {
    guard symbols[id]?.hasDependants == true else { return }
    dependants[id]?.remove(group)
    guard dependants[id]?.isEmpty == true else { return }
    dependants[id] = nil
    symbols.update(id) { $0.hasDependants = false }
  }

  /// The groups that need the symbol; they need it no more.
  mutating func takeDependants(of id: SymbolID) -> Set<Int> {
    guard symbols[id]?.hasDependants == true else { return [] }
    symbols.update(id) { $0.hasDependants = false }
    return dependants.removeValue(forKey: id) ?? []
  }
}
