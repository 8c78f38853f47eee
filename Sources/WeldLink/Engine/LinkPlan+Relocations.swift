internal import WeldBytes
internal import WeldELF

/// A section whose relocations are applied.
///
/// Moves from section to section of an object, since a copy of an object costs several references.
struct SectionSite {
  let object: ObjectFile
  var section: InputSection
  /// The section's number in the batch, and its index in the object.
  var number: Int
  var index: UInt32
  /// The number of the object's first symbol.
  let firstSymbol: Int
  /// The section's address.
  var base: UInt64

  var isCode: Bool { section.kind == .text || section.kind == .largeText }
}

/// What was decided about a relocation.
struct Outcome {
  var via: LinkMap.Via
  /// What the place refers to.
  var target: UInt64
  /// Offsets at which further relocations have nothing left to do.
  var settles: Range<UInt64> = 0..<0
}

extension LinkPlan {
  /// Applies the relocations of one section, whose bytes are `out`.
  ///
  /// Local names are the psABI's letters: `S` the symbol's address, `A` the addend, `P` the place.
  func relocate<Target: Architecture>(
    _ out: inout MutableRawSpan, _ site: SectionSite, _ rules: RuleTable, _: Target.Type
  ) throws(LinkError) {
    let byteCount = site.section.byteCount
    let object = site.object
    let table = object.relocations(
      at: site.section.relocationOffset, count: Int(site.section.relocationCount))
    let isPlain = missingResolver == nil && !site.section.role.mayReferToDiscarded
    var settled: Range<UInt64> = 0..<0
    for position in 0..<table.count {
      let relocation = table[position]
      let row = rules[relocation.type]
      // The symbol was proven by the scan.
      let symbol = site.firstSymbol &+ Int(relocation.symbol.rawValue)
      let S = resolution.symbols[symbol].address
      let at = Int(truncatingIfNeeded: relocation.offset)
      guard at >= 0, at <= byteCount &- Int(row.byteCount) else {
        throw .relocation(
          .outsideSection(byteCount: Int(row.byteCount), sectionByteCount: byteCount),
          at: RelocationWalk.place(of: relocation, in: site.object, site.index))
      }
      let value: UInt64
      switch row.shape {
      case .absolute: value = S &+ UInt64(bitPattern: relocation.addend)
      case .pcRelative: value = S &+ UInt64(bitPattern: relocation.addend) &- (site.base &+ relocation.offset)
      case .nothing, .unknown, .other:
        guard row.shape == .other, !settled.contains(relocation.offset) else { continue }
        let settles = try apply(table, position, site, rules, &out, Target.self).settles
        if !settles.isEmpty { settled = settles }
        continue
      }
      let signed = Int64(bitPattern: value)
      if signed >= row.lowest, signed <= row.highest, relocation.offset >= settled.upperBound,
        isPlain || missingResolver == nil && !isDiscarded(symbol)
      {
        out.store(value, byteCount: row.byteCount, at: at, order: Target.byteOrder)
      } else if !settled.contains(relocation.offset) {
        _ = try apply(table, position, site, rules, &out, Target.self)
      }
    }
  }

  /// Whether a symbol went with the group of its section.
  private func isDiscarded(_ symbol: Int) -> Bool {
    resolution.symbols[Int(resolution.symbols[symbol].canonical)].classes.contains(.discarded)
  }

  /// Applies the relocation at `position` of a table, whatever its rule is.
  @inline(never)
  func apply<Target: Architecture>(
    _ table: RelocationTable, _ position: Int, _ site: SectionSite, _ rules: RuleTable,
    _ out: inout MutableRawSpan, _: Target.Type
  ) throws(LinkError) -> Outcome {
    let relocation = table[position]
    // Only what is rewritten along with others asks for the next one.
    let isLast = !resolution.linksThreadLocals || position &+ 1 >= table.count
    do {
      return try decide(relocation, isLast ? nil : table[position &+ 1], site, rules, &out, Target.self)
    } catch {
      throw .relocation(error, at: RelocationWalk.place(of: relocation, in: site.object, site.index))
    }
  }

