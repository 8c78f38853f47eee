internal import Synchronization
internal import WeldBytes
internal import WeldLink

/// A lookup that searches for definitions, and may wait for generators.
struct Lookup: ~Copyable, Sendable {
  enum Purpose: Sendable {
    /// To get the symbols, when they are as far as required.
    case symbols(RequiredSymbolState, Completion)
    /// To know the flags, of those that are found.
    case flags(Completion, @Sendable (SymbolFlagsMap) -> Void)
  }

  let kind: LookupKind
  /// Some of the dylibs may be removed in the meantime.
  let order: JITDylibSearchOrder
  let elements: Few<SymbolLookupSet.Element>
  let purpose: Purpose
  /// The alias for which it is made, if it is for one.
  let alias: SymbolID?

  /// What was found of each element, as long as nothing can have changed it; 0 for nothing.
  var found: Few<SymbolID>
  /// Whether it was put off, and dylibs may have changed.
  var mayBeStale = false
  /// The positions of the elements that no dylib before ``position`` has; `nil` for all.
  var remaining: [Int]?
  var position = 0
  /// The generator of the dylib at ``position`` that was asked last.
  var lastGenerator = 0
  /// The request that is not answered.
  var request: Int?
  /// The generator that has the request, or whose turn it waits for.
  var current: (dylib: Int, generator: Int)?

  init(
    _ set: SymbolLookupSet, kind: LookupKind, order: JITDylibSearchOrder, alias: SymbolID?, purpose: Purpose
  ) {
    self.kind = kind
    self.order = order
    elements = set.list
    found = []
    found.reserveCapacity(elements.count)
    for _ in elements { found.append(0) }
    if set.isEmpty { remaining = [] }
    self.purpose = purpose
    self.alias = alias
  }

  /// What the dylibs of the order are called.
  var searched: [String] { order.map(\.dylib.name) }
}

/// A lookup that waits for a generator.
final class SuspendedLookup: Sendable {
  let purpose: Lookup.Purpose
  /// The generation that it asked for.
  let request: Int?
  /// The dylib whose generator it waits for.
  let dylib: Int?
  private let lookup: Mutex<Lookup?>

  init(_ lookup: consuming Lookup) {
    purpose = lookup.purpose
    request = lookup.request
    dylib = lookup.current?.dylib
    self.lookup = Mutex(lookup)
  }

  /// The lookup, once.
  func resume() -> Lookup? { lookup.withLock { $0.take() } }
}

extension SessionState {
  /// Ends a lookup which is not in ``lookups``.
  mutating func fail(_ lookup: borrowing Lookup, _ error: OrcError, _ effects: inout Effects) {
    fail(lookup.purpose, error, &effects)
  }

  /// Ends a lookup for `purpose`.
  mutating func fail(_ purpose: Lookup.Purpose, _ error: OrcError, _ effects: inout Effects) {
    switch purpose {
    case .symbols(_, let completion), .flags(let completion, _):
      effects.finishedLookups.append(
        Effects.FinishedLookup(completion: completion, result: .failure(error)))
    }
  }

  /// Searches on until everything is found, no dylib is left, or a generator must be awaited.
  mutating func advance(_ lookup: consuming Lookup, number: Int, _ effects: inout Effects) {
    guard isOpen else { return fail(lookup, .sessionClosed, &effects) }
    while lookup.position < lookup.order.count, lookup.remaining?.isEmpty != true {
      let (searched, flags) = (lookup.order[lookup.position].dylib, lookup.order[lookup.position].flags)
      guard let dylib = dylibs[searched.number] else {
        return fail(lookup, .dylibClosed(dylib: searched.name), &effects)
      }
      let candidates = search(dylib, flags, &lookup)
      if !candidates.isEmpty,
        let index = dylib.generators.firstIndex(where: { $0.number > lookup.lastGenerator })
      {
        let generator = dylib.generators[index]
        lookup.mayBeStale = true
        lookup.current = (searched.number, generator.number)
        if generator.asker != nil {
          dylib.changeGenerators { $0[index].waiting.append(number) }
        } else {
          dylib.changeGenerators { $0[index].asker = number }
          lookup.lastGenerator = generator.number
          let request = nextNumber()
          lookup.request = request
          let names = candidates.map { lookup.elements[$0] }
          let seed = GenerationSeed(
            number: request, lookup: number, symbols: SymbolLookupSet(elements: names),
            dylib: NamedDylib(number: searched.number, name: dylib.name), dylibFlags: flags, kind: lookup.kind
          )
          effects.others.append(.generation(generator.generator, seed))
        }
        lookups[number] = SuspendedLookup(lookup)
        return
      }
      lookup.position += 1
      lookup.lastGenerator = 0
    }
    complete(lookup, &effects)
  }

