internal import WeldBytes
internal import WeldELF
internal import WeldMemory

/// A batch on its way into memory, and then in it.
///
/// The stages are those of `docs/architecture.md`: what one computes is what the next one is given. All that
/// can be wrong with the input is found before memory is finalized. Dropped at any point, it gives everything
/// back.
package final class LinkedBatch {
  /// What all stages before the last ones have given.
  var plan: LinkPlan
  private let machine: Machine
  /// Whether sections were moved since the addresses of symbols were computed.
  private var addressesAreStale = false
  /// The positions of objects that the last ``apply`` left out.
  private var skipped: Set<Int> = []
  /// The position of the object that the last ``apply`` could not relocate.
  package private(set) var failedObject: Int?
  /// Whether the unwinder is to know the batch's frame descriptions once it is finalized.
  var registersFrames = false
  /// Whether some functions run before or after the program.
  package let hasInitializers: Bool
  private var state: State

  private enum State: ~Copyable {
    /// Memory is there to be written.
    case writable(Allocation)
    case finalized(FinalizedAllocation)
    /// Given up: a step failed that cannot be repeated.
    case failed
  }

  /// Resolves, scans and lays out `objects`, and makes room for them.
  ///
  /// - Parameters:
  ///   - published: what earlier batches define, if there are any.
  ///   - overridden: the numbers of definitions that stand back behind others.
  ///   - knownNames: the names of the objects' global symbols, as ``Batch/knownNames`` has them.
  ///   - memory: told what was found out, chooses where the memory comes from.
  init(
    _ objects: [ObjectFile], _ traits: MachineTraits, options: RuntimeDyld.Options,
    after published: PublishedSymbols?, overridden: Set<Int> = [], knownNames: [[KnownName]] = [],
    in memory: (borrowing Synthesis) throws(LinkError) -> any MemoryManager
  ) throws(LinkError) {
    let resolution = try BatchResolver.resolve(
      Batch(objects, machine: traits.machine, knownNames: knownNames), traits, aliases: options.aliases,
      linksThreadLocals: options.linksThreadLocals, after: published, overridden: overridden,
      and: options.definedElsewhere)
    let pins = try options.pins(of: resolution)
    var scan = Scan(resolution, pins: pins.sections)
    try scan.run(for: traits.machine, file: objects.first?.name ?? "")
    let layout = try Layout(of: &scan.resolution, with: scan.synthesis)
    let manager = try memory(scan.synthesis)
    let allocation: Allocation
    do {
      allocation = try manager.allocate(layout.requests)
    } catch {
      throw LinkError(error)
    }
    machine = traits.machine
    hasInitializers = !layout.initializerSections.isEmpty || !layout.finalizerSections.isEmpty
    plan = LinkPlan(
      scan.resolution, scan.synthesis, layout, traits, at: allocation.segments, pins: pins,
      relaxes: options.relaxes)
    state = .writable(allocation)
  }

  /// Whether it has thread-local variables.
  var hasThreadLocals: Bool { plan.layout.hasThreadLocals }

  /// Lets a section be used at another address than its memory has.
  func move(_ change: (inout LinkPlan) -> Void) {
    change(&plan)
    plan.refreshThreadLocals()
    addressesAreStale = true
  }

  /// Puts another object of the same shape in the place of one. In place: there may be many objects.
  func replace(_ change: (inout Resolution) -> Void) {
    change(&plan.resolution)
    addressesAreStale = true
  }

  /// The address of a symbol of the batch, by its canonical number, where the sections are now.
  func address(ofSymbol number: Int) -> Address {
    refreshAddresses()
    return Address(rawValue: plan.resolution.symbols[number].address)
  }

  func refreshAddresses() {
    guard addressesAreStale else { return }
    plan.refreshSymbols()
    addressesAreStale = false
  }

  /// Copies and relocates all sections, as often as it is called.
  ///
  /// - Parameter missingResolver: the function that finds thread-local variables, if nobody has it.
  /// - Parameter skipped: the positions of objects that are left out, since they cannot be linked.
  func apply(
    externals: [ResolvedSymbol], missingResolver: Int?, skipping skipped: Set<Int> = []
  ) throws(LinkError) {
    self.skipped = skipped
    guard case .writable(let allocation) = exchange(.failed) else { throw Self.isGivenUp }
    let bindings = Bindings(
      externals: externals, missingResolver: missingResolver, isMoved: addressesAreStale)
    addressesAreStale = false
    var apply = Apply(self, bindings, to: allocation, skipping: skipped)
    do {
      try apply.run(for: machine, file: "")
    } catch {
      failedObject = apply.failedObject
      state = .writable(apply.allocation)
      throw error
    }
    state = .writable(apply.allocation)
  }

  /// As ``finalize()``; the unwinder knows the batch's frame descriptions from then on.
  package func finalizeRegisteringFrames() throws(LinkError) {
    registersFrames = true
    try finalize()
  }

  /// Brings about the final protections and resolves indirect functions.
  func finalize() throws(LinkError) {
    guard case .writable(let allocation) = exchange(.failed) else { throw Self.isGivenUp }
    let work = plan.finalizeWork(skipping: skipped, registersFrames: registersFrames)
    do {
      state = .finalized(try allocation.finalize(work))
    } catch {
      throw LinkError(error)
    }
  }

  private static var isGivenUp: LinkError {
    .wrongOrder("an earlier finalize failed and its memory is gone; link the objects with another linker")
  }

  var isFinalized: Bool {
    switch state {
    case .finalized: true
    case .writable: false
    case .failed: false
    }
  }

  /// Makes the unwinder forget the batch's frame descriptions.
  func deregisterFrames() {
    registersFrames = false
    switch exchange(.failed) {
    case .finalized(let allocation):
      allocation.deregisterFrames()
      state = .finalized(allocation)
    case .writable(let allocation): state = .writable(allocation)
    case .failed: break
    }
  }

  /// The memory, if it is finalized; the batch does not have it any more.
  func takeAllocation() -> FinalizedAllocation? {
    switch exchange(.failed) {
    case .finalized(let allocation): return allocation
    case .writable(let allocation):
      state = .writable(allocation)
      return nil
    case .failed: return nil
    }
  }

  /// What was written for an input section; `nil` once it cannot be read here any more.
  func contents(ofSection number: Int) -> [UInt8]? {
    let section = plan.resolution.sections[number]
    let start = plan.placement.kindOffsets[section.kind] + section.position
    return contents(section.kind, start..<start + section.byteCount)
  }

  /// What was written for a section that the linker made; `nil` once it cannot be read here any more.
  ///
  /// - Parameter group: which of the groups of stubs.
  func contents(of section: SyntheticSection, group: Int) -> [UInt8]? {
    let (kind, position, byteCount): (SegmentKind, Int, Int) =
      switch section {
      case .got: (.relocatedReadOnly, plan.layout.gotPosition, plan.synthesis.gotByteCount)
      case .stubs: (.text, plan.layout.stubPositions[group], plan.synthesis.stubGroups[group].byteCount)
      case .common:
        (.zero, plan.layout.commonPosition, plan.layout.byteCounts[.zero] - plan.layout.commonPosition)
      }
    let start = plan.placement.kindOffsets[kind] + position
    return contents(kind, start..<start + byteCount)
  }

  private func contents(_ kind: SegmentKind, _ range: Range<Int>) -> [UInt8]? {
    guard !isFinalized, case .writable(var allocation) = exchange(.failed) else { return nil }
    // Zeros need not have working memory.
    var contents = [UInt8](repeating: 0, count: range.count)
    if kind != .zero, kind != .largeZero {
      let memory = allocation.bytes
      contents = [UInt8](copying: memory.bytes.extracting(range))
    }
    state = .writable(allocation)
    return contents
  }

  /// Replaces what was written for an input section, as far as there are bytes; not once it is finalized.
  func store(_ bytes: [UInt8], inSection number: Int) {
    let section = plan.resolution.sections[number]
    let start = plan.placement.kindOffsets[section.kind] + section.position
    guard !isFinalized, case .writable(var allocation) = exchange(.failed) else { return }
    var memory = allocation.bytes
    var out = memory._mutatingExtracting(start..<start + section.byteCount)
    let count = min(bytes.count, section.byteCount)
    // As much as there is room for.
    try? out.store(contentsOf: RawSpan(_elements: bytes.span).extracting(0..<count), at: 0)
    state = .writable(allocation)
  }

  private func exchange(_ new: consuming State) -> State {
    var other = new
    swap(&state, &other)
    return other
  }
}
