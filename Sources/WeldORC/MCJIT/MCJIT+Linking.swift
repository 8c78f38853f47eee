internal import WeldELF
internal import WeldExecutor
internal import WeldLink
internal import WeldMemory

extension MCJIT {
  /// What was added and is not linked.
  struct Queued {
    enum Input {
      case object(ObjectFile)
      case source(((any ObjectCache)?) throws(OrcError) -> ObjectFile)
    }

    let number: Int
    /// Whether it comes from an archive, which has it again if it cannot be linked.
    let isMember: Bool
    var input: Input
  }

  /// An object that is being linked.
  private struct Candidate {
    struct Definition {
      let name: SymbolStringPtr
      let flags: SymbolFlags
      let size: UInt64

      var isStrong: Bool { flags.isDisjoint(with: [.weak, .common]) }
      /// Which of several is taken.
      var rank: (Int, UInt64) {
        if flags.contains(.common) { return (1, size) }
        return (isStrong ? 2 : 0, 0)
      }
    }

    let queued: Queued
    let object: ObjectFile
    var interface: ObjectInterface
    var definitions: [SymbolStringPtr: Definition] = [:]
    /// What it does not define.
    var needs: Set<SymbolStringPtr> = []
    /// What is pulled out of archives for it.
    var wanted: Set<SymbolStringPtr> = []

    init(_ queued: Queued, _ object: ObjectFile, names: SymbolStringPool) {
      self.queued = queued
      self.object = object
      interface = ObjectInterface(of: object, names: names)
      let table = ObjectSymbols(of: object, names: names)
      for found in table.definitions where definitions[found.name] == nil {
        let size = object.symbol(at: SymbolIndex(rawValue: UInt32(found.index))).size
        definitions[found.name] = Definition(name: found.name, flags: found.flags, size: size)
      }
      needs = Set(table.needs.map(\.name)).subtracting(definitions.keys)
      wanted = Set(table.needs.lazy.filter { $0.flags == .required }.map(\.name)).intersection(needs)
    }

    /// Leaves definitions to others.
    mutating func standBack(from names: [SymbolStringPtr]) {
      guard !names.isEmpty else { return }
      var symbols = interface.symbols
      for name in names {
        definitions[name] = nil
        symbols[name] = nil
        needs.insert(name)
      }
      interface.symbols = symbols
    }
  }

  /// Compiles and links everything that was added, and makes it executable. LLVM's `ExecutionEngine::finalizeObject`.
  ///
  /// What cannot be linked stays queued, with what needs it: add what is missing and call this again, or remove it.
  ///
  /// - Throws: ``OrcError/failedToMaterialize(_:cause:)``, whose ``OrcError/firstCause`` tells what is undefined or wrong;
  ///   ``OrcError/several(_:)``; ``OrcError/commonTooSmall(symbol:byteCount:expected:)``; ``OrcError/link(_:)``,
  ///   ``OrcError/executor(_:)``; what compilers throw.
  public func finalizeObject() throws(OrcError) {
    guard !queue.isEmpty else { return }
    var taken = queue
    queue = []
    var dylibs: [JITDylib] = []
    let candidates: [Candidate]
    do throws(OrcError) {
      var batch: [Candidate] = []
      for position in taken.indices {
        let object = try compile(&taken[position])
        batch.append(Candidate(taken[position], object, names: names))
      }
      try addMembers(to: &batch)
      try settle(&batch)
      for candidate in batch {
        dylibs.append(
          try jit.createDylib("\(candidate.object.name) #\(candidate.queued.number)"))
      }
      try define(batch, in: dylibs)
      candidates = batch
    } catch {
      for dylib in dylibs { try? session.remove(dylib) }
      queue = taken.filter { !$0.isMember } + queue
      throw error
    }
    try link(candidates, in: dylibs)
  }

  /// Adds the members of archives that are needed, and those that they need.
  private func addMembers(to batch: inout [Candidate]) throws(OrcError) {
    guard !archives.isEmpty else { return }
    var known = Set(batch.flatMap(\.definitions.keys)).union(mappings.keys)
    var position = 0
    while position < batch.count {
      for name in batch[position].wanted where definers[name] == nil && known.insert(name).inserted {
        guard let object = try member(defining: name) else { continue }
        _ = enqueue(.object(object), isMember: true)
        let member = Candidate(queue.removeLast(), object, names: names)
        known.formUnion(member.definitions.keys)
        batch.append(member)
      }
      position += 1
    }
  }

  /// The member of the first archive that has one.
  func member(defining name: SymbolStringPtr) throws(OrcError) -> ObjectFile? {
    for archive in archives {
      if let object = try archive.member(defining: name) { return object }
    }
    return nil
  }

  /// Decides which weak and common definitions stand back.
  private func settle(_ batch: inout [Candidate]) throws(OrcError) {
    var best: [SymbolStringPtr: (position: Int, rank: (Int, UInt64))] = [:]
    for (position, candidate) in batch.enumerated() {
      for definition in candidate.definitions.values {
        if !definition.isStrong, let definer = definers[definition.name]?.last {
          try check(definition, sharedWith: definer)
          continue
        }
        if let known = best[definition.name], known.rank >= definition.rank { continue }
        best[definition.name] = (position, definition.rank)
      }
    }
    for position in batch.indices {
      batch[position].standBack(
        from: batch[position].definitions.values.compactMap { definition in
          definition.isStrong || best[definition.name]?.position == position ? nil : definition.name
        })
    }
  }

