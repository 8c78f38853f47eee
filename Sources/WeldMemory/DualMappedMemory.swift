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
/// - Bytes are written to a buffer, and copied when they are finalized. Batches of more than 32 KiB, and those that are
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
  private let instructionCache: InstructionCache

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
    shared = try SharedPages(in: pages.window, synchronization: synchronization)
    self.windowByteCount = pages.windowByteCount
    windowStart = pages.windowStart
    self.instructionCache = instructionCache
  }

  public var machine: Machine? { .host }

  /// Makes room for `segments`.
  ///
  /// - Throws: ``MemoryError/windowFull(needed:largestFree:window:)``, ``MemoryError/tooLarge``,
  ///   ``MemoryError/inheritedWindow`` in a forked child, or what the system says.
  public func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation {
    guard !shared.isInherited else { throw .inheritedWindow }
    guard let layout = SharedLayout(of: segments, byteLimit: shared.byteLimit),
      let blocks = try shared.take(layout.needs)
    else { return try pages.allocate(segments) }
    let placements = layout.placements(of: segments, in: blocks)
    let backing = try SharedAllocation(
      shared, blocks, segments, placements, workingByteCount: layout.workingByteCount, instructionCache)
    // The buffer is the allocation's own until it is finalized, when the allocation is used up.
    return unsafe Allocation(segments: placements, working: backing.working, backing: backing)
  }
}

/// Where segments lie that share pages with others: those of a kind one after another, in order.
private struct SharedLayout {
  /// By kind.
  var needs: [3 of SharedPages.Need] = .init(repeating: SharedPages.Need())
  /// Bytes in all, while they are written.
  var workingByteCount = 0

  /// Fails if the segments are too large, or of a kind that no pages are shared for.
  init?(of segments: [SegmentRequest], byteLimit: Int) {
    for segment in segments {
      guard let kind = SharedPages.Kind(segment.protection), segment.byteCount <= byteLimit,
        segment.alignment <= SystemMemory.pageSize
      else { return nil }
      _ = place(segment, kind)
      guard workingByteCount <= byteLimit else { return nil }
    }
    for kind in SharedPages.Kind.allCases {
      let granule = SharedArena.granule
      needs[kind.rawValue].byteCount = (needs[kind.rawValue].byteCount + granule - 1) & ~(granule - 1)
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
  private let instructionCache: InstructionCache
  private let work = LocalWork()
  /// The bytes while they are written; `nil` once they are in their place.
  private let buffer: Mutex<Buffer>

  /// Memory of the C library's.
  private struct Buffer {
    /// 0 if there is none.
    var address: Int
    var byteCount: Int
  }

  init(
    _ shared: SharedPages, _ blocks: SharedPages.Blocks, _ segments: [SegmentRequest],
    _ placements: [Allocation.Placement], workingByteCount: Int, _ instructionCache: InstructionCache
  ) throws(MemoryError) {
    self.shared = shared
    self.blocks = blocks
    self.segments = segments
    self.placements = placements
    self.instructionCache = instructionCache
    let address = unsafe workingByteCount > 0 ? Int(bitPattern: calloc(1, workingByteCount)) : 0
    buffer = Mutex(Buffer(address: address, byteCount: workingByteCount))
    if address == 0, workingByteCount > 0 { throw .system(call: "calloc", errno: errno) }
  }

  deinit {
    work.undo()
    freeBuffer()
    shared.giveBack(blocks)
  }

  /// Valid until ``finalize(_:)``.
  var working: UnsafeMutableRawBufferPointer {
    let (address, byteCount) = buffer.withLock { ($0.address, $0.byteCount) }
    return unsafe UnsafeMutableRawBufferPointer(
      start: UnsafeMutableRawPointer(bitPattern: address), count: byteCount)
  }

  private func freeBuffer() {
    let address = buffer.withLock { buffer in
      defer { buffer = Buffer(address: 0, byteCount: 0) }
      return buffer.address
    }
    // Its only owner has let go of it.
    unsafe free(UnsafeMutableRawPointer(bitPattern: address))
  }

  func finalize(_ work: FinalizeWork) throws(MemoryError) {
    guard !shared.isInherited else { throw .inheritedWindow }
    copySegments()
    freeBuffer()
    for function in work.indirectFunctions {
      LocalWork.resolve(function) { slot in writableAddress(of: slot) }
    }
    try self.work.perform(work)
  }

  /// Puts all bytes into their places, zeros included: whoever had these before left something.
  private func copySegments() {
    guard let source = unsafe working.baseAddress else { return }
    for (segment, placement) in zip(segments, placements) where segment.byteCount > 0 {
      let address = writableAddress(of: placement.address)
      // The blocks belong to this allocation, and have room for its segments; so has the buffer.
      unsafe UnsafeMutableRawPointer(bitPattern: UInt(address.rawValue))?.copyMemory(
        from: source + placement.workingOffset, byteCount: segment.byteCount)
      if segment.protection.contains(.execute) {
        instructionCache.synchronize(at: placement.address, byteCount: segment.contentByteCount)
      }
    }
  }

  /// Where the byte at `address` is written.
  private func writableAddress(of address: Address) -> Address {
    for kind in SharedPages.Kind.allCases {
      if blocks[kind.rawValue].contains(Int(truncatingIfNeeded: address.rawValue)) {
        return Address(rawValue: UInt64(shared.writableAddress(of: Int(address.rawValue), kind)))
      }
    }
    return address
  }

  func deregisterFrames() { work.deregisterFrames() }
}
