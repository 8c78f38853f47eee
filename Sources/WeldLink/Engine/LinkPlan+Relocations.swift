internal import WeldBytes
internal import WeldELF

extension LinkPlan {
  /// Applies the relocations of one section, whose bytes are `out` and whose address is `base`.
  ///
  /// Local names are the psABI's letters: `S` the symbol's address, `A` the addend, `P` the place.
  func relocate<Target: Architecture>(
    _ out: inout MutableRawSpan, _ section: InputSection, _ index: SectionIndex, of object: ObjectFile,
    firstSymbol: Int, base: UInt64, _ rules: [Rule?], _: Target.Type
  ) throws(LinkError) {
    let table = object.relocations(at: section.relocationOffset, count: section.relocationCount)
    let isFrames = section.role == .frames
    for position in 0..<table.count {
      let relocation = table[position]
      // Type and symbol were proven by the scan.
      guard let rule = rules[Int(relocation.type)] else { continue }
      let symbol = firstSymbol &+ Int(relocation.symbol.rawValue)
      let S = symbols.values[symbol]
      let A = UInt64(bitPattern: relocation.addend)
      let P = base &+ relocation.offset
      let at = Int(truncatingIfNeeded: relocation.offset)
      guard relocation.offset <= UInt64(section.byteCount), rule.field.byteCount <= section.byteCount &- at else {
        throw .relocation(
          .outsideSection(byteCount: rule.field.byteCount, sectionByteCount: section.byteCount),
          at: RelocationWalk.place(of: relocation, in: object, index.rawValue))
      }
      var value: UInt64
      switch rule.value {
      case .absolute: value = S &+ A
      case .pcRelative, .branch: value = S &+ A &- P
      default:
        guard let other = otherValue(rule, relocation, symbol, S: S, A: A, P: P, &out, Target.self) else { continue }
        value = other
      }
      if isFrames, resolution.classes[symbol].contains(.discarded) {
        // A frame description of address 0 is one that unwinders pass over.
        value = 0
      }
      do {
        try out.store(value, in: rule.field, at: at, order: Target.byteOrder)
      } catch {
        if let problem = storeFar(value, error, rule, relocation, symbol, A: A, P: P, &out, Target.self) {
          throw .relocation(problem, at: RelocationWalk.place(of: relocation, in: object, index.rawValue))
        }
      }
    }
  }

  /// The values of rules that involve more than the symbol's address; `nil` if there is nothing left to write.
  @inline(never)
  private func otherValue<Target: Architecture>(
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
  @inline(never)
  private func storeFar<Target: Architecture>(
    _ value: UInt64, _ error: FieldError, _ rule: Rule, _ relocation: Relocation, _ symbol: Int, A: UInt64, P: UInt64,
    _ out: inout MutableRawSpan, _: Target.Type
  ) -> LinkError.RelocationProblem? {
    guard case .overflow(let number, let range) = error else { return .field(error) }
    let canonical = Int(resolution.canonical[symbol])
    let found = resolution.classes[canonical]
    let at = Int(truncatingIfNeeded: relocation.offset)
    let isBranch =
      rule.value == .branch || rule.value == .pcRelative && Target.isBranch(out.bytes, fieldAt: at)
    let entry = synthesis.entryOfSymbol[canonical]
    if entry >= 0, synthesis.entries[Int(entry)].stub >= 0, isBranch || symbols.externalFunctions.contains(canonical) {
      let stub = placement.stubAddress &+ UInt64(synthesis.entries[Int(entry)].stub &* synthesis.stubByteCount)
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
  /// Writes `value` to `field` of the container at `offset`, which lies inside the span.
  @inline(__always)
  fileprivate mutating func store(
    _ value: UInt64, in field: Field, at offset: Int, order: ByteOrder
  ) throws(FieldError) {
    switch field.byteCount {
    case 4: try replace(UInt32.self, at: offset, field, value, order)
    case 8: try replace(UInt64.self, at: offset, field, value, order)
    case 2: try replace(UInt16.self, at: offset, field, value, order)
    case 1: try replace(UInt8.self, at: offset, field, value, order)
    default: break
    }
  }

  @inline(__always)
  private mutating func replace<Container: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
    _: Container.Type, at offset: Int, _ field: Field, _ value: UInt64, _ order: ByteOrder
  ) throws(FieldError) {
    guard let old: Container = try? load(at: offset, order: order) else {
      preconditionFailure("a field outside of its section")
    }
    let new = try field.encode(Int64(bitPattern: value), in: UInt64(old))
    try? store(Container(truncatingIfNeeded: new), at: offset, order: order)
  }
}
