internal import Glibc
internal import Synchronization
public import WeldELF

/// Memory of this process whose pages are mapped twice: written in one place, executed and read in another.
///
/// For many small links. Allocations share pages, and neither allocating nor finalizing nor giving back changes a mapping,
/// so that a small object costs no system call and no page of its own; with ``MappedMemory`` it costs several of
/// both. As there, nothing is ever writable and executable at the same address, everything linked into one window is in
/// reach of everything else in it, and memory is zero until it is written.
///
/// What it takes in exchange:
/// - Between allocations lie no inaccessible pages, only around groups of them. What was given back stays accessible for a
///   while, and its code executable.
/// - Code and constants are shared with children of the process, which go on executing what was linked. What this process
///   removes, and the pages of it that it uses again, they lose, too. So a host must not remove code that a child still needs.
///   Variables are private to each process, as usual.
/// - A child cannot link into the window: it gets ``MemoryError/inheritedWindow``, and makes a window of its own. What it removes
///   stays where it is.
/// - Up to 0.5 MiB of what was given back, and as much of free code, constants and variables each, is kept for what comes next. The
///   rest goes back to the system.
/// - Bytes are written to a buffer, and copied when they are finalized. Batches of more than 64 KiB, and those that are
///   aligned to more than a page, would gain nothing and get pages of their own, as in ``MappedMemory``: writable, then executable.
///
/// The system must provide files in memory that can be executed (`memfd_create`).
public final class DualMappedMemory: MemoryManager {
  /// Bytes of address space in the window. As much again is reserved elsewhere, where the memory is written.
  public let windowByteCount: Int
  /// Where the window begins.
  public let windowStart: Address
  private let shared: SharedPages
  /// For what is large.
  private let pages: MappedMemory

  /// Reserves a window.
  ///
  /// - Parameters:
  ///   - windowByteCount: bytes of address space, rounded up to whole pages; by default 1 GiB.
  ///   - placement: where it lies.
  ///   - instructionCache: what is told of code that was written, before it can run.
  /// - Throws: ``MemoryError/noPlaceForWindow(byteCount:placement:)``; ``MemoryError/windowFull(needed:largestFree:window:)`` if
  ///   it is smaller than six pages; ``MemoryError/system(call:errno:)`` if the system refuses memory that can be executed
  ///   (`vm.memfd_noexec` is 2, for instance), with the call that failed.
  public convenience init(
    windowByteCount: Int = 1 << 30, placement: MappedMemory.Placement = .nearProcess,
    instructionCache: InstructionCache = .host
  ) throws(MemoryError) {
    try self.init(
      windowByteCount: windowByteCount, placement: placement, instructionCache: instructionCache,
      synchronization: CoreSynchronization())
  }

  init(
    windowByteCount: Int, placement: MappedMemory.Placement = .nearProcess,
    instructionCache: InstructionCache = .host, synchronization: CoreSynchronization
  ) throws(MemoryError) {
    pages = try MappedMemory(
      windowByteCount: windowByteCount, placement: placement, instructionCache: instructionCache)
    shared = try SharedPages(
      in: pages.window, instructionCache: instructionCache, synchronization: synchronization)
    self.windowByteCount = pages.windowByteCount
    windowStart = pages.windowStart
  }

  public var machine: Machine? { .host }

  /// Makes room for `segments`.
  ///
  /// - Throws: ``MemoryError/windowFull(needed:largestFree:window:)``, ``MemoryError/tooLarge``,
  ///   ``MemoryError/inheritedWindow`` in a forked child, or what the system says.
  public func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation {
    guard !shared.isInherited else { throw .inheritedWindow }
    guard
      let layout = SharedLayout(of: segments, byteLimit: shared.byteLimit, alignmentLimit: shared.pageSize),
      let blocks = try shared.take(layout.needs)
    else { return try pages.allocate(segments) }
    let placements = layout.placements(of: segments, in: blocks)
    let backing = try SharedAllocation(
      shared, blocks, segments, placements, workingByteCount: layout.workingByteCount)
    // The buffer is the allocation's own until it is finalized, when the allocation is used up.
    let working = unsafe UnsafeMutableRawBufferPointer(start: backing.working, count: layout.workingByteCount)
    return unsafe Allocation(segments: placements, working: working, backing: backing)
  }
}

/// Where segments lie that share pages with others: those of a kind one after another, in order.
private struct SharedLayout {
  /// By kind.
  var needs: [3 of SharedPages.Need] = .init(repeating: SharedPages.Need())
  /// Bytes in all, while they are written.
  var workingByteCount = 0

  /// Fails if the segments are too large, or of a kind that no pages are shared for.
  init?(of segments: [SegmentRequest], byteLimit: Int, alignmentLimit: Int) {
    for segment in segments {
      guard let kind = SharedPages.Kind(segment.protection), segment.byteCount <= byteLimit,
        segment.alignment <= alignmentLimit
      else { return nil }
      _ = place(segment, kind)
      guard workingByteCount <= byteLimit else { return nil }
    }
    for number in needs.indices {
      let granule = SharedArena.granule
      needs[number].byteCount = (needs[number].byteCount + granule - 1) & ~(granule - 1)
    }
  }

