internal import Glibc
internal import Synchronization

extension SharedPages {
  /// Makes room for `segments`; `nil` if they are too large for shared pages, or of a kind that none are shared for, or if
  /// ``take(_:)`` has no room.
  func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation? {
    guard var layout = SharedLayout(of: segments, in: self), let share = take(layout.needs) else {
      return nil
    }
    layout.place(in: share.blocks, segments)
    let backing = try SharedAllocation(self, share, segments, layout)
    // The buffer is the allocation's own until it is finalized, when the allocation is used up.
    let working = unsafe UnsafeMutableRawBufferPointer(start: backing.working, count: layout.workingByteCount)
    return unsafe Allocation(segments: layout.placements, working: working, backing: backing)
  }
}

/// Where segments lie that share pages with others: those of a kind one after another, in order, in a block; while they are
/// written, the blocks one after another.
private struct SharedLayout {
  /// By kind.
  var needs: [3 of SharedPages.Need] = .init(repeating: SharedPages.Need())
  /// Where each block is while it is written, in bytes; by kind.
  private(set) var workingOffsets: [3 of Int] = [0, 0, 0]
  /// Bytes in all, while they are written.
  private(set) var workingByteCount = 0
  /// Relative to their blocks before they are placed.
  private(set) var placements: [Allocation.Placement] = []

  /// Fails if the segments are too large, or of a kind that no pages are shared for.
  init?(of segments: [SegmentRequest], in pages: SharedPages) {
    placements.reserveCapacity(segments.count)
    for segment in segments {
      guard let kind = SharedPages.Kind(segment.protection), segment.byteCount <= pages.byteLimit,
        segment.alignment <= pages.pageSize
      else { return nil }
      let mask = max(segment.alignment, 1) - 1
      let position = (needs[kind.rawValue].byteCount + mask) & ~mask
      // A segment without bytes has an address of its own, too.
      needs[kind.rawValue].byteCount = position + max(segment.byteCount, 1)
      needs[kind.rawValue].alignment = max(needs[kind.rawValue].alignment, segment.alignment)
      guard needs[kind.rawValue].byteCount <= pages.byteLimit else { return nil }
      placements.append(
        Allocation.Placement(
          address: Address(rawValue: UInt64(position)), workingOffset: position,
          workingByteCount: segment.byteCount))
    }
    for number in needs.indices {
      let granule = SharedArena.granule
      needs[number].byteCount = (needs[number].byteCount + granule - 1) & ~(granule - 1)
      workingOffsets[number] = workingByteCount
      workingByteCount += needs[number].byteCount
    }
    guard workingByteCount <= pages.byteLimit else { return nil }
  }

  /// Places the segments, those that the layout is of.
  mutating func place(in blocks: SharedPages.Blocks, _ segments: [SegmentRequest]) {
    for index in segments.indices {
      guard let kind = SharedPages.Kind(segments[index].protection) else { continue }
      let start = blocks[kind.rawValue].upperBound - needs[kind.rawValue].byteCount
      placements[index].address = placements[index].address.advanced(by: UInt64(start))
      placements[index].workingOffset += workingOffsets[kind.rawValue]
    }
  }
}

/// One allocation in shared pages.
private final class SharedAllocation: AllocationBacking {
  private let pages: SharedPages
  private let share: SharedPages.Share
  private let segments: [SegmentRequest]
  private let layout: SharedLayout
  private let work = LocalWork()
  /// The address of the bytes while they are written, in memory of the C library's; 0 once they are in their place.
  private let buffer: Atomic<Int>

  init(
    _ pages: SharedPages, _ share: SharedPages.Share, _ segments: [SegmentRequest], _ layout: SharedLayout
  ) throws(MemoryError) {
    self.pages = pages
    self.share = share
    self.segments = segments
    self.layout = layout
    // Not `calloc`, which is slower for few bytes.
    let bytes = unsafe malloc(max(layout.workingByteCount, 1))
    buffer = Atomic(Int(bitPattern: bytes))
    guard let bytes = unsafe bytes else { throw .system(call: "malloc", errno: errno) }
    unsafe memset(bytes, 0, layout.workingByteCount)
  }

  deinit {
    work.undo()
    // Nobody uses an allocation any more whose backing goes.
    unsafe free(takeBuffer())
    pages.giveBack(share)
  }

  /// Where the bytes are written; valid until ``finalize(_:)``.
  var working: UnsafeMutableRawPointer? {
    unsafe UnsafeMutableRawPointer(bitPattern: buffer.load(ordering: .relaxed))
  }

  private func takeBuffer() -> UnsafeMutableRawPointer? {
    unsafe UnsafeMutableRawPointer(bitPattern: buffer.exchange(0, ordering: .acquiringAndReleasing))
  }

  func finalize(_ work: FinalizeWork) throws(MemoryError) {
    guard !share.isInherited else { throw .inheritedWindow }
    if let bytes = unsafe takeBuffer() {
      defer { unsafe free(bytes) }
      unsafe writeBlocks(from: bytes)
    }
    for (segment, placement) in zip(segments, layout.placements) where segment.protection.contains(.execute) {
      pages.instructionCache.synchronize(at: placement.address, byteCount: segment.contentByteCount)
    }
    for function in work.indirectFunctions { resolve(function) }
    try self.work.perform(work)
  }

  /// Puts all bytes into their places, zeros included: whoever had these before left something.
  private func writeBlocks(from bytes: UnsafeMutableRawPointer) {
    for number in share.blocks.indices where !share.blocks[number].isEmpty {
      let byteCount = layout.needs[number].byteCount
      // Blocks end with their bytes, the buffer has all of them, and nobody else writes to the block.
      let place = share.writableAddress(
        of: share.blocks[number].upperBound - byteCount, SharedPages.Kind.all[number])
      unsafe UnsafeMutableRawPointer(bitPattern: place)?.copyMemory(
        from: bytes + layout.workingOffsets[number], byteCount: byteCount)
    }
  }

  private func resolve(_ function: FinalizeWork.IndirectFunction) {
    var slot = Int(truncatingIfNeeded: function.slot.rawValue)
    for number in share.blocks.indices where share.blocks[number].contains(slot) {
      slot = share.writableAddress(of: slot, SharedPages.Kind.all[number])
      break
    }
    LocalWork.store(LocalWork.resolve(function), in: Address(rawValue: UInt64(slot)))
  }

  func deregisterFrames() { work.deregisterFrames() }
}
