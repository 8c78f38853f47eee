internal import WeldBytes
internal import WeldELF

extension LinkPlan {
  /// Applies the relocations of one section, whose bytes are `out` and whose address is `base`.
  ///
  /// Local names are the psABI's letters: `S` the symbol's address, `A` the addend, `P` the place.
  func relocate<Target: Architecture>(
    _ out: inout MutableRawSpan, _ section: InputSection, _ index: SectionIndex, of object: ObjectFile,
    firstSymbol: Int, base: UInt64, _ rules: RuleTable, _: Target.Type
  ) throws(LinkError) {
    let table = object.relocations(at: section.relocationOffset, count: Int(section.relocationCount))
    let isFrames = section.role == .frames
    for position in 0..<table.count {
      let relocation = table[position]
      let row = rules[relocation.type]
      // The symbol was proven by the scan.
      let symbol = firstSymbol &+ Int(relocation.symbol.rawValue)
      let S = symbols.values[symbol]
      let A = UInt64(bitPattern: relocation.addend)
      let P = base &+ relocation.offset
      let at = Int(truncatingIfNeeded: relocation.offset)
      guard relocation.offset <= UInt64(section.byteCount), Int(row.byteCount) <= section.byteCount &- at
      else {
        throw .relocation(
          .outsideSection(byteCount: Int(row.byteCount), sectionByteCount: section.byteCount),
          at: RelocationWalk.place(of: relocation, in: object, index.rawValue))
      }
      let value: UInt64
      switch row.shape {
      case .absolute: value = S &+ A
      case .pcRelative: value = S &+ A &- P
      case .nothing, .unknown: continue
      case .other
      where isFrames && resolution.classes[Int(resolution.canonical[symbol])].contains(.discarded):
        // The scan asked for nothing here; as below.
        value = 0
      case .other:
        if let problem = storeOther(relocation, rules, symbol, P: P, &out, Target.self) {
          throw .relocation(problem, at: RelocationWalk.place(of: relocation, in: object, index.rawValue))
        }
        continue
      }
      let signed = Int64(bitPattern: value)
      if signed >= row.lowest, signed <= row.highest, !isFrames {
        out.store(value, byteCount: row.byteCount, at: at, order: Target.byteOrder)
      } else if isFrames, resolution.classes[Int(resolution.canonical[symbol])].contains(.discarded) {
        // A frame description of address 0 is one that unwinders pass over.
        out.store(0, byteCount: row.byteCount, at: at, order: Target.byteOrder)
      } else if let problem = storeChecked(value, relocation, rules, symbol, P: P, &out, Target.self) {
        throw .relocation(problem, at: RelocationWalk.place(of: relocation, in: object, index.rawValue))
      }
    }
  }

  /// Applies a relocation whose rule involves more than addresses, or whose field is part of a container.
  ///
  /// - Returns: what is wrong with it, if anything.
  @inline(never)
  private func storeOther<Target: Architecture>(
    _ relocation: Relocation, _ rules: RuleTable, _ symbol: Int, P: UInt64, _ out: inout MutableRawSpan,
    _: Target.Type
  ) -> LinkError.RelocationProblem? {
    guard let rule = rules.rule(relocation.type),
      let value = value(
        rule, relocation, symbol, S: symbols.values[symbol], A: UInt64(bitPattern: relocation.addend), P: P,
        &out,
        Target.self)
    else { return nil }
    return storeChecked(value, relocation, rules, symbol, P: P, &out, Target.self)
  }

  /// Writes a value to its field; if it does not fit, by another way to the symbol, if there is one.
  ///
  /// - Returns: what is wrong if there is none.
  @inline(never)
  private func storeChecked<Target: Architecture>(
    _ value: UInt64, _ relocation: Relocation, _ rules: RuleTable, _ symbol: Int, P: UInt64,
    _ out: inout MutableRawSpan, _: Target.Type
  ) -> LinkError.RelocationProblem? {
    guard let rule = rules.rule(relocation.type) else { return .unknownType(relocation.type) }
    do {
      try out.store(value, in: rule.field, at: Int(relocation.offset), order: Target.byteOrder)
      return nil
    } catch {
      return storeFar(
        error, rule, relocation, symbol, A: UInt64(bitPattern: relocation.addend), P: P, &out, Target.self)
    }
  }

