internal import Glibc
internal import Synchronization

extension SharedPages {
  /// Makes room for `segments`; `nil` if they are too large for shared pages, or of a kind that none are shared for, or if
  /// ``take(_:)`` has no room.
  func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation? {
    guard let layout = SharedLayout(of: segments, in: self), let share = take(layout.needs) else {
      return nil
    }
    let backing = try SharedAllocation(self, share, layout)
    // The buffer is the allocation's own until it is finalized, when the allocation is used up.
    let working = unsafe UnsafeMutableRawBufferPointer(start: backing.working, count: layout.workingByteCount)
    return unsafe Allocation(
      segments: layout.placements(of: segments, in: share.blocks), working: working, backing: backing)
  }
}

/// Where segments lie that share pages with others: those of a kind one after another, in order, in a block; while they are
/// written, the blocks one after another.
private struct SharedLayout {
  /// By kind.
  private(set) var needs: [3 of SharedPages.Need] = .init(repeating: SharedPages.Need())
  /// Where each block is while it is written, in bytes; by kind.
  private(set) var workingOffsets: [3 of Int] = [0, 0, 0]
  /// Bytes of code, those between its segments included.
  private(set) var codeByteCount = 0
  /// Bytes in all, while they are written.
  private(set) var workingByteCount = 0

  /// Fails if the segments are too large, or of a kind that no pages are shared for.
  init?(of segments: [SegmentRequest], in pages: SharedPages) {
    for segment in segments {
      guard let kind = SharedPages.Kind(segment.protection), segment.byteCount <= pages.byteLimit,
        segment.alignment <= pages.pageSize
      else { return nil }
      needs[kind.rawValue].byteCount = Self.end(of: segment, after: needs[kind.rawValue].byteCount)
      needs[kind.rawValue].alignment = max(needs[kind.rawValue].alignment, segment.alignment)
      guard needs[kind.rawValue].byteCount <= pages.byteLimit else { return nil }
    }
    codeByteCount = needs[SharedPages.Kind.code.rawValue].byteCount
    for number in needs.indices {
      let granule = SharedArena.granule
      needs[number].byteCount = (needs[number].byteCount + granule - 1) & ~(granule - 1)
      workingOffsets[number] = workingByteCount
      workingByteCount += needs[number].byteCount
    }
    guard workingByteCount <= pages.byteLimit else { return nil }
  }

  /// Where a segment begins in its block, of which those before it take `byteCount` bytes.
  private static func start(of segment: SegmentRequest, after byteCount: Int) -> Int {
    let mask = max(segment.alignment, 1) - 1
    return (byteCount + mask) & ~mask
  }

  private static func end(of segment: SegmentRequest, after byteCount: Int) -> Int {
    // A segment without bytes has an address of its own, too.
    start(of: segment, after: byteCount) + max(segment.byteCount, 1)
  }

  /// Where the segments are, those that the layout is of.
  func placements(of segments: [SegmentRequest], in blocks: SharedPages.Blocks) -> [Allocation.Placement] {
    var placements: [Allocation.Placement] = []
    placements.reserveCapacity(segments.count)
    var ends: [3 of Int] = [0, 0, 0]
    for segment in segments {
      guard let kind = SharedPages.Kind(segment.protection)?.rawValue else { continue }
      let position = Self.start(of: segment, after: ends[kind])
      ends[kind] = Self.end(of: segment, after: ends[kind])
      let start = blocks[kind].upperBound - needs[kind].byteCount
      placements.append(
        Allocation.Placement(
          address: Address(rawValue: UInt64(start + position)),
          workingOffset: workingOffsets[kind] + position,
          workingByteCount: segment.byteCount))
    }
    return placements
  }
}

/// One allocation in shared pages.
private final class SharedAllocation: AllocationBacking {
  private let pages: SharedPages
  private let share: SharedPages.Share
  private let layout: SharedLayout
  private let work = LocalWork()
  /// The address of the bytes while they are written, in memory of the C library's; 0 once they are in their place.
  private let buffer: Atomic<Int>

  init(
    _ pages: SharedPages, _ share: SharedPages.Share, _ layout: SharedLayout
  ) throws(MemoryError) {
    self.pages = pages
    self.share = share
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
    if layout.codeByteCount > 0 {
      pages.instructionCache.synchronize(
        at: Address(rawValue: UInt64(range(of: .code).lowerBound)), byteCount: layout.codeByteCount)
    }
    for function in work.indirectFunctions { resolve(function) }
    try self.work.perform(work)
  }

  /// The bytes of a block that were asked for: the last ones.
  private func range(of kind: SharedPages.Kind) -> Range<Int> {
    let end = share.blocks[kind.rawValue].upperBound
    return end - layout.needs[kind.rawValue].byteCount..<end
  }

  /// Puts all bytes into their places, zeros included: whoever had these before left something.
  private func writeBlocks(from bytes: UnsafeMutableRawPointer) {
    for number in share.blocks.indices where !share.blocks[number].isEmpty {
      let kind = SharedPages.Kind.all[number]
      let block = range(of: kind)
      // The buffer has all of its bytes, and nobody else writes to the block.
      let place = share.writableAddress(of: block.lowerBound, kind)
      unsafe UnsafeMutableRawPointer(bitPattern: place)?.copyMemory(
        from: bytes + layout.workingOffsets[number], byteCount: block.count)
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
