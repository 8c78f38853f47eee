internal import WeldLink

extension SessionState {
  /// The error of those who need symbols which have failed; `nil` if there are none.
  func failure(of failed: some Collection<SymbolID>) -> OrcError? {
    let first = failed.lazy.compactMap { failures[$0] }.first
    guard let first else { return nil }
    return .failedToMaterialize(describe(failed), cause: first)
  }

  /// The error of those who need symbols of `dylib` called `names`, if some have failed.
  func failure(ofNames names: [SymbolStringPtr], in dylib: Int) -> OrcError? {
    failure(of: names.compactMap { find($0, in: dylib) }.filter { symbols[$0]?.hasFailed == true })
  }

  /// What is owed fails because of `cause`.
  mutating func fail(responsibility number: Int, _ cause: OrcError, _ effects: inout Effects) {
    guard let responsibility = responsibilities[number], responsibility.status == .owed else { return }
    let owed = owedSymbols(by: number)
    fulfil(number)
    guard !owed.isEmpty else { return }
    let first = cause.firstCause
    if first == cause { effects.others.append(.report(cause)) }
    fail(owed, first, &effects)
  }

  /// Nothing is owed any more.
  mutating func fulfil(_ number: Int) {
    var tracker = 0
    responsibilities.update(number) { responsibility in
      tracker = responsibility.tracker
      responsibility.status = .fulfilled
      responsibility.symbols = []
      responsibility.count = 0
    }
    trackers.update(tracker) { $0.responsibilities.forgetOne() }
  }

  /// The responsibility is not referred to any more.
  mutating func drop(responsibility number: Int, _ effects: inout Effects) {
    guard let status = responsibilities.read(number, { $0.status }) else { return }
    if status == .owed {
      let cause = lastErrors[number] ?? .responsibilityDropped(describe(owedSymbols(by: number)))
      fail(responsibility: number, cause, &effects)
    }
    _ = responsibilities.removeValue(forKey: number)
    if !lastErrors.isEmpty { lastErrors[number] = nil }
  }

  /// Symbols, and all that wait for them, fail because of `cause`; so do the queries for any of them.
  mutating func fail(_ ids: some Sequence<SymbolID>, _ cause: OrcError, _ effects: inout Effects) {
    var failed: Set<SymbolID> = []
    var work = Array(ids)
    var hit: Set<Int> = []
    while let id = work.popLast() {
      guard failed.insert(id).inserted, let entry = symbols[id], !entry.hasFailed else { continue }
      aliasees[id] = nil
      for waiter in takeWaiters(of: id, where: { _ in true }) { hit.insert(waiter.query) }
      symbols.update(id) { $0.hasFailed = true }
      failures[id] = cause
      symbols.update(id) { entry in
        entry.group = 0
        entry.watch = 0
      }
      // All groups that watch it reach it, and fail with it.
      watches[entry.watch] = nil
      for dependant in takeDependants(of: id) {
        if let group = removeGroup(dependant) { work += group.symbols }
      }
      guard groups[entry.group] != nil else { continue }
      groups[entry.group]?.symbols.remove(id)
      if groups[entry.group]?.symbols.isEmpty == true { _ = removeGroup(entry.group) }
    }
    for number in hit.sorted() {
      guard let query = queries.removeValue(forKey: number) else { continue }
      for id in query.symbols { _ = takeWaiters(of: id) { $0.query == number } }
      let error = OrcError.failedToMaterialize(describe(query.symbols.filter(failed.contains)), cause: cause)
      finish(query, .failure(error), &effects)
    }
  }

  private mutating func removeGroup(_ number: Int) -> EmissionGroup? {
    guard let group = groups.removeValue(forKey: number) else { return nil }
    watches[group.watch]?.groups.remove(number)
    for id in group.dependencies { removeDependant(number, of: id) }
    return group
  }
}
