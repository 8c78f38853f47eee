internal import WeldMemory

/// Where everything lies in memory: what is known once memory is allocated.
struct Placement: Sendable {
  /// The address of each section; 0 for those that are not part of memory.
  var sectionAddresses: [UInt64]
  /// The address of each kind of segment, by `SegmentKind.rawValue`.
  var kindAddresses: [UInt64]
  /// Where each kind's bytes are in the working memory, in bytes.
  var kindOffsets: [Int]
  /// Where the GOT begins.
  var gotAddress: UInt64
  /// Bytes from there to its base.
  private let gotBias: UInt64
  /// Where the base was pinned.
  private let pinnedGOTBase: UInt64?
  /// Where each group of stubs begins.
  var stubAddresses: [UInt64]
  /// Where the common symbols of kind ``SegmentKind/zero`` begin.
  var commonAddress: UInt64

  /// Takes the addresses that the memory manager chose, and those of `pins` for sections that do not follow
  /// the others.
  init(
    of layout: Layout, _ synthesis: Synthesis, _ traits: MachineTraits, at placements: [Allocation.Placement],
    pins: Pins
  ) {
    let count = SegmentKind.allCases.count
    kindAddresses = [UInt64](repeating: 0, count: count)
    kindOffsets = [Int](repeating: 0, count: count)
    var placed: Set<SegmentKind> = []
    for (segment, placement) in zip(layout.segments, placements) {
      for kind in segment.kinds {
        placed.insert(kind)
        let offset = layout.offset(of: kind)
        kindAddresses[Int(kind.rawValue)] = placement.address.rawValue &+ UInt64(offset)
        kindOffsets[Int(kind.rawValue)] = placement.workingOffset + offset
      }
    }
    // What takes no room lies at the end of what precedes it, in reach of the rest of the batch.
    var end = placements.first?.address.rawValue ?? 0
    for kind in SegmentKind.allCases where kind != .notLoaded {
      if !placed.contains(kind) { kindAddresses[Int(kind.rawValue)] = end }
      end = kindAddresses[Int(kind.rawValue)] &+ UInt64(layout.byteCounts[Int(kind.rawValue)])
    }
    sectionAddresses = [UInt64](repeating: 0, count: layout.sections.count)
    for (number, section) in layout.sections.enumerated() where section.kind != .notLoaded {
      sectionAddresses[number] = kindAddresses[Int(section.kind.rawValue)] &+ UInt64(layout.positions[number])
    }
    for (number, address) in pins.sections { sectionAddresses[number] = address }
    gotAddress =
      pins.synthetic[.got] ?? kindAddresses[Int(SegmentKind.relocatedReadOnly.rawValue)]
      &+ UInt64(layout.gotPosition)
    gotBias = traits.gotBias
    pinnedGOTBase = pins.gotBase
    let text = kindAddresses[Int(SegmentKind.text.rawValue)]
    stubAddresses = layout.stubPositions.map { text &+ UInt64($0) }
    for (group, stubs) in synthesis.stubGroups.enumerated() {
      guard let address = pins.sections[stubs.lastSection] else { continue }
      let alignment = UInt64(stubs.alignment)
      let end = address &+ UInt64(layout.sections[stubs.lastSection].byteCount)
      stubAddresses[group] = (end &+ alignment &- 1) & ~(alignment &- 1)
    }
    if let address = pins.synthetic[.stubs] { stubAddresses[0] = address }
    commonAddress =
      pins.synthetic[.common]
      ?? kindAddresses[Int(SegmentKind.zero.rawValue)] &+ UInt64(layout.commonPosition)
  }

  /// Addresses that are given.
  struct Pins: Sendable {
    /// By the numbers of sections.
    var sections: [Int: UInt64] = [:]
    var synthetic: [SyntheticSection: UInt64] = [:]
    /// What formulas call `GOT`.
    var gotBase: UInt64?
  }

  /// What formulas call `GOT`: near the start of the GOT, or where it was pinned.
  var gotBase: UInt64 { pinnedGOTBase ?? gotAddress &+ gotBias }

  /// The addresses at which a block begins and ends.
  func bounds(of block: Layout.Block, _ layout: Layout) -> (start: UInt64, end: UInt64) {
    (
      sectionAddresses[block.first],
      sectionAddresses[block.last] &+ UInt64(layout.sections[block.last].byteCount)
    )
  }

  /// Where a stub is.
  func address(of stub: Synthesis.Stub) -> UInt64 { stubAddresses[stub.group] &+ UInt64(stub.offset) }

  /// Where a slot is.
  func address(of slot: Synthesis.Slot) -> UInt64 { gotAddress &+ UInt64(slot.offset) }
}
