internal import WeldMemory

/// Where everything lies in memory: the result of the fourth stage.
struct Placement: Sendable {
  /// The address of each section; 0 for those that are not part of memory.
  var sectionAddresses: [UInt64]
  /// The address of each kind of segment, by `SegmentKind.rawValue`.
  var kindAddresses: [UInt64]
  /// Where each kind's bytes are in the working memory, in bytes.
  var kindOffsets: [Int]
  /// Where the GOT begins.
  var gotAddress: UInt64
  /// Where the stubs begin.
  var stubAddress: UInt64
  /// Where the common symbols of kind ``SegmentKind/zero`` begin.
  var commonAddress: UInt64

  /// Takes the addresses that the memory manager chose.
  init(of layout: Layout, at placements: [Allocation.Placement]) {
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
    gotAddress = kindAddresses[Int(SegmentKind.relocatedReadOnly.rawValue)] &+ UInt64(layout.gotPosition)
    stubAddress = kindAddresses[Int(SegmentKind.text.rawValue)] &+ UInt64(layout.stubPosition)
    commonAddress = kindAddresses[Int(SegmentKind.zero.rawValue)] &+ UInt64(layout.commonPosition)
  }

  /// The addresses at which a block begins and ends.
  func bounds(of block: Layout.Block, _ layout: Layout) -> (start: UInt64, end: UInt64) {
    (
      sectionAddresses[block.first],
      sectionAddresses[block.last] &+ UInt64(layout.sections[block.last].byteCount)
    )
  }
}