  private func decide<Target: Architecture>(
    _ relocation: Relocation, _ next: Relocation?, _ site: SectionSite, _ rules: RuleTable,
    _ out: inout MutableRawSpan, _: Target.Type
  ) throws(LinkError.RelocationProblem) -> Outcome {
    guard let rule = rules.rule(relocation.type),
      let kind = Target.RelocationKind(rawValue: relocation.type)
    else { throw .unknownType(relocation.type) }
    let symbol = Int(resolution.symbols[site.firstSymbol &+ Int(relocation.symbol.rawValue)].canonical)
    let S = resolution.symbols[site.firstSymbol &+ Int(relocation.symbol.rawValue)].address
    let A = UInt64(bitPattern: relocation.addend)
    let P = site.base &+ relocation.offset
    if site.section.role.mayReferToDiscarded, resolution.symbols[symbol].classes.contains(.discarded) {
      // A frame description of address 0 is one that unwinders pass over; a word of 0 is one that nothing
      // reads.
      out.store(
        0, byteCount: UInt8(rule.field.byteCount), at: Int(relocation.offset), order: Target.byteOrder)
      return Outcome(via: .direct, target: 0)
    }
    if rule.rewriting == .required || rule.rewriting != .never && relaxes {
      let addresses = RewriteSite(
        S: S, P: P, GOT: placement.gotBase, TP: threadLocals.threadPointer,
        wordTarget: rule.value == .gotRelative ? wordTarget(symbol, relocation, Target.self) : nil,
        relaxesLocalDynamic: relaxesLocalDynamic, next: next)
      if let rewrite = Target.rewrite(&out, kind, relocation, at: addresses) {
        return Outcome(
          via: .rewritten, target: addresses.wordTarget ?? S,
          settles: rewrite.settles)
      }
      if rule.rewriting != .optional { throw .unknownThreadLocalSequence }
    }
    if symbol == missingResolver, !isRewritten(by: next, relocation, rules) {
      throw .missingThreadLocalResolver(name: String(describing: Target.traits.threadLocalResolver))
    }
    switch rule.value {
    case .none, .refused: return Outcome(via: .nothing, target: S)
    case .branch: return try branch(rule, kind, relocation, site, symbol, S: S, from: P, &out, Target.self)
    case .stubGOTRelative:
      return try branch(
        rule, kind, relocation, site, symbol, S: S, from: placement.gotBase, &out, Target.self)
    case .slot(let slotKind, let origin):
      let slot = try slot(of: symbol, relocation, slotKind, Target.self)
      let addend = Target.addendSelectsTarget ? 0 : A
      let from: UInt64 =
        switch origin {
        case .zero: 0
        case .place: P
        case .gotBase: placement.gotBase
        }
      try store(slot &+ addend &- from, rule, relocation, site, &out, Target.self)
      return Outcome(via: .got, target: slot)
    default: break
    }
    let value = value(
      of: rule, kind, symbol, S: S, A: A, P: P, isLoaded: site.section.kind != .notLoaded, Target.self)
    let target = rule.value.synthesizes == .gotBase ? placement.gotBase : S
    let problem: FieldError
    do {
      try storeField(value, rule, relocation, site, &out, Target.self)
      return Outcome(via: .direct, target: target)
    } catch {
      problem = error
    }
    return try storeFar(problem, rule, kind, relocation, site, symbol, A: A, P: P, &out, Target.self)
  }

  /// Whether the next relocation rewrites the call that this one belongs to.
  private func isRewritten(by next: Relocation?, _ relocation: Relocation, _ rules: RuleTable) -> Bool {
    guard relaxes, let next, next.offset &- relocation.offset &+ 4 < 8 else { return false }
    return rules.rule(next.type)?.rewriting == .together
  }

  /// The value of a rule that neither leads to a function nor reads a slot.
  private func value<Target: Architecture>(
    of rule: Rule, _ kind: Target.RelocationKind, _ symbol: Int, S: UInt64, A: UInt64, P: UInt64,
    isLoaded: Bool, _: Target.Type
  ) -> UInt64 {
    switch rule.value {
    case .none, .refused, .slot, .branch, .stubGOTRelative: return 0
    case .absolute: return S &+ A
    case .pcRelative: return S &+ A &- P
    case .localEntry: return S &+ A &+ (route(to: symbol, kind, Target.self)?.entryOffset ?? 0)
    case .size: return resolution.batch.symbol(symbol).size &+ A
    case .gotBase: return placement.gotBase
    case .gotBasePCRelative: return placement.gotBase &+ A &- P
    case .gotRelative: return S &+ A &- placement.gotBase
    case .threadPointerRelative: return S &+ A &- threadLocals.threadPointer
    case .moduleRelative:
      // Debuggers count from the block whatever code does.
      let isRewritten = relaxesLocalDynamic && Target.blockOffsetsDependOnModel && isLoaded
      return S &+ A &- (isRewritten ? threadLocals.threadPointer : threadLocals.moduleBase)
    case .moduleNumber: return 1
    }
  }
}

// MARK: - Branches

extension LinkPlan {
  /// How a branch gets to a symbol, a canonical number.
  private func route<Target: Architecture>(
    to symbol: Int, _ kind: Target.RelocationKind, _: Target.Type
  ) -> Route? {
    let found = resolution.symbols[symbol].classes
    return Target.route(
      of: kind,
      to: Callee(
        isDefined: found.contains(.defined) && !found.contains(.absolute),
        isIndirect: found.contains(.indirect),
        other: synthesis.others.isEmpty ? 0 : synthesis.others[symbol]))
  }

