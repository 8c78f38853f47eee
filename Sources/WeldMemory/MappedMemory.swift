public import WeldELF

/// Memory of this process, out of one reserved window of address space.
///
/// The window is reserved once and takes no memory. Allocations are packed into it, so that everything linked
/// into one window is in reach of everything else in it. Nothing is ever writable and executable at once, and memory is zero
/// until it is written.
///
/// Batches of up to 64 KiB share pages with others. Pages of code and constants are mapped twice, and written elsewhere than
/// they are used, so that a small object costs no system call and no page of its own. Larger batches, those that are aligned
/// to more than a page, and all where the system refuses files in memory that can be executed (`vm.memfd_noexec` is 2, for
/// instance), have pages of their own: readable and writable while they are written, then what their segments ask for, with an
/// inaccessible page on either side.
///
/// What sharing takes in exchange:
/// - Between small batches lie no inaccessible pages, only around groups of them. What was given back stays accessible for a
///   while, and its code executable.
/// - Code and constants can be written at another address, a random distance away, by who finds it out.
/// - Up to 0.5 MiB of what was given back, and as much of free code, constants and variables each, is kept for what comes next.
///   The rest goes back to the system: in pages, but code and constants from before a fork in groups of pages.
/// - To tools, code lies in a file called `memfd:weld`, not in memory without a name.
///
/// After a `fork`, parent and child both go on with the window, and neither notices what the other one links, writes or
/// removes. Small batches that were allocated before and not finalized cannot be finalized in the child
/// (``MemoryError/inheritedWindow``). As everywhere, a child must not need what another thread of its parent was about to
/// do: link or remove something. One that is made without the C library's `fork` (by a system call, or `_Fork`) must not need
/// code that its parent removes, either.
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
  ///   - sharesPages: whether small batches share pages with others.
  ///   - instructionCache: what is told of code that was written, before it can run.
  public convenience init(
    windowByteCount: Int = 1 << 30, placement: Placement = .nearProcess, sharesPages: Bool = true,
    instructionCache: InstructionCache = .host
  ) throws(MemoryError) {
    try self.init(
      windowByteCount: windowByteCount, placement: placement, sharesPages: sharesPages,
      instructionCache: instructionCache, synchronization: CoreSynchronization())
  }

  init(
    windowByteCount: Int = 1 << 30, placement: Placement = .nearProcess, sharesPages: Bool = true,
    instructionCache: InstructionCache = .host, synchronization: CoreSynchronization
  ) throws(MemoryError) {
    let window = try Window(byteCount: windowByteCount, placement: placement)
    let shared =
      sharesPages
      ? SharedPages(in: window, instructionCache: instructionCache, synchronization: synchronization) : nil
    memory = WindowMemory(window, sharing: shared, instructionCache: instructionCache)
    self.windowByteCount = window.byteCount
    windowStart = window.start
  }

  public var machine: Machine? { .host }

  /// Makes room for `segments`.
  ///
  /// - Throws: ``MemoryError/windowFull(needed:largestFree:window:)``, ``MemoryError/tooLarge``,
  ///   ``MemoryError/system(call:errno:)``.
  public func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation {
    try memory.allocate(segments)
  }
}
