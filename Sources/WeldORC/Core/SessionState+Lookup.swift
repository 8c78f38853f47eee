internal import WeldLink

/// A lookup that searches for definitions, and may wait for generators.
struct Lookup: Sendable {
  enum Purpose: Sendable {
    /// To get the symbols, when they are as far as required.
    case symbols(RequiredSymbolState, Completion)
    /// To know the flags, of those that are found.
    case flags(Completion, @Sendable (SymbolFlagsMap) -> Void)
  }

  let kind: LookupKind
  let order: [(dylib: Int, flags: JITDylibLookupFlags)]
  /// What the dylibs of the order are called, which may be removed in the meantime.
  let searched: [String]
  let elements: [SymbolLookupSet.Element]
  let purpose: Purpose
  /// The alias for which it is made, if it is for one.
  let alias: SymbolID?

  /// What was found of each element, as long as nothing can have changed it.
  var found: [SymbolID]
  /// Whether it was put off, and dylibs may have changed.
  var mayBeStale = false
  /// The positions of the elements that no dylib before ``position`` has.
  var remaining: [Int]
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
    self.order = order.map { ($0.dylib.number, $0.flags) }
    searched = order.map(\.dylib.name)
    elements = set.elements
    found = [SymbolID](repeating: 0, count: set.elements.count)
    remaining = Array(set.elements.indices)
    self.purpose = purpose
    self.alias = alias
  }
}

extension SessionState {
  /// Ends a lookup which is not in ``lookups``.
  mutating func fail(_ lookup: Lookup, _ error: OrcError, _ effects: inout Effects) {
    switch lookup.purpose {
    case .symbols(_, let completion), .flags(let completion, _):
      effects.completions.append((completion, .failure(error), []))
    }
  }

  /// Searches on until everything is found, no dylib is left, or a generator must be awaited.
  mutating func advance(_ lookup: Lookup, number: Int, _ effects: inout Effects) {
    var lookup = lookup
    guard isOpen else { return fail(lookup, .sessionClosed, &effects) }
    while lookup.position < lookup.order.count, !lookup.remaining.isEmpty {
      let (dylibNumber, flags) = lookup.order[lookup.position]
      guard let dylib = dylibs[dylibNumber] else {
        let name = lookup.searched[lookup.position]
        return fail(lookup, .dylibClosed(dylib: name), &effects)
      }
      // What is defined but cannot be seen is searched for in later dylibs, and not asked of generators.
      var candidates: [Int] = []
      var remaining: [Int] = []
      let hasGenerators = !dylib.generators.isEmpty
      for index in lookup.remaining {
        guard let id = dylib.table[lookup.elements[index].name] else {
          remaining.append(index)
          if hasGenerators { candidates.append(index) }
          continue
        }
        if flags == .matchAllSymbols || symbols[id]?.isVisible(flags) == true {
          lookup.found[index] = id
        } else {
          remaining.append(index)
        }
      }
      lookup.remaining = remaining
      if !candidates.isEmpty,
        let index = dylib.generators.firstIndex(where: { $0.number > lookup.lastGenerator })
      {
        let generator = dylib.generators[index]
        lookup.mayBeStale = true
        lookup.current = (dylibNumber, generator.number)
        if generator.asker != nil {
          dylibs[dylibNumber]?.generators[index].waiting.append(number)
        } else {
          dylibs[dylibNumber]?.generators[index].asker = number
          lookup.lastGenerator = generator.number
          let request = nextNumber()
          lookup.request = request
          effects.dylibNames[dylibNumber] = dylib.name
          effects.generations.append(
            (
              generator.generator,
              GenerationSeed(
                number: request, lookup: number,
                symbols: SymbolLookupSet(elements: candidates.map { lookup.elements[$0] }),
                dylib: dylibNumber, dylibFlags: flags, kind: lookup.kind)
            ))
        }
        lookups[number] = lookup
        return
      }
      lookup.position += 1
      lookup.lastGenerator = 0
    }
    complete(lookup, &effects)
  }

  /// The generator has answered the request: the lookup goes on, and so does the next one that waits for the
  /// generator.
  mutating func generationEnded(
    _ request: Int, of number: Int, _ error: OrcError?, _ effects: inout Effects
  ) {
    guard var lookup = lookups[number], lookup.request == request else { return }
    lookups[number] = nil
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
    guard let index = dylibs[dylib]?.generators.firstIndex(where: { $0.number == generator }) else { return }
    dylibs[dylib]?.generators[index].asker = nil
    // Each searches again, since the last request may have defined what it looks for, until one needs the generator.
    while let state = dylibs[dylib]?.generators[index], state.asker == nil, let next = state.waiting.first {
      dylibs[dylib]?.generators[index].waiting.removeFirst()
      resume(next, &effects)
    }
  }