  /// A common symbol that is in memory cannot grow.
  private func check(_ definition: Candidate.Definition, sharedWith definer: Int) throws(OrcError) {
    guard definition.flags.contains(.common), let size = linked[definer]?.commonSizes[definition.name],
      size < definition.size
    else { return }
    throw .commonTooSmall(symbol: definition.name.text, byteCount: size, expected: definition.size)
  }

  /// Promises what the objects define, and gives each dylib what its object needs.
  private func define(_ batch: [Candidate], in dylibs: [JITDylib]) throws(OrcError) {
    var last: [SymbolStringPtr: Int] = [:]
    for (position, candidate) in batch.enumerated() {
      try jit.objectLayer.add(
        candidate.object, to: dylibs[position], interface: candidate.interface)
      for name in candidate.definitions.keys { last[name] = position }
    }
    var missing: Set<SymbolStringPtr> = []
    for (candidate, dylib) in zip(batch, dylibs) {
      for name in candidate.needs where last[name] == nil && definers[name] == nil {
        // Linkers supply some of them.
        if dylib.state(of: name) == nil { missing.insert(name) }
      }
    }
    let outside = try find(missing)
    var latest: [SymbolStringPtr: Int] = [:]
    for (position, candidate) in batch.enumerated() {
      var addresses: SymbolMap = [:]
      for name in candidate.needs {
        if let definer = latest[name] ?? (definers[name] == nil ? last[name] : nil) {
          let flags = batch[definer].definitions[name]?.flags.subtracting([.weak, .common]) ?? []
          try dylibs[position].define(
            reexports([name: SymbolAlias(name, flags: flags)], from: dylibs[definer]))
        } else {
          addresses[name] = address(of: name) ?? outside[name]
        }
      }
      if !addresses.isEmpty { try dylibs[position].define(absoluteSymbols(addresses)) }
      for name in candidate.definitions.keys { latest[name] = position }
    }
  }

  /// Where a name is that some linked object defines.
  func address(of name: SymbolStringPtr) -> EvaluatedSymbol? {
    guard let definer = definers[name]?.last, var symbol = linked[definer]?.symbols[name] else { return nil }
    symbol.flags.subtract([.weak, .common])
    return symbol
  }

  /// Looks for names that no object defines.
  private func find(_ names: Set<SymbolStringPtr>) throws(OrcError) -> SymbolMap {
    var found: SymbolMap = [:]
    for name in names {
      found[name] =
        mappings[name]
        ?? createFunction?(name.text).map { EvaluatedSymbol(address: $0, flags: [.exported, .callable]) }
    }
    guard searchesProcess else { return found }
    for (name, symbol) in try processSymbols(names.filter { found[$0] == nil }) { found[name] = symbol }
    return found
  }

  /// What of `names` the process exports.
  func processSymbols(_ names: some Collection<SymbolStringPtr>) throws(OrcError) -> SymbolMap {
    guard !names.isEmpty else { return [:] }
    var found: SymbolMap = [:]
    do throws(ExecutorError) {
      let process = try session.executor.loadDylib(nil)
      for (name, answer) in zip(names, try session.executor.lookup(names.map(\.text), in: process)) {
        guard let answer else { continue }
        found[name] = EvaluatedSymbol(
          address: answer.address, flags: answer.isFunction ? [.exported, .callable] : .exported)
      }
    } catch {
      throw .executor(error)
    }
    return found
  }

  /// Links, takes note of what could be linked, and queues again what could not.
  private func link(_ batch: [Candidate], in dylibs: [JITDylib]) throws(OrcError) {
    var errors: [OrcError] = []
    var again: [Queued] = []
    var failed: [JITDylib] = []
    for (candidate, dylib) in zip(batch, dylibs) {
      var wanted = candidate.definitions.mapValues { _ in SymbolLookupFlags.required }
      if let initializer = candidate.interface.initializerSymbol { wanted[initializer] = .weaklyReferenced }
      do {
        let symbols = try session.lookup(
          SymbolLookupSet(wanted), in: [SearchedJITDylib(dylib, .matchAllSymbols)])
        let number = candidate.queued.number
        let sizes = candidate.definitions.filter { $0.value.flags.contains(.common) }.mapValues(\.size)
        linked[number] = Linked(dylib: dylib, symbols: symbols, commonSizes: sizes)
        for name in candidate.definitions.keys { definers[name, default: []].append(number) }
      } catch {
        if !errors.contains(where: { $0.firstCause == error.firstCause }) { errors.append(error) }
        failed.append(dylib)
        if !candidate.queued.isMember { again.append(candidate.queued) }
      }
    }
    // After all lookups, so that those which need them learn the cause. Nobody needs to know what else goes wrong.
    for dylib in failed { try? session.remove(dylib) }
    queue = again + queue
    if let error = OrcError.joined(errors) { throw error }
  }
}
