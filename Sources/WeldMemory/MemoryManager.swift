public import WeldELF

/// A run of memory with one protection, as a link asks for it.
public struct SegmentRequest: Equatable, Sendable {
  /// What may be done with it once it is finalized. Never both write and execute.
  public var protection: Protection
  /// Bytes that get contents, counted from the segment's start.
  public var contentByteCount: Int
  /// Bytes in all; those after the contents are zero.
  public var byteCount: Int
  /// A power of two, in bytes.
  public var alignment: Int

  /// A segment of `byteCount` bytes, of which the first `contentByteCount` get contents.
  public init(protection: Protection, contentByteCount: Int, byteCount: Int, alignment: Int) {
    self.protection = protection
    self.contentByteCount = contentByteCount
    self.byteCount = byteCount
    self.alignment = alignment
  }
}

/// Where memory for linked code comes from.
///
/// The linker asks once for everything that a batch of objects needs, writes it, and finalizes it.
/// Implementations decide where it lies and how protections are brought about; they may be used from several
/// threads.
public protocol MemoryManager: Sendable {
  /// Makes room for `segments`, in reach of each other. Those that are writable in the end share no page with those that are
  /// not; what is only to be read may share pages with code.
  ///
  /// All of it is readable, writable and zero until the allocation is finalized.
  func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation

  /// The machine that runs what is linked, which must be for it; `nil`, the default, if nothing runs it.
  var machine: Machine? { get }
}

extension MemoryManager {
  public var machine: Machine? { nil }
}

/// What a ``MemoryManager`` keeps for one allocation; the memory goes back when the last reference goes.
public protocol AllocationBacking: AnyObject, Sendable {
  /// Brings about the final protections, and makes what was written visible to instruction fetch
  /// (``InstructionCache``).
  ///
  /// Code is executable before resolvers of indirect functions run, and what is read-only in the end
  /// (``Protection/read`` alone) is still writable then, so that their results can be stored.
  func finalize(_ work: FinalizeWork) throws(MemoryError)

  /// Makes the unwinder forget the frame descriptions that it was told of in ``finalize(_:)``.
  ///
  /// That happens by itself before the memory goes back; in another process, only then.
  func deregisterFrames()
}

/// Why memory could not be had, or a file not be mapped.
public enum MemoryError: Error, Equatable, Sendable {
  /// A call to the system failed with this `errno`.
  case system(call: String, errno: Int32)
  /// The reserved window has no room; all in bytes.
  case windowFull(needed: Int, largestFree: Int, window: Int)
  /// No room for a window of this many bytes where it was wanted.
  case noPlaceForWindow(byteCount: Int, placement: String)
  /// Sizes that add up to more than an address space.
  case tooLarge
  /// A file that cannot be read, with the system's `errno`.
  case unreadable(path: String, errno: Int32)
  /// A folder where a file was expected.
  case isDirectory(path: String)
  /// Memory of a small batch that was allocated before a fork, and not finalized, is the parent's: the child has no writable
  /// view of it.
  case inheritedWindow
  /// What was to be done when memory is finalized, or the process that the memory is in, failed.
  case executor(ExecutorError)
}

extension MemoryError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .system(let call, let errno): "\(call) failed: \(systemMessage(errno))"
    case .windowFull(let needed, let largest, let window):
      "\(needed) bytes do not fit in the memory window of \(window) bytes (largest free part: \(largest)); use a larger window"
    case .noPlaceForWindow(let byteCount, let placement):
      "no room for a memory window of \(byteCount) bytes \(placement); use a smaller window or another placement"
    case .tooLarge: "the sections need more memory than an address space has"
    case .unreadable(let path, let errno): "\(path): cannot be read: \(systemMessage(errno))"
    case .isDirectory(let path): "\(path): is a directory; expected an object file or an archive"
    case .inheritedWindow:
      "this memory was allocated by the process from which this one was forked, and can only be finalized there; link the objects again here"
    case .executor(let error): error.description
    }
  }
}
