internal import WeldLink

/// A lookup that searches for definitions, and may wait for generators.
struct Lookup: Sendable {
  enum Purpose: Sendable {
    /// To get the symbols, when they are as far as required.
    case symbols(RequiredSymbolState, Completion)
    /// To know their flags.
    case flags(Completion, @Sendable (SymbolFlagsMap) -> Void)
  }

  let kind: LookupKind
  let order: [(dylib: Int, flags: JITDylibLookupFlags)]
  /// What the dylibs of the order are called, which may be removed in the meantime.
  let searched: [String]
  let elements: [SymbolLookupSet.Element]
  let purpose: Purpose
  /// The alias for which it is made, if it is for one.
  let alias: SymbolKey?

  /// What no dylib before ``position`` has.
  var remaining: [SymbolLookupSet.Element]
  var position = 0
  /// The generator of the dylib at ``position`` that was asked last.
  var lastGenerator = 0
  /// The request that is not answered.
  var request: Int?
  /// The generator that has the request, or whose turn it waits for.
  var current: (dylib: Int, generator: Int)?

  init(
    _ set: SymbolLookupSet, kind: LookupKind, order: JITDylibSearchOrder, alias: SymbolKey?, purpose: Purpose
  ) {
    self.kind = kind
    self.order = order.map { ($0.dylib.number, $0.flags) }
    searched = order.map(\.dylib.name)
    elements = set.elements
    remaining = set.elements
    self.purpose = purpose
    self.alias = alias
  }
}

extension SessionState {
  /// Ends a lookup which is not in ``lookups``.
  mutating func finish(_ lookup: Lookup, _ result: Result<SymbolMap, OrcError>, _ effects: inout Effects) {
    switch lookup.purpose {
    case .symbols(_, let completion), .flags(let completion, _):
      effects.completions.append((completion, result, []))
    }
  }

  /// Searches on until everything is found, no dylib is left, or a generator must be awaited.
  mutating func advance(_ lookup: Lookup, number: Int, _ effects: inout Effects) {
    var lookup = lookup
    guard isOpen else { return finish(lookup, .failure(.sessionClosed), &effects) }
    while lookup.position < lookup.order.count, !lookup.remaining.isEmpty {
      let (dylibNumber, flags) = lookup.order[lookup.position]
      guard let dylib = dylibs[dylibNumber] else {
        let name = lookup.searched[lookup.position]
        return finish(lookup, .failure(.dylibClosed(dylib: name)), &effects)
      }
      // What is defined but cannot be seen is searched for in later dylibs, and not asked of generators.
      var candidates: [SymbolLookupSet.Element] = []
      var remaining: [SymbolLookupSet.Element] = []
      for element in lookup.remaining {
        if let entry = dylib.symbols[element.name] {
          if !entry.isVisible(flags) { remaining.append(element) }
        } else {
          remaining.append(element)
          candidates.append(element)
        }
      }
      lookup.remaining = remaining
      if !candidates.isEmpty,
        let index = dylib.generators.firstIndex(where: { $0.number > lookup.lastGenerator })
      {
        let generator = dylib.generators[index]
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
                number: request, lookup: number, symbols: SymbolLookupSet(elements: candidates),
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
      finish(lookup, .failure(error), &effects)
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

  /// Where the definition of a name is, as the search order has it now.
  private func find(_ name: SymbolStringPtr, _ lookup: Lookup) -> (key: SymbolKey, entry: SymbolEntry)? {
    for (dylib, flags) in lookup.order {
      if let entry = dylibs[dylib]?.symbols[name], entry.isVisible(flags) {
        return (SymbolKey(dylib: dylib, name: name), entry)
      }
    }
    return nil
  }

  /// All was searched: has what is found made, and waits for it.
  private mutating func complete(_ lookup: Lookup, _ effects: inout Effects) {
    var found: [(key: SymbolKey, entry: SymbolEntry)] = []
    found.reserveCapacity(lookup.elements.count)
    var missing: [String] = []
    var addressless: [SymbolKey] = []
    for element in lookup.elements {
      guard let (key, entry) = find(element.name, lookup) else {
        if element.flags == .required { missing.append(element.name.text) }
        continue
      }
      found.append((key, entry))
      if element.flags == .required, entry.flags.contains(.materializationSideEffectsOnly) {
        addressless.append(key)
      }
    }
    guard missing.isEmpty else {
      let error = OrcError.symbolsNotFound(missing.sorted(), searched: lookup.searched)
      return finish(lookup, .failure(error), &effects)
    }
    let required: RequiredSymbolState
    let completion: Completion
    switch lookup.purpose {
    case .flags(_, let body):
      let flags = SymbolFlagsMap(
        found.map { ($0.key.name, $0.entry.flags) }, uniquingKeysWith: { first, _ in first })
      effects.flagsCompletions.append((body, flags))
      return
    case .symbols(let state, let body): (required, completion) = (state, body)
    }
    guard addressless.isEmpty else {
      return finish(lookup, .failure(.materializationSideEffectsOnly(symbols(addressless))), &effects)
    }
    if let error = failure(of: found.filter(\.entry.hasFailed).map(\.key)) {
      return finish(lookup, .failure(error), &effects)
    }
    if let alias = lookup.alias, let target = found.first?.key, let cycle = cycle(from: alias, to: target) {
      return finish(lookup, .failure(.aliasCycle(symbols(cycle))), &effects)
    }
    wait(for: found, required, completion, alias: lookup.alias, &effects)
  }

  private mutating func wait(
    for found: [(key: SymbolKey, entry: SymbolEntry)], _ required: RequiredSymbolState,
    _ completion: Completion, alias: SymbolKey?, _ effects: inout Effects
  ) {
    var results: SymbolMap = [:]
    results.reserveCapacity(found.count)
    var pending: Set<SymbolKey> = []
    var dependencies: [SymbolKey] = []
    for (key, entry) in found {
      if entry.state != .ready { dependencies.append(key) }
      if entry.state == .ready || required == .resolved && entry.state >= .resolved {
        if !entry.flags.contains(.materializationSideEffectsOnly) { results[key.name] = entry.evaluated }
      } else {
        pending.insert(key)
      }
    }
    let query = Query(
      required: required, completion: completion, dependencies: dependencies, alias: alias, results: results,
      pending: pending)
    guard !pending.isEmpty else { return finish(query, .success(results), &effects) }
    let number = nextNumber()
    queries[number] = query
    if let alias { aliasees[alias] = found.first?.key }
    for key in pending {
      dylibs[key.dylib]?.materializing[key.name, default: MaterializingInfo()].queries.append(
        (number, required))
    }
    for key in pending {
      if let unit = entry(key)?.unit { start(unit, in: key.dylib, &effects) }
    }
  }

  /// The aliases from `alias` on which lead back to it by way of `target`.
  private func cycle(from alias: SymbolKey, to target: SymbolKey) -> [SymbolKey]? {
    var path = [alias]
    var next: SymbolKey? = target
    while let key = next {
      if key == alias { return path }
      path.append(key)
      next = aliasees[key]
    }
    return nil
  }
}