  /// Searches what remains in one dylib.
  ///
  /// - Returns: the positions of what generators may define: what is defined but cannot be seen is searched for in later
  ///   dylibs, and not asked of them.
  private func search(_ dylib: DylibState, _ flags: JITDylibLookupFlags, _ lookup: inout Lookup) -> [Int] {
    var candidates: [Int] = []
    var remaining: [Int] = []
    let hasGenerators = !dylib.generators.isEmpty
    let table = dylib.table
    func search(_ index: Int, _ name: borrowing SymbolStringPtr) {
      guard let id = table[name] else {
        remaining.append(index)
        if hasGenerators { candidates.append(index) }
        return
      }
      if flags == .matchAllSymbols || symbols[id]?.isVisible(flags) == true {
        lookup.found[index] = id
      } else {
        remaining.append(index)
      }
    }
    if let known = lookup.remaining {
      for index in known { search(index, lookup.elements[index].name) }
    } else {
      // All at once, since a copy of each would cost a reference.
      var index = 0
      let elements = lookup.elements
      elements.forEach { element in
        search(index, element.name)
        index += 1
      }
    }
    lookup.remaining = remaining
    return candidates
  }

  /// The generator has answered the request: the lookup goes on, and so does the next one that waits for the
  /// generator.
  mutating func generationEnded(
    _ request: Int, of number: Int, _ error: OrcError?, _ effects: inout Effects
  ) {
    guard lookups[number]?.request == request, var lookup = lookups.removeValue(forKey: number)?.resume()
    else { return }
    let current = lookup.current
    lookup.request = nil
    lookup.current = nil
    if let current { free(generator: current.generator, of: current.dylib, &effects) }
    if let error {
      fail(lookup, error, &effects)
    } else {
      advance(lookup, number: number, &effects)
    }
  }

  /// The generator takes the next request.
  private mutating func free(generator: Int, of dylib: Int, _ effects: inout Effects) {
    guard let dylib = dylibs[dylib],
      let index = dylib.generators.firstIndex(where: { $0.number == generator })
    else { return }
    dylib.changeGenerators { $0[index].asker = nil }
    // Each searches again, since the last request may have defined what it looks for, until one needs the generator.
    while dylib.generators[index].asker == nil, !dylib.generators[index].waiting.isEmpty {
      resume(dylib.changeGenerators { $0[index].waiting.removeFirst() }, &effects)
    }
  }

  private mutating func resume(_ number: Int, _ effects: inout Effects) {
    guard var lookup = lookups.removeValue(forKey: number)?.resume() else { return }
    lookup.current = nil
    advance(lookup, number: number, &effects)
  }

  /// Removes a generator. A request that it has goes on; lookups that wait for it do not ask it any more.
  mutating func removeGenerator(_ generator: Int, of dylib: Int, _ effects: inout Effects) {
    guard let state = dylibs[dylib],
      let index = state.generators.firstIndex(where: { $0.number == generator })
    else { return }
    let removed = state.changeGenerators { $0.remove(at: index) }
    effects.others.append(.garbage(removed))
    for number in removed.waiting { resume(number, &effects) }
  }

  /// Where the definition of an element is, as the search order has it now.
  private func find(_ index: Int, _ lookup: borrowing Lookup) -> SymbolID? {
    let name = lookup.elements[index].name
    for searched in lookup.order {
      if let id = find(name, in: searched.dylib.number), symbols[id]?.isVisible(searched.flags) == true {
        return id
      }
    }
    return nil
  }