  /// Adds a segment; returns where it lies in its block and in the working memory, in bytes.
  private mutating func place(_ segment: SegmentRequest, _ kind: SharedPages.Kind) -> (
    block: Int, working: Int
  ) {
    let mask = max(segment.alignment, 1) - 1
    let position = (needs[kind.rawValue].byteCount + mask) & ~mask
    let working = (workingByteCount + 15) & ~15
    // A segment without bytes has an address of its own, too.
    needs[kind.rawValue].byteCount = position + max(segment.byteCount, 1)
    needs[kind.rawValue].alignment = max(needs[kind.rawValue].alignment, segment.alignment)
    workingByteCount = working + segment.byteCount
    return (position, working)
  }

  /// Where each segment is.
  func placements(of segments: [SegmentRequest], in blocks: SharedPages.Blocks) -> [Allocation.Placement] {
    var again = SharedLayout()
    var placements: [Allocation.Placement] = []
    placements.reserveCapacity(segments.count)
    for segment in segments {
      guard let kind = SharedPages.Kind(segment.protection) else { continue }
      let start = blocks[kind.rawValue].upperBound - needs[kind.rawValue].byteCount
      let position = again.place(segment, kind)
      placements.append(
        Allocation.Placement(
          address: Address(rawValue: UInt64(start + position.block)), workingOffset: position.working,
          workingByteCount: segment.byteCount))
    }
    return placements
  }

  private init() {}
}

/// One small allocation of a ``DualMappedMemory``.
private final class SharedAllocation: AllocationBacking {
  private let shared: SharedPages
  private let blocks: SharedPages.Blocks
  private let segments: [SegmentRequest]
  private let placements: [Allocation.Placement]
  private let work = LocalWork()
  /// The address of the bytes while they are written, in memory of the C library's; 0 once they are in their place.
  private let buffer: Atomic<Int>

  init(
    _ shared: SharedPages, _ blocks: SharedPages.Blocks, _ segments: [SegmentRequest],
    _ placements: [Allocation.Placement], workingByteCount: Int
  ) throws(MemoryError) {
    self.shared = shared
    self.blocks = blocks
    self.segments = segments
    self.placements = placements
    // Not `calloc`, which is slower for few bytes.
    let bytes = unsafe malloc(max(workingByteCount, 1))
    buffer = Atomic(Int(bitPattern: bytes))
    guard let bytes = unsafe bytes else { throw .system(call: "malloc", errno: errno) }
    unsafe memset(bytes, 0, workingByteCount)
  }

  deinit {
    work.undo()
    // Nobody uses an allocation any more whose backing goes.
    unsafe free(takeBuffer())
    shared.giveBack(blocks)
  }

  /// Where the bytes are written; valid until ``finalize(_:)``.
  var working: UnsafeMutableRawPointer? {
    unsafe UnsafeMutableRawPointer(bitPattern: buffer.load(ordering: .relaxed))
  }

  private func takeBuffer() -> UnsafeMutableRawPointer? {
    unsafe UnsafeMutableRawPointer(bitPattern: buffer.exchange(0, ordering: .acquiringAndReleasing))
  }

  func finalize(_ work: FinalizeWork) throws(MemoryError) {
    guard !shared.isInherited else { throw .inheritedWindow }
    if let bytes = unsafe takeBuffer() {
      unsafe copySegments(from: bytes)
      unsafe free(bytes)
    }
    for function in work.indirectFunctions {
      LocalWork.resolve(function) { slot in writableAddress(of: slot) }
    }
    try self.work.perform(work)
  }

  /// Puts all bytes into their places, zeros included: whoever had these before left something.
  private func copySegments(from bytes: UnsafeMutableRawPointer) {
    for (number, segment) in segments.enumerated() where segment.byteCount > 0 {
      let placement = placements[number]
      guard let kind = SharedPages.Kind(segment.protection) else { continue }
      let place = shared.writableAddress(of: Int(placement.address.rawValue), kind)
      // The blocks belong to this allocation, and have room for its segments; so has the buffer.
      unsafe UnsafeMutableRawPointer(bitPattern: place)?.copyMemory(
        from: bytes + placement.workingOffset, byteCount: segment.byteCount)
      if kind == .code {
        shared.instructionCache.synchronize(at: placement.address, byteCount: segment.contentByteCount)
      }
    }
  }

  /// Where the byte at `address` is written.
  private func writableAddress(of address: Address) -> Address {
    for number in blocks.indices where blocks[number].contains(Int(truncatingIfNeeded: address.rawValue)) {
      let kind = SharedPages.Kind.all[number]
      return Address(rawValue: UInt64(shared.writableAddress(of: Int(address.rawValue), kind)))
    }
    return address
  }

  func deregisterFrames() { work.deregisterFrames() }
}
