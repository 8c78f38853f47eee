internal import WeldBytes
internal import WeldELF

/// Scans: looks at every relocation of what takes part, proves that its type and symbol are known,
/// and finds out what must be synthesised.
struct Scan: ~Copyable, ArchitectureWork {
  var resolution: Resolution
  /// The addresses of sections that do not follow the others, by number.
  let pins: [Int: UInt64]
  /// What was found out.
  private(set) var synthesis: Synthesis

  init(_ resolution: consuming Resolution, pins: [Int: UInt64]) {
    synthesis = Synthesis(symbolCount: resolution.batch.symbolCount)
    self.resolution = resolution
    self.pins = pins
  }

  mutating func run<A: Architecture>(for _: A.Type) throws(LinkError) {
    synthesis.groupStubs(of: resolution, pins: pins, reach: A.traits.branchReach)
    if A.hasLocalEntries { synthesis.others = resolution.batch.otherBits() }
    for symbol in resolution.indirectFunctions where resolution.symbols[symbol].canonical == UInt32(symbol) {
      synthesis.needStub(ofIndirect: symbol, A.indirectStub)
    }
    for position in resolution.batch.objects.indices {
      try resolution.scan(objectAt: position, A.rules, &synthesis, A.self)
    }
    for (_, definition) in resolution.linkerDefinitions where definition == .gotBase {
      synthesis.usesGOTBase = true
    }
  }
}

extension Resolution {
  /// Scans one of the objects.
  fileprivate func scan<A: Architecture>(
    objectAt position: Int, _ rules: RuleTable, _ synthesis: inout Synthesis, _: A.Type
  ) throws(LinkError) {
    var place = Place(
      object: batch.objects[position], position: position, hasFarBranches: !synthesis.groupOfSection.isEmpty)
    for number in batch.first[position].section..<batch.first[position + 1].section {
      guard sections[number].kind != .notLoaded, sections[number].relocationCount > 0 else { continue }
      let section = sections[number]
      if section.isZero {
        throw .section(.relocatedZeros, file: place.object.name, section: batch.sectionName(number))
      }
      place.section = section
      place.number = number
      try scan(place, rules, &synthesis, A.self)
    }
  }

  /// A section that is looked at.
  ///
  /// Moves from section to section of an object, since a copy of an object costs several references.
  private struct Place {
    let object: ObjectFile
    /// The object's position in the batch.
    let position: Int
    /// Whether branches may not reach all of the batch.
    let hasFarBranches: Bool
    var section = InputSection()
    /// The section's number.
    var number = 0

    /// The section's bytes in the file.
    var contents: Range<Int> { section.fileOffset..<section.fileOffset &+ section.byteCount }
  }

  private func scan<A: Architecture>(
    _ place: Place, _ rules: RuleTable, _ synthesis: inout Synthesis, _: A.Type
  ) throws(LinkError) {
    let object = place.object
    let section = place.section
    let table = object.relocations(at: section.relocationOffset, count: Int(section.relocationCount))
    let symbolCount = object.symbolCount
    let firstSymbol = batch.first[place.position].symbol
    for position in 0..<table.count {
      let relocation = table[position]
      let row = rules[relocation.type]
      if Int(relocation.symbol.rawValue) < symbolCount, !row.isExamined, !place.hasFarBranches {
        let symbol = Int(symbols[firstSymbol &+ Int(relocation.symbol.rawValue)].canonical)
        // What the batch defines is in reach of the batch.
        if row.need == .stubIfFar, symbols[symbol].classes == .defined {
          if row.shape == .absolute, row.byteCount == 4 { synthesis.wantsLowAddresses = true }
          continue
        }
        if row.shape == .nothing { continue }
      }
      if let problem = inspect(
        relocation, place, rules, symbolCount: symbolCount, &synthesis, A.self)
      {
        let index = UInt32(place.number - batch.first[place.position].section)
        throw .relocation(problem, at: RelocationWalk.place(of: relocation, in: object, index))
      }
    }
  }

