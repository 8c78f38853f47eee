internal import WeldMemory

/// Where everything lies in memory, beside ``InputSection/address``: what is known once memory is allocated.
struct Placement: ~Copyable, Sendable {
  /// The address of each kind of segment.
  private(set) var kindAddresses = PerSegmentKind<UInt64>(repeating: 0)
  /// Where each kind's bytes are in the working memory, in bytes.
  private(set) var kindOffsets = PerSegmentKind(repeating: 0)
  /// Where the GOT begins.
  var gotAddress: UInt64
  /// Bytes from there to its base.
  private let gotBias: UInt64
  /// Where the base was pinned.
  private let pinnedGOTBase: UInt64?
  /// Where each group of stubs begins.
  var stubAddresses: [UInt64] = []
  /// Where the common symbols of kind ``SegmentKind/zero`` begin.
  var commonAddress: UInt64

  /// Takes the addresses that the memory manager chose, and those of `pins` for sections that do not follow
  /// the others.
  init(
    of resolution: inout Resolution, _ layout: borrowing Layout, _ synthesis: borrowing Synthesis,
    _ traits: MachineTraits, at placements: [Allocation.Placement], pins: borrowing Pins
  ) {
    var position = 0
    // What takes no room lies at the end of what precedes it, in reach of the rest of the batch.
    var end = placements.first?.address.rawValue ?? 0
    for segment in Segment.all {
      guard !layout.isEmpty(segment) else {
        kindAddresses[segment.contents] = end
        if let zeros = segment.zeros { kindAddresses[zeros] = end }
        continue
      }
      let start = placements[position].address.rawValue
      let workingOffset = placements[position].workingOffset
      position += 1
      kindAddresses[segment.contents] = start
      kindOffsets[segment.contents] = workingOffset
      end = start &+ UInt64(layout.byteCounts[segment.contents])
      guard let zeros = segment.zeros else { continue }
      let offset = layout.offset(of: zeros)
      kindAddresses[zeros] = start &+ UInt64(offset)
      kindOffsets[zeros] = workingOffset + offset
      end = start &+ UInt64(offset + layout.byteCounts[zeros])
    }
    for number in resolution.sections.indices {
      let kind = resolution.sections[number].kind
      guard kind != .notLoaded else { continue }
      resolution.sections[number].address =
        kindAddresses[kind] &+ UInt64(resolution.sections[number].position)
    }
    for (number, address) in pins.sections { resolution.sections[number].address = address }
    gotAddress = kindAddresses[.relocatedReadOnly] &+ UInt64(layout.gotPosition)
    gotBias = traits.gotBias
    pinnedGOTBase = pins.gotBase
    commonAddress = kindAddresses[.zero] &+ UInt64(layout.commonPosition)
    if let address = pins.synthetic[.got] { gotAddress = address }
    if let address = pins.synthetic[.common] { commonAddress = address }
    for group in synthesis.stubGroups.indices {
      stubAddresses.append(kindAddresses[.text] &+ UInt64(layout.stubPositions[group]))
      let stubs = synthesis.stubGroups[group]
      guard let address = pins.sections[stubs.lastSection] else { continue }
      let alignment = UInt64(stubs.alignment)
      let end = address &+ UInt64(resolution.sections[stubs.lastSection].byteCount)
      stubAddresses[group] = (end &+ alignment &- 1) & ~(alignment &- 1)
    }
    if let address = pins.synthetic[.stubs], !stubAddresses.isEmpty { stubAddresses[0] = address }
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

  /// Where a stub is.
  func address(of stub: Synthesis.Stub) -> UInt64 { stubAddresses[stub.group] &+ UInt64(stub.offset) }

  /// Where a slot is.
  func address(of slot: Synthesis.Slot) -> UInt64 { gotAddress &+ UInt64(slot.offset) }
}

extension Resolution {
  /// The addresses at which a block begins and ends.
  func bounds(of block: Layout.Block) -> (start: UInt64, end: UInt64) {
    (sections[block.first].address, sections[block.last].address &+ UInt64(sections[block.last].byteCount))
  }
}
