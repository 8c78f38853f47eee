public import WeldELF

/// Memory of this process, out of one reserved window of address space.
///
/// The window is reserved once and takes no memory. Allocations are packed into it, so that everything linked
/// into one window is in reach of everything else in it. Nothing is ever writable and executable at once, and memory is zero
/// until it is written. Nothing is shared with children of the process: after a fork, what parent or child links, writes or
/// removes, the other does not notice, and each may go on with the window.
///
/// Batches of up to 64 KiB share pages with others, and are written by the system in one call (through `/proc/self/mem`), so that a small object changes no mapping and has no page of its own. Larger ones, those that are
/// aligned to more than a page, and all where the system does not let a process write so, have pages of their own:
/// readable and writable while they are written, then what their segments ask for, with an inaccessible page on either side.
///
/// What sharing takes in exchange:
/// - Between small batches lie no inaccessible pages, only around groups of them. What was given back stays accessible for a
///   while, and its code executable.
/// - Constants of small batches lie in pages that can be executed, though not written.
/// - Up to 0.5 MiB of what was given back, and as much of free code and variables each, is kept for what comes next. The rest
///   goes back to the system.
/// - One file stays open in the process, `/proc/self/mem`; not in its children.
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
  private let memory: WindowMemory

  /// Reserves a window.
  ///
  /// - Parameters:
  ///   - windowByteCount: bytes of address space, rounded up to whole pages; by default 1 GiB.
  ///   - placement: where it lies.
  ///   - instructionCache: what is told of code that was written, before it can run.
  public convenience init(
    windowByteCount: Int = 1 << 30, placement: Placement = .nearProcess,
    instructionCache: InstructionCache = .host
  ) throws(MemoryError) {
    try self.init(
      windowByteCount: windowByteCount, placement: placement, instructionCache: instructionCache,
      memoryFile: .shared)
  }

  init(
    windowByteCount: Int = 1 << 30, placement: Placement = .nearProcess,
    instructionCache: InstructionCache = .host, memoryFile: ProcessMemoryFile,
    synchronization: CoreSynchronization = CoreSynchronization()
  ) throws(MemoryError) {
    let window = try Window(byteCount: windowByteCount, placement: placement)
    let shared = SharedPages(
      in: window, writer: .memoryFile(memoryFile), instructionCache: instructionCache,
      synchronization: synchronization)
    memory = WindowMemory(window, sharing: shared, instructionCache: instructionCache)
    self.windowByteCount = window.byteCount
    windowStart = window.start
  }

  public var machine: Machine? { .host }

  /// Makes room for `segments`.
  ///
  /// - Throws: ``MemoryError/windowFull(needed:largestFree:window:)``, ``MemoryError/tooLarge``, or what the system says.
  public func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation {
    try memory.allocate(segments)
  }
}
