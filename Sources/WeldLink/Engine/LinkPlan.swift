internal import WeldBytes
internal import WeldELF
internal import WeldMemory

/// Everything that is known before bytes are written.
struct LinkPlan: Sendable {
  let resolution: Resolution
  let synthesis: Synthesis
  let layout: Layout
  let placement: Placement
  let symbols: SymbolAddresses
  /// Whether instructions may be rewritten where that saves a load from the GOT.
  let relaxes: Bool
}

/// The stage that writes: copies every section to the working memory and relocates it while it is in cache.
struct Apply: ~Copyable, ArchitectureWork {
  let plan: LinkPlan
  var allocation: Allocation

  init(_ plan: LinkPlan, to allocation: consuming Allocation) {
    self.plan = plan
    self.allocation = allocation
  }

  mutating func run<Target: Architecture>(for _: Target.Type) throws(LinkError) {
    let plan = plan
    var bytes = allocation.bytes
    try plan.writeSlots(Target.self, to: &bytes)
    try plan.writeStubs(Target.self, to: &bytes)
    let rules = RuleTable(of: Target.self)
    let batch = plan.resolution.batch
    for position in batch.objects.indices {
      let object = batch.objects[position]
      let firstSection = batch.firstSection[position]
      for number in firstSection..<batch.firstSection[position &+ 1] {
        let section = plan.layout.sections[number]
        guard section.kind != .notLoaded, section.byteCount > 0 || section.relocationCount > 0 else {
          continue
        }
        let start = plan.placement.kindOffsets[Int(section.kind.rawValue)] &+ plan.layout.positions[number]
        var out = bytes._mutatingExtracting(start..<start &+ section.byteCount)
        if !section.isZero { out.copy(section.byteCount, of: object.bytes.span, from: section.fileOffset) }
        guard section.relocationCount > 0 else { continue }
        try plan.relocate(
          &out, section, SectionIndex(rawValue: UInt32(number &- firstSection)), of: object,
          firstSymbol: batch.firstSymbol[position], base: plan.placement.sectionAddresses[number], rules,
          Target.self)
      }
    }
  }
}

extension MutableRawSpan {
  /// Copies `byteCount` bytes of `file`, from `offset` on, to the start of the span.
  fileprivate mutating func copy(_ byteCount: Int, of file: RawSpan, from offset: Int) {
    do {
      try store(contentsOf: file.extracting(offset..<offset &+ byteCount), at: 0)
    } catch {
      preconditionFailure("a section larger than the room it was given")
    }
  }
}

extension LinkPlan {
  /// Fills the GOT with the addresses of symbols.
  fileprivate func writeSlots<Target: Architecture>(_: Target.Type, to bytes: inout MutableRawSpan)
    throws(LinkError)
  {
    let start = placement.kindOffsets[Int(SegmentKind.relocatedReadOnly.rawValue)] + layout.gotPosition
    do {
      for entry in synthesis.entries where entry.slot >= 0 {
        try bytes.store(symbols.values[entry.symbol], at: start + entry.slot * 8, order: Target.byteOrder)
      }
      // Until it is called, the resolver stands for its result.
      for function in symbols.indirectFunctions {
        try bytes.store(
          function.resolver.rawValue, at: start + Int(function.slot.rawValue &- placement.gotAddress),
          order: Target.byteOrder)
      }
    } catch {
      preconditionFailure("a GOT slot outside the GOT")
    }
  }

  fileprivate func writeStubs<Target: Architecture>(_: Target.Type, to bytes: inout MutableRawSpan)
    throws(LinkError)
  {
    let start = placement.kindOffsets[Int(SegmentKind.text.rawValue)] + layout.stubPosition
    for entry in synthesis.entries where entry.stub >= 0 {
      let offset = entry.stub * Target.stubByteCount
      let slot = entry.resolvedSlot >= 0 ? entry.resolvedSlot : entry.slot
      let address = placement.stubAddress &+ UInt64(offset)
      do {
        try Target.writeStub(
          in: &bytes, at: start + offset, address: address, slot: placement.gotAddress &+ UInt64(slot * 8))
      } catch {
        let file = resolution.batch.objects[resolution.batch.object(ofSymbol: entry.symbol)].name
        throw .relocation(
          .field(error),
          at: LinkError.RelocationPlace(
            file: file, section: SyntheticSection.stubs.rawValue, offset: UInt64(offset), type: "stub",
            symbol: resolution.batch.symbolName(entry.symbol), addend: 0))
      }
    }
  }
}
