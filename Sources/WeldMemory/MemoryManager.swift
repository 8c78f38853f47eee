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
  /// Makes room for `segments`, in ascending order of address, each on pages of its own.
  ///
  /// All of it is readable, writable and zero until the allocation is finalized.
  func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation

  /// Whether what is linked can be called in this process, and so must be for its machine. Default `false`.
  var isExecutedHere: Bool { get }
}

extension MemoryManager {
  public var isExecutedHere: Bool { false }
}

/// What a ``MemoryManager`` keeps for one allocation; the memory goes back when the last reference goes.
public protocol AllocationBacking: AnyObject, Sendable {
  /// Brings about the final protections, and makes what was written visible to instruction fetch
  /// (``InstructionCache``).
  ///
  /// Code is executable before `work` is done, and what is read-only in the end (``Protection/read`` alone)
  /// is still writable during it, so that resolvers of indirect functions can run and their results be
  /// stored.
  func finalize(_ work: FinalizeWork) throws(MemoryError)

  /// Makes the unwinder know the frame descriptions at `address`; they end with four zero bytes.
  ///
  /// They are forgotten before the memory goes back.
  func registerFrames(at address: Address, byteCount: Int) throws(MemoryError)

  /// Makes the unwinder forget what ``registerFrames(at:byteCount:)`` made it know.
  func deregisterFrames()
}

/// What must happen in the memory of the target while it is finalized.
public struct FinalizeWork: Equatable, Sendable {
  /// Indirect functions: `resolver` is called and its result stored as 8 bytes at `slot`.
  public var indirectFunctions: [IndirectFunction]

  /// An indirect function to be resolved.
  public struct IndirectFunction: Equatable, Sendable {
    /// Takes no arguments and returns the address of the function to use.
    public var resolver: Address
    /// Where the address goes.
    public var slot: Address

    /// Stores in `slot` what the function at `resolver` returns.
    public init(resolver: Address, slot: Address) {
      self.resolver = resolver
      self.slot = slot
    }
  }

  /// The given work; by default none.
  public init(indirectFunctions: [IndirectFunction] = []) {
    self.indirectFunctions = indirectFunctions
  }
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
    }
  }
}