  /// Looks closer at a relocation that may need something, and notes what.
  ///
  /// - Returns: what is wrong with it, if anything.
  @inline(never)
  private func inspect<A: Architecture>(
    _ relocation: Relocation, _ place: Place, _ rules: RuleTable, symbolCount: Int,
    _ synthesis: inout Synthesis, _: A.Type
  ) -> LinkError.RelocationProblem? {
    guard let rule = rules.rule(relocation.type), let kind = A.RelocationKind(rawValue: relocation.type)
    else { return .unknownType(relocation.type) }
    guard Int(relocation.symbol.rawValue) < symbolCount else {
      return .symbolOutOfRange(index: relocation.symbol.rawValue, count: symbolCount)
    }
    switch rule.value {
    // A marker of code that has no meaning unless it is rewritten.
    case .none where rule.rewriting == .required && !linksThreadLocals:
      return .threadLocal(model: Rule.Value.ThreadLocalModel.descriptor.rawValue)
    case .none: return nil
    case .refused(.dynamicOnly): return .dynamicOnly
    case .refused(.deprecated): return .deprecated
    default: break
    }
    let firstSymbol = batch.first[place.position].symbol
    let symbol = Int(symbols[firstSymbol &+ Int(relocation.symbol.rawValue)].canonical)
    let found = symbols[symbol].classes
    let need = rule.value.synthesizes
    if rule.value == .absolute, rule.field.byteCount == 4,
      !found.contains(.absolute), found != .weakReference
    {
      synthesis.wantsLowAddresses = true
    }
    if rule.value.usesGOTBase { synthesis.usesGOTBase = true }
    // The symbol is only a name for the GOT.
    if need == .gotBase { return nil }
    if found.contains(.discarded) { return place.section.role.mayReferToDiscarded ? nil : .discardedTarget }
    if let model = rule.value.threadLocalModel {
      guard linksThreadLocals else { return .threadLocal(model: model.rawValue) }
      // The block of this module needs no symbol.
      guard model == .localDynamic && need == .gotSlot || found.contains([.defined, .threadLocal]) else {
        return found.contains(.defined) ? .notThreadLocal : .threadLocalOutside
      }
    } else if found.contains(.threadLocal) {
      return linksThreadLocals ? .threadLocalMismatch : .threadLocal(model: "direct")
    }
    let addend = A.addendSelectsTarget ? UInt64(bitPattern: relocation.addend) : 0
    if case .slot(let slot, _) = rule.value {
      synthesis.needSlot(symbol, addend: slot == .module ? 0 : addend, slot)
      if slot == .module { noteLocalDynamic(kind, relocation, place, &synthesis, A.self) }
      // The block of this module is no symbol's.
      if slot == .module { return nil }
    }
    if A.traits.tocSectionName != nil, rule.value.usesGOTBase, rule.part == .whole, rule.field.byteCount < 8 {
      synthesis.smallTOCObjects.insert(place.position)
    }
    if A.traits.tocSectionName != nil, rule.value == .gotRelative {
      noteWord(kind, relocation, place, symbol, &synthesis, A.self)
    }
    if rule.value.threadLocalModel == nil, !found.contains(.defined) {
      synthesis.needExternal(symbol)
    }
    if need == .stubIfFar {
      return noteStub(kind, rule, place, symbol, found, addend, &synthesis, A.self)
    }
    return nil
  }

