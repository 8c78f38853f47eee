internal import WeldLink

extension SessionState {
  /// The error of those who need `keys`, which have failed; `nil` if there are none.
  func failure(of keys: some Collection<SymbolKey>) -> OrcError? {
    let first = keys.lazy.compactMap { dylibs[$0.dylib]?.failures[$0.name] }.first
    guard let first else { return nil }
    return .failedToMaterialize(symbols(keys), cause: first)
  }

  /// What is owed fails because of `cause`.
  mutating func fail(responsibility number: Int, _ cause: OrcError, _ effects: inout Effects) {
    guard let responsibility = responsibilities[number], responsibility.status == .owed else { return }
    responsibilities[number]?.status = .fulfilled
    responsibilities[number]?.symbols = [:]
    trackers[responsibility.tracker]?.responsibilities.remove(number)
    guard !responsibility.symbols.isEmpty else { return }
    let first = cause.firstCause
    if first == cause { effects.reports.append(cause) }
    fail(
      responsibility.symbols.keys.map { SymbolKey(dylib: responsibility.dylib, name: $0) }, first, &effects)
  }

  /// The responsibility is not referred to any more.
  mutating func drop(responsibility number: Int, _ effects: inout Effects) {
    guard let responsibility = responsibilities[number] else { return }
    if responsibility.status == .owed {
      let cause =
        responsibility.lastError
        ?? .responsibilityDropped(symbols(responsibility.symbols.keys, of: responsibility.dylib))
      fail(responsibility: number, cause, &effects)
    }
    responsibilities[number] = nil
  }

  /// `keys`, and all that wait for them, fail because of `cause`; so do the queries for any of them.
  mutating func fail(_ keys: [SymbolKey], _ cause: OrcError, _ effects: inout Effects) {
    var failed: Set<SymbolKey> = []
    var work = keys
    var hit: Set<Int> = []
    while let key = work.popLast() {
      guard failed.insert(key).inserted, entry(key)?.hasFailed == false else { continue }
      dylibs[key.dylib]?.symbols[key.name]?.hasFailed = true
      dylibs[key.dylib]?.failures[key.name] = cause
      aliasees[key] = nil
      guard let info = dylibs[key.dylib]?.materializing.removeValue(forKey: key.name) else { continue }
      for query in info.queries { hit.insert(query.number) }
      // All groups that watch it reach it, and fail with it.
      if let watch = info.watch { watches[watch] = nil }
      for dependant in info.dependants {
        if let group = removeGroup(dependant) { work += group.symbols }
      }
      guard let group = info.group, groups[group] != nil else { continue }
      groups[group]?.symbols.remove(key)
      if groups[group]?.symbols.isEmpty == true { _ = removeGroup(group) }
    }
    for number in hit.sorted() {
      guard let query = queries.removeValue(forKey: number) else { continue }
      leave(query, number)
      let error = OrcError.failedToMaterialize(symbols(query.pending.intersection(failed)), cause: cause)
      finish(query, .failure(error), &effects)
    }
  }

  /// Symbols that did not fail forget the query.
  private mutating func leave(_ query: Query, _ number: Int) {
    for key in query.pending {
      dylibs[key.dylib]?.materializing[key.name]?.queries.removeAll { $0.number == number }
    }
  }

  private mutating func removeGroup(_ number: Int) -> EmissionGroup? {
    guard let group = groups.removeValue(forKey: number) else { return nil }
    if let watch = group.watch { watches[watch]?.groups.remove(number) }
    for key in group.dependencies {
      dylibs[key.dylib]?.materializing[key.name]?.dependants.remove(number)
    }
    return group
  }
}