  /// All was searched: has what is found made, and waits for it.
  private mutating func complete(_ lookup: consuming Lookup, _ effects: inout Effects) {
    var found = Few<SymbolID>()
    swap(&found, &lookup.found)
    var isWhole = true
    var missing: [String] = []
    var addressless: [SymbolID] = []
    var failed: [SymbolID] = []
    for index in lookup.elements.indices {
      let isRequired = lookup.elements[index].flags == .required
      guard let id = lookup.mayBeStale ? find(index, lookup) : found[index], let entry = symbols[id] else {
        if isRequired { missing.append(lookup.elements[index].name.text) }
        isWhole = false
        found[index] = 0
        continue
      }
      found[index] = id
      if isRequired, !entry.hasAddress { addressless.append(id) }
      if entry.hasFailed { failed.append(id) }
    }
    if !isWhole { found = found.filter { $0 != 0 } }
    let required: RequiredSymbolState
    let completion: Completion
    switch lookup.purpose {
    case .flags(_, let body):
      var flags: SymbolFlagsMap = [:]
      for id in found { if let name = name(of: id) { flags[name] = symbols[id]?.flags } }
      effects.others.append(.flags(body, flags))
      return
    case .symbols(let state, let body): (required, completion) = (state, body)
    }
    guard missing.isEmpty else {
      let error = OrcError.symbolsNotFound(missing.sorted(), searched: lookup.searched)
      return fail(lookup, error, &effects)
    }
    guard addressless.isEmpty else {
      return fail(lookup, .materializationSideEffectsOnly(describe(addressless)), &effects)
    }
    if let error = failure(of: failed) { return fail(lookup, error, &effects) }
    if let alias = lookup.alias, let target = found.first, let cycle = cycle(from: alias, to: target) {
      return fail(lookup, .aliasCycle(describe(cycle)), &effects)
    }
    wait(for: found, required, completion, alias: lookup.alias, &effects)
  }

  private mutating func wait(
    for found: Few<SymbolID>, _ required: RequiredSymbolState, _ completion: Completion, alias: SymbolID?,
    _ effects: inout Effects
  ) {
    var results: FoundDefinitions = []
    results.reserveCapacity(found.count)
    var dependencies: [(dylib: NamedDylib, name: SymbolStringPtr)] = []
    var pendingCount = 0
    for id in found {
      guard let entry = symbols[id] else { continue }
      let name = symbolNames[Slab<SymbolEntry>.position(of: id)]
      guard let name else { continue }
      if completion.registerDependencies != nil, entry.state != .ready {
        dependencies.append((named(entry.dylib), name))
      }
      let isMet = entry.has(required)
      if !isMet { pendingCount += 1 }
      results.append((name, isMet && entry.hasAddress ? entry.evaluated : nil))
    }
    guard pendingCount > 0 else {
      effects.finishedLookups.append(
        Effects.FinishedLookup(completion: completion, result: .success(results), dependencies: dependencies))
      return
    }
    let number = queries.insert(
      Query(
        completion: completion, dependencies: dependencies, alias: alias, results: results, symbols: found,
        pendingCount: pendingCount))
    if let alias { aliasees[alias] = found.first }
    if let tag = completion.tag { taggedQueries[tag] = number }
    for (position, id) in found.enumerated() where symbols[id]?.has(required) == false {
      addWaiter(PendingQuery(query: number, position: position, required: required), for: id)
    }
    for id in found {
      if let entry = symbols[id], entry.unit != 0 { start(entry.unit, in: entry.dylib, &effects) }
    }
  }

  /// Whether what code of `dylib` finds under `name` has an address, or gets it from one of `responsibilities`; also if
  /// it finds nothing.
  func isResolved(_ name: SymbolStringPtr, for dylib: Int, orBy responsibilities: Set<Int>) -> Bool {
    for (other, flags) in dylibs[dylib]?.linkOrder ?? [] {
      guard let id = find(name, in: other), let entry = symbols[id], entry.isVisible(flags) else { continue }
      return !entry.hasFailed && (entry.state >= .resolved || responsibilities.contains(entry.responsibility))
    }
    return true
  }

  /// What a lookup with this tag has found, which has ended its search and waits; `nil` if it still searches.
  func found(byTag tag: Int) -> [(name: SymbolStringPtr, symbol: SymbolEntry)]? {
    guard let number = taggedQueries[tag], let query = queries[number] else { return nil }
    var found: [(name: SymbolStringPtr, symbol: SymbolEntry)] = []
    for (id, result) in zip(query.symbols, query.results) {
      guard let entry = symbols[id] else { return nil }
      found.append((result.name, entry))
    }
    return found
  }

  /// The aliases from `alias` on which lead back to it by way of `target`.
  private func cycle(from alias: SymbolID, to target: SymbolID) -> [SymbolID]? {
    var path = [alias]
    var next: SymbolID? = target
    while let id = next {
      if id == alias { return path }
      path.append(id)
      next = aliasees[id]
    }
    return nil
  }
}
