public import WeldELF

/// Memory of this process whose pages are mapped twice: written in one place, executed and read in another.
///
/// For very many small links. As in ``MappedMemory``, small batches share pages, nothing is ever writable and executable at the
/// same address, everything linked into one window is in reach of everything else in it, and memory is zero until it is
/// written. What is different: a small batch costs no system call at all, where ``MappedMemory`` needs one; constants are never
/// executable; and it does not need `/proc/self/mem`, which a system may refuse.
///
/// What it takes in exchange:
/// - Code and constants are shared with children of the process, which go on executing what was linked. What this process
///   removes, and the pages of it that it uses again, they lose, too. So a host must not remove code that a child still needs.
///   Variables are private to each process, as usual.
/// - A child cannot link into the window: it gets ``MemoryError/inheritedWindow``, and makes a window of its own. What it removes
///   stays where it is.
/// - As much address space again, and two mappings for a group of pages.
///
/// The system must provide files in memory that can be executed (`memfd_create`).
public final class DualMappedMemory: MemoryManager {
  /// Bytes of address space in the window. As much again is reserved elsewhere, where the memory is written.
  public let windowByteCount: Int
  /// Where the window begins.
  public let windowStart: Address
  private let memory: WindowMemory

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
    let window = try Window(byteCount: windowByteCount, placement: placement)
    let shared = SharedPages(
      in: window, writer: .mirror(try Mirror(of: window)), instructionCache: instructionCache,
      synchronization: synchronization)
    // Whether pages can be mapped twice at all is to be known before anything is linked.
    try shared.prepare()
    memory = WindowMemory(window, sharing: shared, instructionCache: instructionCache)
    self.windowByteCount = window.byteCount
    windowStart = window.start
  }

  public var machine: Machine? { .host }

  /// Makes room for `segments`.
  ///
  /// - Throws: ``MemoryError/windowFull(needed:largestFree:window:)``, ``MemoryError/tooLarge``,
  ///   ``MemoryError/inheritedWindow`` in a forked child, or what the system says.
  public func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation {
    try memory.allocate(segments)
  }
}
