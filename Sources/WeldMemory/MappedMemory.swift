internal import Glibc
public import WeldELF

/// Memory of this process, out of one reserved window of address space.
///
/// The window is reserved once and takes no memory. Allocations are packed into it, so that everything linked
/// into one window is in reach of everything else in it. Pages are readable and writable while they are
/// written, then what their segments ask for, and never writable and executable at once. An inaccessible page
/// lies on either side of every allocation.
///
/// What was given back is inaccessible, but for up to 64 small ranges, of 1 MiB at most: they are readable and writable, no longer
/// executable, until they are used again.
public final class MappedMemory: MemoryManager {
  /// Where in the address space a window lies.
  public enum Placement: Equatable, Sendable {
    /// As near to the C library as there is room, so that direct references to its data mostly reach.
    case nearProcess
    /// Below 2 GiB, where objects compiled without `-fPIC` and `-fPIE` expect to be.
    case low
    /// Wherever the system likes.
    case anywhere
    /// From this address on, a multiple of the page size; an error if something is there.
    case at(Address)
  }

  /// Bytes of address space in the window.
  public let windowByteCount: Int
  /// Where the window begins.
  public let windowStart: Address
  private let pool: PagePool
  private let instructionCache: InstructionCache

  /// Reserves a window.
  ///
  /// - Parameters:
  ///   - windowByteCount: bytes of address space, rounded up to whole pages; by default 1 GiB.
  ///   - placement: where it lies.
  ///   - instructionCache: what is told of code that was written, before it can run.
  public init(
    windowByteCount: Int = 1 << 30, placement: Placement = .nearProcess,
    instructionCache: InstructionCache = .host
  ) throws(MemoryError) {
    self.instructionCache = instructionCache
    let window = try Window(byteCount: windowByteCount, placement: placement)
    pool = PagePool(window)
    self.windowByteCount = window.byteCount
    windowStart = window.start
  }

  public var machine: Machine? { .host }

  /// All of the address space.
  var window: Window { pool.window }

  public func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation {
    let pageSize = SystemMemory.pageSize
    let layout = try SegmentLayout(of: segments, pageSize: pageSize)
    let isHuge = layout.byteCount >= SystemMemory.hugePageSize
    let byteCount = isHuge ? Self.roundedToHugePages(layout.byteCount) : layout.byteCount
    let (start, isWritable) = try pool.take(
      byteCount: byteCount,
      alignment: isHuge ? max(layout.alignment, SystemMemory.hugePageSize) : layout.alignment)
    let backing = MappedAllocation(
      pool: pool, start: start, byteCount: byteCount, segments: segments, layout: layout,
      instructionCache: instructionCache)
    let working = try unsafe backing.makeWritable(isWritable: isWritable)
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
}

extension MappedMemory {
  /// `byteCount` rounded up to whole huge pages, if that wastes little: then the last one is huge, too.
  private static func roundedToHugePages(_ byteCount: Int) -> Int {
    guard let rounded = byteCount.roundedUp(to: SystemMemory.hugePageSize),
      rounded - byteCount <= byteCount / 8
    else { return byteCount }
    return rounded
  }
}

/// The pages of one allocation of a ``MappedMemory``.
private final class MappedAllocation: AllocationBacking {
  private let pool: PagePool
  private let start: Int
  /// Bytes from `start` on; whole pages, and perhaps more of them than the layout needs.
  private let byteCount: Int
  private let segments: [SegmentRequest]
  private let layout: SegmentLayout
  private let instructionCache: InstructionCache
  private let work = LocalWork()

  init(
    pool: PagePool, start: Int, byteCount: Int, segments: [SegmentRequest], layout: SegmentLayout,
    instructionCache: InstructionCache
  ) {
    self.instructionCache = instructionCache
    self.pool = pool
    self.start = start
    self.byteCount = byteCount
    self.segments = segments
    self.layout = layout
  }

  deinit {
    work.undo()
    pool.giveBack(start: start, byteCount: byteCount)
  }

  /// Makes all pages readable and writable, unless they are.
  func makeWritable(isWritable: Bool) throws(MemoryError) -> UnsafeMutableRawBufferPointer {
    guard layout.byteCount > 0 else { return unsafe UnsafeMutableRawBufferPointer(start: nil, count: 0) }
    // The range belongs to this allocation alone until it is given back.
    let pages = unsafe UnsafeMutableRawPointer(bitPattern: start)
    if isWritable { return unsafe UnsafeMutableRawBufferPointer(start: pages, count: layout.byteCount) }
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
      for function in work.indirectFunctions { LocalWork.resolve(function) { $0 } }
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