  /// Lets a branch go where it can, to the function or to a stub; or stores where that is, counted from
  /// elsewhere.
  private func branch<Target: Architecture>(
    _ rule: Rule, _ kind: Target.RelocationKind, _ relocation: Relocation, _ site: SectionSite,
    _ symbol: Int, S: UInt64, from P: UInt64, _ out: inout MutableRawSpan, _: Target.Type
  ) throws(LinkError.RelocationProblem) -> Outcome {
    let A = UInt64(bitPattern: relocation.addend)
    guard let route = route(to: symbol, kind, Target.self) else {
      throw .reservedLocalEntry(other: synthesis.others.isEmpty ? 0 : synthesis.others[symbol])
    }
    var problem = FieldError.overflow(value: Int64(bitPattern: S &+ A &- P), range: rule.field.range)
    let isInReach = Int64(bitPattern: S &- P).magnitude <= route.reach.magnitude
    let hasStub = route.stub.flatMap { stub(of: symbol, relocation, $0, site, Target.self) } != nil
    if !route.needsStub, isInReach || !hasStub {
      let target = S &+ route.entryOffset
      do {
        try storeField(target &+ A &- P, rule, relocation, site, &out, Target.self)
        return Outcome(via: .direct, target: target)
      } catch {
        problem = error
      }
    }
    guard case .overflow = problem, let kind = route.stub,
      let found = stub(of: symbol, relocation, kind, site, Target.self)
    else { throw .field(problem) }
    let address = placement.address(of: synthesis.stubs[found])
    if let problem = unreachableStubs[found] { throw .field(problem) }
    if kind.changesTOC {
      do {
        try Target.restoreTOC(afterCallAt: Int(relocation.offset), in: &out)
      } catch {
        throw .missingTOCRestore(found: error.instruction)
      }
    }
    let addend = Target.addendSelectsTarget ? 0 : A
    try store(address &+ addend &- P, rule, relocation, site, &out, Target.self)
    return Outcome(via: .stub, target: address)
  }

  /// The position of the stub that a place uses.
  private func stub<Target: Architecture>(
    of symbol: Int, _ relocation: Relocation, _ kind: StubKind, _ site: SectionSite, _: Target.Type
  ) -> Int? {
    synthesis.stub(
      of: symbol, addend: Target.addendSelectsTarget ? UInt64(bitPattern: relocation.addend) : 0, kind,
      group: synthesis.group(ofSection: site.number))
  }

  /// Writes a value that did not fit by another way to the symbol, if there is one.
  private func storeFar<Target: Architecture>(
    _ error: FieldError, _ rule: Rule, _ kind: Target.RelocationKind, _ relocation: Relocation,
    _ site: SectionSite, _ symbol: Int, A: UInt64, P: UInt64, _ out: inout MutableRawSpan, _: Target.Type
  ) throws(LinkError.RelocationProblem) -> Outcome {
    guard case .overflow(let number, let range) = error else { throw .field(error) }
    // Other formulas do not have the symbol's address in them, or have fields that hold every value.
    guard [.absolute, .pcRelative, .gotRelative].contains(rule.value) else { throw .field(error) }
    let found = resolution.symbols[symbol].classes
    let at = Int(truncatingIfNeeded: relocation.offset)
    let isBranch = rule.value == .pcRelative && Target.isBranch(out.bytes, fieldAt: at)
    if let kind = route(to: symbol, kind, Target.self)?.stub, rule.value != .gotRelative,
      isBranch || symbols.externalFunctions.contains(symbol),
      let stub = stub(of: symbol, relocation, kind, site, Target.self)
    {
      if let problem = unreachableStubs[stub] { throw .field(problem) }
      let address = placement.address(of: synthesis.stubs[stub])
      let from = rule.value == .absolute ? 0 : P
      try store(
        address &+ (Target.addendSelectsTarget ? 0 : A) &- from, rule, relocation, site, &out, Target.self)
      return Outcome(via: .stub, target: address)
    }
    if found.contains(.weakReference), resolution.symbols[symbol].address == 0, rule.value == .pcRelative,
      Target.rewriteAddressOfZero(&out, relocation)
    {
      return Outcome(via: .rewritten, target: 0)
    }
    if rule.value == .gotRelative, Target.traits.tocSectionName != nil, rule.part == .whole,
      resolution.tocWord(symbol, addend: relocation.addend) != nil
    {
      throw .tocTooLarge(value: number, range: range)
    }
    throw found.contains(.defined) ? .field(error) : .farData(value: number, range: range)
  }
}

// MARK: - Slots

