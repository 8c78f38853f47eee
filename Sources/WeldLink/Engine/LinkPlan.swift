internal import WeldBytes
internal import WeldELF
internal import WeldMemory

/// Everything that is known before bytes are written.
///
/// Owned by the batch, and borrowed by who writes.
struct LinkPlan: ~Copyable, Sendable {
  var resolution: Resolution
  var synthesis: Synthesis
  let layout: Layout
  var placement: Placement
  var symbols: SymbolAddresses
  var threadLocals: ThreadLocalBlock
  /// The symbol of the function that finds thread-local variables, by its canonical number, if nothing
  /// defines it: no call of it may be left.
  var missingResolver: Int?
  /// Stubs that cannot lead where they should, by their positions: an error for who needs them.
  var unreachableStubs: [Int: FieldError] = [:]
  /// Whether instructions may be rewritten where that saves a load from the GOT, or a call.
  let relaxes: Bool

  /// Places everything at the addresses that the memory manager chose, and at those that are given.
  init(
    _ resolution: consuming Resolution, _ synthesis: consuming Synthesis, _ layout: consuming Layout,
    _ traits: MachineTraits, at placements: [Allocation.Placement], pins: borrowing Placement.Pins,
    relaxes: Bool
  ) {
    var resolution = resolution
    placement = Placement(of: &resolution, layout, synthesis, traits, at: placements, pins: pins)
    symbols = SymbolAddresses(of: &resolution, layout, synthesis, at: placement)
    threadLocals = ThreadLocalBlock(of: resolution, layout, traits)
    self.resolution = resolution
    self.synthesis = synthesis
    self.layout = layout
    self.relaxes = relaxes
  }

  /// Finds the thread-local block again, after sections were moved.
  mutating func refreshThreadLocals() {
    threadLocals.refresh(resolution, layout)
  }

  /// Takes the addresses of undefined symbols; those of the batch are computed again if others were bound before.
  fileprivate mutating func bind(_ bindings: Bindings) {
    if bindings.isMoved || symbols.isBound { refreshSymbols() }
    symbols.bind(bindings.externals, of: &resolution, synthesis)
    missingResolver = bindings.missingResolver
  }

  /// Computes the addresses of symbols again, after sections were moved.
  mutating func refreshSymbols() {
    symbols = SymbolAddresses(of: &resolution, layout, synthesis, at: placement)
  }

  /// What is to be done beside the bytes.
  ///
  /// - Parameters:
  ///   - skipped: the positions of objects that are left out, whose indirect functions have no resolvers.
  ///   - registersFrames: whether the unwinder is to know the frame descriptions.
  func finalizeWork(skipping skipped: Set<Int>, registersFrames: Bool) -> FinalizeWork {
    var indirectFunctions = symbols.indirectFunctions
    if !skipped.isEmpty {
      indirectFunctions = zip(synthesis.slots.lazy.filter(\.isResolved), indirectFunctions).filter {
        slot, _ in
        !skipped.contains(resolution.batch.object(ofSymbol: slot.symbol))
      }.map(\.1)
    }
    return FinalizeWork(indirectFunctions: indirectFunctions, frames: registersFrames ? frames : nil)
  }

  private var frames: FinalizeWork.Frames? {
    guard let frames = layout.frames else { return nil }
    let bounds = resolution.bounds(of: frames)
    return FinalizeWork.Frames(
      address: Address(rawValue: bounds.start),
      // Wraps where sections were mapped elsewhere in another order.
      byteCount: Int(truncatingIfNeeded: bounds.end &- bounds.start &+ UInt64(Layout.terminatorByteCount)))
  }

  /// Whether the code that finds the thread-local block was rewritten, all of it.
  var relaxesLocalDynamic: Bool { relaxes && !synthesis.keepsLocalDynamic }
}

/// What is bound before bytes are written.
struct Bindings {
  /// Where undefined symbols are, in the order of the synthesis.
  let externals: [ResolvedSymbol]
  /// As ``LinkPlan/missingResolver``.
  let missingResolver: Int?
  /// Whether the addresses of the batch's symbols are to be computed again.
  let isMoved: Bool
}

/// The stage that writes: copies every section to the working memory and relocates it while it is in cache.
struct Apply: ~Copyable, ArchitectureWork {
  let batch: LinkedBatch
  let bindings: Bindings
  var allocation: Allocation
  /// The positions of objects that are left out.
  let skipped: Set<Int>
  /// The position of the object that could not be relocated.
  private(set) var failedObject: Int?

