/// Memory that only looks as if it lay at chosen addresses: bytes in a buffer, never executed.
///
/// For tests of relocations and for linking without running. Resolvers of indirect functions are not called:
/// their slots hold the addresses of the resolvers. Frame descriptions are not registered, and actions not run.
public struct ImageMemory: MemoryManager {
  /// Where the first segment lies.
  public var base: Address
  /// What the starts of segments are rounded up to, a power of two, in bytes.
  public var pageSize: Int
  /// Bytes that an allocation may take.
  public var byteLimit: Int

  /// An image from `base` on, in pages of `pageSize` bytes.
  public init(base: Address, pageSize: Int = 4096, byteLimit: Int = .max) {
    self.base = base
    self.pageSize = pageSize
    self.byteLimit = byteLimit
  }

  public func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation {
    let layout = try SegmentLayout(of: segments, pageSize: pageSize)
    guard layout.byteCount <= byteLimit else {
      throw .windowFull(needed: layout.byteCount, largestFree: byteLimit, window: byteLimit)
    }
    let working = try WorkingMemory(byteCount: layout.byteCount)
    var placements: [Allocation.Placement] = []
    for (segment, offset) in zip(segments, layout.offsets) {
      placements.append(
        Allocation.Placement(
          address: base.advanced(by: UInt64(offset)), workingOffset: offset,
          workingByteCount: segment.byteCount))
    }
    // The buffer lives as long as the backing and is written by nobody else.
    return unsafe Allocation(
      segments: placements, working: working.buffer, backing: ImageAllocation(working))
  }
}

/// One allocation of an ``ImageMemory``.
private final class ImageAllocation: AllocationBacking {
  let working: WorkingMemory

  init(_ working: WorkingMemory) { self.working = working }

  func finalize(_: FinalizeWork) throws(MemoryError) {}
  func deregisterFrames() {}
}