extension LinkPlan {
  /// The address of the slot that a relocation reads.
  private func slot<Target: Architecture>(
    of symbol: Int, _ relocation: Relocation, _ kind: SlotKind, _: Target.Type
  ) throws(LinkError.RelocationProblem) -> UInt64 {
    let addend =
      Target.addendSelectsTarget && kind != .module ? UInt64(bitPattern: relocation.addend) : 0
    guard let slot = synthesis.slot(of: symbol, addend: addend, kind) else {
      // What is not loaded was not scanned.
      throw .slotOutsideMemory
    }
    return placement.address(of: synthesis.slots[slot])
  }

  /// Where the word of a `.toc` section points to that a relocation refers to; `nil` if it refers to none, or
  /// to one that must be read.
  private func wordTarget<Target: Architecture>(
    _ symbol: Int, _ relocation: Relocation, _: Target.Type
  ) -> UInt64? {
    guard let word = resolution.tocWord(symbol, addend: relocation.addend),
      !synthesis.keptWords.contains(word)
    else { return nil }
    let batch = resolution.batch
    let position = batch.object(ofSection: word.section)
    let section = resolution.sections[word.section]
    let object = batch.objects[position]
    let table = object.relocations(at: section.relocationOffset, count: Int(section.relocationCount))
    guard let found = table.first(at: word.offset),
      let kind = Target.RelocationKind(rawValue: found.type),
      Target.rule(for: kind) == Rule(.absolute, into: .word64)
    else { return nil }
    return resolution.symbols[batch.first[position].symbol + Int(found.symbol.rawValue)].address
      &+ UInt64(bitPattern: found.addend)
  }
}

// MARK: - Fields

extension LinkPlan {
  private func store<Target: Architecture>(
    _ value: UInt64, _ rule: Rule, _ relocation: Relocation, _ site: SectionSite,
    _ out: inout MutableRawSpan, _: Target.Type
  ) throws(LinkError.RelocationProblem) {
    do {
      try storeField(value, rule, relocation, site, &out, Target.self)
    } catch {
      if case .overflow(let number, let range) = error, case .slot(_, from: .gotBase) = rule.value,
        Target.traits.tocSectionName != nil, rule.part == .whole
      {
        throw .tocTooLarge(value: number, range: range)
      }
      throw .field(error)
    }
  }

  private func storeField<Target: Architecture>(
    _ value: UInt64, _ rule: Rule, _ relocation: Relocation, _ site: SectionSite,
    _ out: inout MutableRawSpan, _: Target.Type
  ) throws(FieldError) {
    let at = Int(truncatingIfNeeded: relocation.offset)
    let field = Target.field(of: rule, in: out.bytes, at: at, isCode: site.isCode)
    try out.store(value, in: field, at: at, order: Target.byteOrder)
  }
}

extension MutableRawSpan {
  /// Writes the low `byteCount` bytes of `value` at `offset`; they lie inside the span.
  @inline(__always)
  fileprivate mutating func store(_ value: UInt64, byteCount: UInt8, at offset: Int, order: ByteOrder) {
    switch byteCount {
    case 4: try? store(UInt32(truncatingIfNeeded: value), at: offset, order: order)
    case 8: try? store(value, at: offset, order: order)
    default: storeRare(value, byteCount: byteCount, at: offset, order: order)
    }
  }

  /// The same for sizes that few relocations have.
  @inline(never)
  private mutating func storeRare(_ value: UInt64, byteCount: UInt8, at offset: Int, order: ByteOrder) {
    switch byteCount {
    case 2: try? store(UInt16(truncatingIfNeeded: value), at: offset, order: order)
    case 1: try? store(UInt8(truncatingIfNeeded: value), at: offset, order: order)
    case 3: try? store24(UInt32(truncatingIfNeeded: value), at: offset, order: order)
    default: break
    }
  }

  /// The container of `byteCount` bytes at `offset`; it lies inside the span.
  fileprivate func container(byteCount: Int, at offset: Int, order: ByteOrder) -> UInt64 {
    switch byteCount {
    case 4: UInt64((try? load(UInt32.self, at: offset, order: order)) ?? 0)
    case 8: (try? load(UInt64.self, at: offset, order: order)) ?? 0
    case 2: UInt64((try? load(UInt16.self, at: offset, order: order)) ?? 0)
    case 1: UInt64((try? load(UInt8.self, at: offset, order: order)) ?? 0)
    case 3: UInt64((try? load24(at: offset, order: order)) ?? 0)
    default: 0
    }
  }

  /// Writes `value` to `field` of the container at `offset`, which lies inside the span.
  fileprivate mutating func store(
    _ value: UInt64, in field: Field, at offset: Int, order: ByteOrder
  ) throws(FieldError) {
    let old = container(byteCount: field.byteCount, at: offset, order: order)
    let new = try field.encode(Int64(bitPattern: value), in: old)
    store(new, byteCount: UInt8(field.byteCount), at: offset, order: order)
  }
}