  /// The value of a rule; `nil` if there is nothing left to write.
  private func value<Target: Architecture>(
    _ rule: Rule, _ relocation: Relocation, _ symbol: Int, S: UInt64, A: UInt64, P: UInt64,
    _ out: inout MutableRawSpan, _: Target.Type
  ) -> UInt64? {
    let GOT = placement.gotAddress
    switch rule.value {
    // The scan lets none of the last two pass.
    case .none, .refused, .threadLocal: return nil
    case .absolute: return S &+ A
    case .pcRelative, .branch: return S &+ A &- P
    case .size: return size(of: symbol) &+ A
    case .gotSlotOffset: return slot(of: symbol) &- GOT &+ A
    case .gotSlotPCRelative:
      if relaxes, rule.relaxableFrom > 0, Target.relax(&out, rule, relocation, S: S, P: P) { return nil }
      return slot(of: symbol) &+ A &- P
    case .gotBasePCRelative: return GOT &+ A &- P
    case .gotRelative, .stubGOTRelative: return S &+ A &- GOT
    }
  }

  /// Writes a value that did not fit by another way to the symbol, if there is one.
  ///
  /// - Returns: what is wrong if there is none.
  private func storeFar<Target: Architecture>(
    _ error: FieldError, _ rule: Rule, _ relocation: Relocation, _ symbol: Int, A: UInt64, P: UInt64,
    _ out: inout MutableRawSpan, _: Target.Type
  ) -> LinkError.RelocationProblem? {
    guard case .overflow(let number, let range) = error else { return .field(error) }
    // Other formulas do not have the symbol's address in them, or have fields that hold every value.
    guard [.absolute, .pcRelative, .branch].contains(rule.value) else { return .field(error) }
    let canonical = Int(resolution.canonical[symbol])
    let found = resolution.classes[canonical]
    let at = Int(truncatingIfNeeded: relocation.offset)
    let isBranch =
      rule.value == .branch || rule.value == .pcRelative && Target.isBranch(out.bytes, fieldAt: at)
    let entry = synthesis.entryOfSymbol[canonical]
    if entry >= 0, synthesis.entries[Int(entry)].stub >= 0,
      isBranch || symbols.externalFunctions.contains(canonical)
    {
      let stub =
        placement.stubAddress &+ UInt64(synthesis.entries[Int(entry)].stub &* synthesis.stubByteCount)
      let near = rule.value == .absolute ? stub &+ A : stub &+ A &- P
      do {
        try out.store(near, in: rule.field, at: at, order: Target.byteOrder)
        return nil
      } catch {
        return .field(error)
      }
    }
    if found.contains(.weakReference), symbols.values[canonical] == 0, rule.value == .pcRelative,
      Target.rewriteAddressOfZero(&out, relocation)
    {
      return nil
    }
    return found.contains(.defined) ? .field(error) : .farData(value: number, range: range)
  }

  /// The address of the GOT slot that holds the address of `symbol`.
  private func slot(of symbol: Int) -> UInt64 {
    let entry = synthesis.entryOfSymbol[Int(resolution.canonical[symbol])]
    precondition(entry >= 0, "a slot that the scan did not ask for")
    return placement.gotAddress &+ UInt64(synthesis.entries[Int(entry)].slot &* 8)
  }

  /// The size of `symbol`, in bytes, as its definition has it.
  private func size(of symbol: Int) -> UInt64 {
    resolution.batch.symbol(Int(resolution.canonical[symbol])).size
  }
}

extension MutableRawSpan {
  /// Writes the low `byteCount` bytes of `value` at `offset`; they lie inside the span.
  @inline(__always)
  fileprivate mutating func store(_ value: UInt64, byteCount: UInt8, at offset: Int, order: ByteOrder) {
    switch byteCount {
    case 4: try? store(UInt32(truncatingIfNeeded: value), at: offset, order: order)
    case 8: try? store(value, at: offset, order: order)
    case 2: try? store(UInt16(truncatingIfNeeded: value), at: offset, order: order)
    case 1: try? store(UInt8(truncatingIfNeeded: value), at: offset, order: order)
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
