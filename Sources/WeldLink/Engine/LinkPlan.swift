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
  let threadLocals: ThreadLocalBlock
  /// Whether accesses to thread-local variables are linked.
  let linksThreadLocals: Bool
  /// The symbol of the function that finds thread-local variables, by its canonical number, if nothing
  /// defines it: no call of it may be left.
  let missingResolver: Int?
  /// Stubs that cannot lead where they should, by their positions: an error for who needs them.
  var unreachableStubs: [Int: FieldError] = [:]
  /// Whether instructions may be rewritten where that saves a load from the GOT, or a call.
  let relaxes: Bool

  /// Whether the code that finds the thread-local block was rewritten, all of it.
  var relaxesLocalDynamic: Bool { relaxes && !synthesis.keepsLocalDynamic }
}

/// The stage that writes: copies every section to the working memory and relocates it while it is in cache.
struct Apply: ~Copyable, ArchitectureWork {
  let plan: LinkPlan
  var allocation: Allocation
  /// The positions of objects that are left out.
  let skipped: Set<Int>
  /// The position of the object that could not be relocated.
  private(set) var failedObject: Int?

  init(_ plan: LinkPlan, to allocation: consuming Allocation, skipping skipped: Set<Int>) {
    self.plan = plan
    self.allocation = allocation
    self.skipped = skipped
  }

  mutating func run<Target: Architecture>(for _: Target.Type) throws(LinkError) {
    var position: Int?
    do throws(LinkError) {
      try run(for: Target.self, at: &position)
    } catch {
      failedObject = position
      throw error
    }
  }

  /// - Parameter current: the position of the object that is being relocated.
  private mutating func run<Target: Architecture>(
    for _: Target.Type, at current: inout Int?
  ) throws(LinkError) {
    var plan = plan
    let skipped = skipped
    var bytes = allocation.bytes
    let got =
      plan.placement.kindOffsets[Int(SegmentKind.relocatedReadOnly.rawValue)] + plan.layout.gotPosition
    plan.writeSlots(Target.self, to: &bytes, from: got)
    let text = plan.placement.kindOffsets[Int(SegmentKind.text.rawValue)]
    plan.unreachableStubs = try plan.writeStubs(
      Target.self, to: &bytes, from: plan.layout.stubPositions.map { text + $0 })
    let rules = RuleTable.shared(by: Target.self)
    let batch = plan.resolution.batch
    for position in batch.objects.indices {
      guard !skipped.contains(position) else {
        plan.fillFrames(ofObject: position, in: &bytes, order: Target.byteOrder)
        continue
      }
      current = position
      let firstSection = batch.firstSection[position]
      var site = SectionSite(
        object: batch.objects[position], section: InputSection(), number: 0, index: 0,
        firstSymbol: batch.firstSymbol[position], base: 0)
      for number in firstSection..<batch.firstSection[position &+ 1] {
        let section = plan.layout.sections[number]
        guard section.kind != .notLoaded, section.byteCount > 0 || section.relocationCount > 0 else {
          continue
        }
        let start = plan.placement.kindOffsets[Int(section.kind.rawValue)] &+ plan.layout.positions[number]
        var out = bytes._mutatingExtracting(start..<start &+ section.byteCount)
        if !section.isZero {
          out.copy(section.byteCount, of: site.object.bytes.span, from: section.fileOffset)
        }
        guard section.relocationCount > 0 else { continue }
        site.section = section
        site.number = number
        site.index = UInt32(truncatingIfNeeded: number &- firstSection)
        site.base = plan.placement.sectionAddresses[number]
        try plan.relocate(&out, site, rules, Target.self)
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
  /// Makes one record of nothing of the frame descriptions of an object that is left out: zeros would end those of the
  /// batch.
  fileprivate func fillFrames(ofObject position: Int, in bytes: inout MutableRawSpan, order: ByteOrder) {
    let batch = resolution.batch
    for number in batch.firstSection[position]..<batch.firstSection[position &+ 1] {
      let section = layout.sections[number]
      guard section.role == .frames, section.kind != .notLoaded, section.byteCount >= 8 else { continue }
      let start = placement.kindOffsets[Int(section.kind.rawValue)] &+ layout.positions[number]
      do {
        // A common information entry, whose identifier is 0.
        try bytes.store(UInt32(section.byteCount - 4), at: start, order: order)
        try bytes.store(UInt32(0), at: start + 4, order: order)
      } catch {
        preconditionFailure("frame descriptions outside of their segment")
      }
    }
  }

  /// Fills the GOT, which begins at `start` bytes of `bytes`.
  func writeSlots<Target: Architecture>(_: Target.Type, to bytes: inout MutableRawSpan, from start: Int) {
    do {
      for slot in synthesis.slots where !slot.isResolved {
        let (first, second) = words(of: slot)
        try bytes.store(first, at: start + slot.offset, order: Target.byteOrder)
        if let second { try bytes.store(second, at: start + slot.offset + 8, order: Target.byteOrder) }
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

  /// What a slot holds. The program's own module has the number 1.
  private func words(of slot: Synthesis.Slot) -> (first: UInt64, second: UInt64?) {
    let S = symbols.values[slot.symbol] &+ slot.addend
    switch slot.kind {
    case .address: return (S, nil)
    case .threadPointerOffset: return (S &- threadLocals.threadPointer, nil)
    case .moduleOffset: return (S &- threadLocals.moduleBase, nil)
    case .moduleAndOffset: return (1, S &- threadLocals.moduleBase)
    case .module: return (1, 0)
    // Code that uses a descriptor is always rewritten.
    case .descriptor: return (0, S &- threadLocals.threadPointer)
    }
  }

  /// Writes the stubs; each group begins at one of `starts`, in bytes of `bytes`.
  ///
  /// - Returns: those that cannot be written, by their positions, and why.
  /// - Throws: if one is among them that is the address of an indirect function, which anything may use.
  func writeStubs<Target: Architecture>(
    _: Target.Type, to bytes: inout MutableRawSpan, from starts: [Int]
  ) throws(LinkError) -> [Int: FieldError] {
    var problems: [Int: FieldError] = [:]
    for (position, stub) in synthesis.stubs.enumerated() {
      let site = StubSite(
        address: placement.address(of: stub),
        slot: stub.slot >= 0 ? placement.address(of: synthesis.slots[stub.slot]) : 0,
        target: symbols.values[stub.symbol] &+ stub.addend, GOT: placement.gotBase)
      do {
        try Target.writeStub(stub.kind, in: &bytes, at: starts[stub.group] + stub.offset, site)
      } catch {
        let isAddress =
          stub.kind == Target.indirectStub && resolution.classes[stub.symbol].contains(.indirect)
        guard !isAddress else { throw .relocation(.field(error), at: place(of: stub)) }
        problems[position] = error
      }
    }
    return problems
  }

  /// How errors describe a stub.
  private func place(of stub: Synthesis.Stub) -> LinkError.RelocationPlace {
    let batch = resolution.batch
    return LinkError.RelocationPlace(
      file: batch.objects[batch.object(ofSymbol: stub.symbol)].name,
      section: SyntheticSection.stubs.rawValue, offset: UInt64(stub.offset), type: "stub",
      symbol: batch.symbolName(stub.symbol), addend: 0)
  }
}