  private mutating func resume(_ number: Int, _ effects: inout Effects) {
    guard var lookup = lookups.removeValue(forKey: number) else { return }
    lookup.current = nil
    advance(lookup, number: number, &effects)
  }

  /// Removes a generator. A request that it has goes on; lookups that wait for it do not ask it any more.
  mutating func removeGenerator(_ generator: Int, of dylib: Int, _ effects: inout Effects) {
    guard let index = dylibs[dylib]?.generators.firstIndex(where: { $0.number == generator }),
      let removed = dylibs[dylib]?.generators.remove(at: index)
    else { return }
    effects.garbage.append(removed)
    for number in removed.waiting { resume(number, &effects) }
  }

  /// Where the definition of an element is, as the search order has it now.
  private func find(_ index: Int, _ lookup: Lookup) -> SymbolID? {
    guard lookup.mayBeStale else { return lookup.found[index] == 0 ? nil : lookup.found[index] }
    let name = lookup.elements[index].name
    for (dylib, flags) in lookup.order {
      if let id = find(name, in: dylib), symbols[id]?.isVisible(flags) == true { return id }
    }
    return nil
  }

  /// All was searched: has what is found made, and waits for it.
  private mutating func complete(_ lookup: Lookup, _ effects: inout Effects) {
    var found: [SymbolID] = []
    found.reserveCapacity(lookup.elements.count)
    var missing: [String] = []
    var addressless: [SymbolID] = []
    var failed: [SymbolID] = []
    for index in lookup.elements.indices {
      let isRequired = lookup.elements[index].flags == .required
      guard let id = find(index, lookup), let flags = symbols[id]?.flags else {
        if isRequired { missing.append(lookup.elements[index].name.text) }
        continue
      }
      found.append(id)
      if isRequired, flags.contains(.materializationSideEffectsOnly) { addressless.append(id) }
      if symbols[id]?.hasFailed == true { failed.append(id) }
    }
    let required: RequiredSymbolState
    let completion: Completion
    switch lookup.purpose {
    case .flags(_, let body):
      var flags: SymbolFlagsMap = [:]
      for id in found { if let name = name(of: id) { flags[name] = symbols[id]?.flags } }
      effects.flagsCompletions.append((body, flags))
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
    for found: [SymbolID], _ required: RequiredSymbolState, _ completion: Completion, alias: SymbolID?,
    _ effects: inout Effects
  ) {
    var results: [(name: SymbolStringPtr, symbol: EvaluatedSymbol?)] = []
    results.reserveCapacity(found.count)
    var pending: [SymbolID] = []
    var positions: [Int] = []
    var dependencies: [(dylib: Int, name: SymbolStringPtr)] = []
    for id in found {
      guard let entry = symbols[id], let name = name(of: id) else { continue }
      if completion.registerDependencies != nil, entry.state != .ready {
        dependencies.append((entry.dylib, name))
        effects.note(entry.dylib, named: dylibs[entry.dylib]?.name)
      }
      if entry.state == .ready || required == .resolved && entry.state >= .resolved {
        results.append((name, entry.hasAddress ? entry.evaluated : nil))
      } else {
        positions.append(results.count)
        pending.append(id)
        results.append((name, nil))
      }
    }
    guard !pending.isEmpty else {
      effects.completions.append((completion, .success(results), dependencies))
      return
    }
    let number = queries.insert(
      Query(
        completion: completion, dependencies: dependencies, alias: alias, results: results,
        symbols: pending, pendingCount: pending.count))
    if let alias { aliasees[alias] = found.first }
    for (index, id) in pending.enumerated() {
      addWaiter(PendingQuery(query: number, position: positions[index], required: required), for: id)
    }
    for id in pending {
      if let unit = symbols[id]?.unit, unit != 0, let dylib = symbols[id]?.dylib {
        start(unit, in: dylib, &effects)
      }
    }
  }

  /// Whether what code of `dylib` finds under `name` has an address, or gets it from one of `responsibilities`; also if
  /// it finds nothing.
  func isResolved(_ name: SymbolStringPtr, for dylib: Int, orBy responsibilities: Set<Int>) -> Bool {
    for (other, flags) in dylibs[dylib]?.linkOrder ?? [] {
      guard let id = find(name, in: other), let entry = symbols[id], entry.isVisible(flags) else { continue }
      return entry.state >= .resolved || responsibilities.contains(entry.responsibility)
    }
    return true
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