  /// Makes the stub that a branch or an address may need.
  private func noteStub<A: Architecture>(
    _ kind: A.RelocationKind, _ rule: Rule, _ place: Place, _ symbol: Int, _ found: SymbolClass,
    _ addend: UInt64, _ synthesis: inout Synthesis, _: A.Type
  ) -> LinkError.RelocationProblem? {
    let isDefined = found.contains(.defined) && !found.contains(.absolute)
    let isIndirect = found.contains(.indirect)
    let other = synthesis.others.isEmpty ? 0 : synthesis.others[symbol]
    let callee = Callee(isDefined: isDefined, isIndirect: isIndirect, other: other)
    guard let route = A.route(of: kind, to: callee) else { return .reservedLocalEntry(other: other) }
    guard let stub = route.stub else { return nil }
    // What the batch defines is in reach of the batch, and an indirect function's address is its stub's.
    let mayBeFar = place.hasFarBranches && rule.value == .branch
    let isNear = isDefined && !mayBeFar && !isIndirect
    let isItsOwnStub = isIndirect && !route.needsStub
    guard route.needsStub || !isNear && !isItsOwnStub else { return nil }
    synthesis.needStub(
      symbol, addend: addend, stub, group: synthesis.group(ofSection: place.number), isIndirect: isIndirect)
    return nil
  }

  /// Notes a use of a word of a `.toc` section that cannot be rewritten.
  private func noteWord<A: Architecture>(
    _ kind: A.RelocationKind, _ relocation: Relocation, _ place: Place, _ symbol: Int,
    _ synthesis: inout Synthesis, _: A.Type
  ) {
    guard let word = tocWord(symbol, addend: relocation.addend),
      let offset = Int(exactly: relocation.offset),
      let code = try? place.object.bytes.extracting(place.contents),
      !A.mayBypassWord(kind, in: code.span, at: offset)
    else { return }
    synthesis.keptWords.insert(word)
  }

  private func noteLocalDynamic<A: Architecture>(
    _ kind: A.RelocationKind, _ relocation: Relocation, _ place: Place, _ synthesis: inout Synthesis,
    _: A.Type
  ) {
    guard A.blockOffsetsDependOnModel, let offset = Int(exactly: relocation.offset),
      let code = try? place.object.bytes.extracting(place.contents),
      !A.canRewriteLocalDynamic(kind, in: code.span, at: offset)
    else { return }
    synthesis.keepsLocalDynamic = true
  }
}

/// Scans an object again, whose relocations have changed, beside all others as they were.
struct Rescan: ArchitectureWork {
  let batch: LinkedBatch
  /// The object's position in the batch.
  let position: Int

  func run<A: Architecture>(for _: A.Type) throws(LinkError) {
    try batch.plan.rescan(objectAt: position, A.self)
  }
}

extension LinkPlan {
  fileprivate mutating func rescan<A: Architecture>(objectAt position: Int, _: A.Type) throws(LinkError) {
    synthesis.isLaidOut = true
    let gotByteCount = synthesis.gotByteCount
    try resolution.scan(objectAt: position, A.rules, &synthesis, A.self)
    guard !synthesis.lacksRoom, synthesis.gotByteCount == gotByteCount else {
      throw .graph(.unplannedNeeds(file: resolution.batch.objects[position].name))
    }
  }
}

extension Batch {
  /// `st_other` of every symbol.
  fileprivate func otherBits() -> [UInt8] {
    var bits = [UInt8](repeating: 0, count: symbolCount)
    for position in objects.indices {
      let object = objects[position]
      let symbols = object.symbols
      for index in 0..<symbols.count { bits[first[position].symbol &+ index] = symbols[index].other }
    }
    return bits
  }
}

extension Resolution {
  /// The word of a `.toc` section that a symbol and an addend lead to; `nil` if they lead elsewhere.
  func tocWord(_ symbol: Int, addend: Int64) -> Synthesis.SectionPlace? {
    let object = batch.object(ofSymbol: symbol)
    let entry = batch.symbol(symbol)
    guard case .section(let index) = entry.place else { return nil }
    let number = batch.first[object].section + Int(index.rawValue)
    guard sections[number].role == .toc else { return nil }
    return Synthesis.SectionPlace(section: number, offset: entry.value &+ UInt64(bitPattern: addend))
  }
}
