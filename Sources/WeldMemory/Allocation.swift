internal import WeldBytes

/// Memory for one link, still being written.
///
/// Dropped, it gives everything back. ``finalize(_:)`` consumes it, so that nothing can be written
/// afterwards.
@safe
public struct Allocation: ~Copyable {
  /// Where each segment lies, in the order of the request.
  public let segments: [Placement]
  /// Where the bytes to be written are: the memory itself, or a buffer that is copied to it later.
  private let working: UnsafeMutableRawBufferPointer
  private let backing: any AllocationBacking

  /// Where a segment lies.
  public struct Placement: Equatable, Sendable {
    /// The address under which its code and data will be used.
    public var address: Address
    /// Where its bytes are in the working memory, in bytes from its start.
    public var workingOffset: Int
    /// Bytes of working memory it has: at least its contents.
    public var workingByteCount: Int

    /// A segment at `address` whose bytes are written at `workingOffset`.
    public init(address: Address, workingOffset: Int, workingByteCount: Int) {
      self.address = address
      self.workingOffset = workingOffset
      self.workingByteCount = workingByteCount
    }
  }

  /// Wraps working memory that stays valid, and is used by nobody else, for as long as `backing` lives.
  @unsafe
  public init(
    segments: [Placement], working: UnsafeMutableRawBufferPointer, backing: any AllocationBacking
  ) {
    self.segments = segments
    unsafe self.working = working
    self.backing = backing
  }

  /// The working memory of all segments.
  public var bytes: MutableRawSpan {
    @_lifetime(&self)
    mutating get {
      // Valid while `backing` lives, which `self` holds; exclusive because `self` is neither copied nor
      // shared.
      let span = unsafe MutableRawSpan(_unsafeBytes: working)
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }

  /// Makes the memory what it is to be: executable, read-only or writable, and unwritable from here.
  public consuming func finalize(_ work: FinalizeWork) throws(MemoryError) -> FinalizedAllocation {
    try backing.finalize(work)
    return FinalizedAllocation(segments: segments, backing: backing)
  }
}

/// Memory of linked code in its final state; dropped, it gives everything back.
public struct FinalizedAllocation: ~Copyable, Sendable {
  /// Where each segment lies, in the order of the request.
  public let segments: [Allocation.Placement]
  private let backing: any AllocationBacking

  fileprivate init(segments: [Allocation.Placement], backing: any AllocationBacking) {
    self.segments = segments
    self.backing = backing
  }

  /// Makes the unwinder forget the frame descriptions in this memory; see
  /// ``AllocationBacking/deregisterFrames()``.
  public borrowing func deregisterFrames() { backing.deregisterFrames() }
}