  init(
    _ batch: LinkedBatch, _ bindings: Bindings, to allocation: consuming Allocation,
    skipping skipped: Set<Int>
  ) {
    self.batch = batch
    self.bindings = bindings
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
    let (batch, bindings, skipped) = (batch, bindings, skipped)
    var bytes = allocation.bytes
    try batch.plan.write(to: &bytes, bindings, skipping: skipped, at: &current, Target.self)
  }
}

extension LinkPlan {
  /// Binds what is undefined and writes everything, stubs first.
  ///
  /// - Parameters:
  ///   - skipped: the positions of objects that are left out.
  ///   - current: the position of the object that is being relocated.
  fileprivate mutating func write<Target: Architecture>(
    to bytes: inout MutableRawSpan, _ bindings: Bindings, skipping skipped: Set<Int>,
    at current: inout Int?, _: Target.Type
  ) throws(LinkError) {
    bind(bindings)
    if !synthesis.stubs.isEmpty {
      unreachableStubs = try writeStubs(Target.self, to: &bytes) { plan, group in
        plan.placement.kindOffsets[.text] + plan.layout.stubPositions[group]
      }
    }
    try writeInputs(to: &bytes, skipping: skipped, at: &current, Target.self)
  }

  /// Writes everything but stubs. On its own, since each call from where the plan may change takes a copy of it.
  private func writeInputs<Target: Architecture>(
    to bytes: inout MutableRawSpan, skipping skipped: Set<Int>, at current: inout Int?, _: Target.Type
  ) throws(LinkError) {
    writeSlots(
      Target.self, to: &bytes, from: placement.kindOffsets[.relocatedReadOnly] + layout.gotPosition)
    for position in resolution.batch.objects.indices {
      guard skipped.isEmpty || !skipped.contains(position) else {
        fillFrames(ofObject: position, in: &bytes, order: Target.byteOrder)
        continue
      }
      current = position
      try write(objectAt: position, to: &bytes, Target.rules, Target.self)
    }
  }

  private func write<Target: Architecture>(
    objectAt position: Int, to bytes: inout MutableRawSpan, _ rules: RuleTable, _: Target.Type
  ) throws(LinkError) {
    let (first, next) = (resolution.batch.first[position], resolution.batch.first[position &+ 1])
    var site = SectionSite(
      object: resolution.batch.objects[position], section: InputSection(), number: 0, index: 0,
      firstSymbol: first.symbol, base: 0)
    for number in first.section..<next.section {
      guard resolution.sections[number].kind != .notLoaded else { continue }
      let section = resolution.sections[number]
      guard section.byteCount > 0 || section.relocationCount > 0 else { continue }
      let start = placement.kindOffsets[section.kind] &+ section.position
      var out = bytes._mutatingExtracting(start..<start &+ section.byteCount)
      if !section.isZero {
        out.copy(section.byteCount, of: site.object.bytes.span, from: section.fileOffset)
      }
      guard section.relocationCount > 0 else { continue }
      site.section = section
      site.number = number
      site.index = UInt32(truncatingIfNeeded: number &- first.section)
      site.base = section.address
      try relocate(&out, site, rules, Target.self)
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
  private func fillFrames(ofObject position: Int, in bytes: inout MutableRawSpan, order: ByteOrder) {
    let batch = resolution.batch
    for number in batch.first[position].section..<batch.first[position &+ 1].section {
      let section = resolution.sections[number]
      guard section.role == .frames, section.kind != .notLoaded, section.byteCount >= 8 else { continue }
      let start = placement.kindOffsets[section.kind] &+ section.position
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
    let S = resolution.symbols[slot.symbol].address &+ slot.addend
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

  /// Writes the stubs.
  ///
  /// - Parameter start: where a group of stubs begins, in bytes of `bytes`.
  /// - Returns: those that cannot be written, by their positions, and why.
  /// - Throws: if one is among them that is the address of an indirect function, which anything may use.
  func writeStubs<Target: Architecture>(
    _: Target.Type, to bytes: inout MutableRawSpan, from start: (borrowing LinkPlan, _ group: Int) -> Int
  ) throws(LinkError) -> [Int: FieldError] {
    var problems: [Int: FieldError] = [:]
    for position in synthesis.stubs.indices {
      let stub = synthesis.stubs[position]
      let site = StubSite(
        address: placement.address(of: stub),
        slot: stub.slot >= 0 ? placement.address(of: synthesis.slots[stub.slot]) : 0,
        target: resolution.symbols[stub.symbol].address &+ stub.addend, GOT: placement.gotBase)
      do {
        try Target.writeStub(stub.kind, in: &bytes, at: start(self, stub.group) + stub.offset, site)
      } catch {
        let isAddress =
          stub.kind == Target.indirectStub && resolution.symbols[stub.symbol].classes.contains(.indirect)
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
