internal import Glibc

/// Memory out of one window: small allocations share pages if they can, others have pages of their own.
struct WindowMemory: Sendable {
  let window: Window
  /// `nil` if nothing is to share pages.
  private let shared: SharedPages?
  private let instructionCache: InstructionCache

  init(_ window: Window, sharing shared: SharedPages?, instructionCache: InstructionCache) {
    self.window = window
    self.shared = shared
    self.instructionCache = instructionCache
  }

  func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation {
    if let allocation = try shared?.allocate(segments) { return allocation }
    do throws(MemoryError) {
      return try allocatePages(segments)
    } catch .windowFull {
      shared?.giveBackUnused()
      return try allocatePages(segments)
    }
  }
}

// MARK: - Pages that are not shared

extension WindowMemory {
  /// Makes room in pages that nobody else has, an inaccessible one on either side: writable until they are finalized.
  private func allocatePages(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation {
    let layout = try SegmentLayout(of: segments, pageSize: SystemMemory.pageSize)
    let isHuge = layout.byteCount >= SystemMemory.hugePageSize
    let byteCount = isHuge ? Self.roundedToHugePages(layout.byteCount) : layout.byteCount
    let start = try window.take(
      byteCount: byteCount,
      alignment: isHuge ? max(layout.alignment, SystemMemory.hugePageSize) : layout.alignment)
    let backing = OwnAllocation(
      window: window, start: start, byteCount: byteCount, segments: segments, layout: layout,
      instructionCache: instructionCache)
    let working = try unsafe backing.makeWritable()
    var placements: [Allocation.Placement] = []
    placements.reserveCapacity(segments.count)
    for (segment, offset) in zip(segments, layout.offsets) {
      placements.append(
        Allocation.Placement(
          address: Address(rawValue: UInt64(start + offset)), workingOffset: offset,
          workingByteCount: segment.byteCount))
    }
    // `backing` keeps the range, and gives it back when it goes.
    return unsafe Allocation(segments: placements, working: working, backing: backing)
  }

  /// `byteCount` rounded up to whole huge pages, if that wastes little: then the last one is huge, too.
  private static func roundedToHugePages(_ byteCount: Int) -> Int {
    guard let rounded = byteCount.roundedUp(to: SystemMemory.hugePageSize),
      rounded - byteCount <= byteCount / 8
    else { return byteCount }
    return rounded
  }
}

/// The pages of one allocation that shares none.
private final class OwnAllocation: AllocationBacking {
  private let window: Window
  private let start: Int
  /// Bytes from `start` on; whole pages, and perhaps more of them than the layout needs.
  private let byteCount: Int
  private let segments: [SegmentRequest]
  private let layout: SegmentLayout
  private let instructionCache: InstructionCache
  private let work = LocalWork()

  init(
    window: Window, start: Int, byteCount: Int, segments: [SegmentRequest], layout: SegmentLayout,
    instructionCache: InstructionCache
  ) {
    self.instructionCache = instructionCache
    self.window = window
    self.start = start
    self.byteCount = byteCount
    self.segments = segments
    self.layout = layout
  }

  deinit {
    work.undo()
    window.giveBack(start: start, byteCount: byteCount)
  }

  /// Makes all pages readable and writable.
  func makeWritable() throws(MemoryError) -> UnsafeMutableRawBufferPointer {
    guard layout.byteCount > 0 else { return unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0) }
    // The range belongs to this allocation alone until it is given back.
    let pages = unsafe UnsafeMutableRawPointer(bitPattern: start)
    try protect(0..<byteCount, [.read, .write])
    // Pages that are about to be written come cheaper in one call than by a fault each. An older kernel
    // refuses the advice, which costs nothing but the faults.
    if let lastContent = segments.lastIndex(where: { $0.contentByteCount > 0 }) {
      let contentByteCount = layout.offsets[lastContent] + segments[lastContent].contentByteCount
      if byteCount >= SystemMemory.hugePageSize { _ = unsafe madvise(pages, byteCount, MADV_HUGEPAGE) }
      let populateForWriting: Int32 = 23
      // What is larger than any program is mostly zeros, which are better left alone.
      _ = unsafe madvise(pages, min(contentByteCount, 1 << 30), populateForWriting)
    }
    return unsafe UnsafeMutableRawBufferPointer(start: pages, count: layout.byteCount)
  }

  func finalize(_ work: FinalizeWork) throws(MemoryError) {
    for (segment, offset) in zip(segments, layout.offsets) where segment.protection.contains(.execute) {
      instructionCache.synchronize(
        at: Address(rawValue: UInt64(start + offset)), byteCount: segment.contentByteCount)
    }
    // What only rounds up to a huge page guards the end.
    if layout.byteCount < byteCount { try protect(layout.byteCount..<byteCount, []) }
    if work.indirectFunctions.isEmpty {
      try protectSegments { _ in true }
    } else {
      try protectSegments { $0.contains(.execute) }
      for function in work.indirectFunctions {
        LocalWork.store(LocalWork.resolve(function), in: function.slot)
      }
      try protectSegments { !$0.contains(.execute) }
    }
    try self.work.perform(work)
  }

  /// Gives the segments that `wanted` selects their protections, neighbours of the same protection in one
  /// call.
  private func protectSegments(where wanted: (Protection) -> Bool) throws(MemoryError) {
    let pageSize = SystemMemory.pageSize
    var pending: (range: Range<Int>, protection: Protection)?
    for (segment, offset) in zip(segments, layout.offsets) where segment.byteCount > 0 {
      guard wanted(segment.protection), segment.protection != [.read, .write] else { continue }
      let end = (offset + segment.byteCount + pageSize - 1) & ~(pageSize - 1)
      if let previous = pending, previous.protection == segment.protection,
        previous.range.upperBound == offset
      {
        pending = (previous.range.lowerBound..<end, segment.protection)
        continue
      }
      if let previous = pending { try protect(previous.range, previous.protection) }
      pending = (offset..<end, segment.protection)
    }
    if let pending { try protect(pending.range, pending.protection) }
  }

  private func protect(_ range: Range<Int>, _ protection: Protection) throws(MemoryError) {
    var flags = PROT_NONE
    if protection.contains(.read) { flags |= PROT_READ }
    if protection.contains(.write) { flags |= PROT_WRITE }
    if protection.contains(.execute) { flags |= PROT_EXEC }
    // Whole pages of this allocation.
    let address = unsafe UnsafeMutableRawPointer(bitPattern: start + range.lowerBound)
    guard unsafe mprotect(address, range.count, flags) == 0 else {
      throw .system(call: "mprotect", errno: errno)
    }
  }

  func deregisterFrames() { work.deregisterFrames() }
}
