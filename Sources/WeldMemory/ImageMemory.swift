internal import Glibc

/// Memory that only looks as if it lay at chosen addresses: bytes in a buffer, never executed.
///
/// For tests of relocations and for linking without running. Resolvers of indirect functions are not called:
/// their slots hold the addresses of the resolvers. Frame descriptions are not registered.
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
    let image = try ImageAllocation(byteCount: layout.byteCount)
    var placements: [Allocation.Placement] = []
    for (segment, offset) in zip(segments, layout.offsets) {
      placements.append(
        Allocation.Placement(
          address: base.advanced(by: UInt64(offset)), workingOffset: offset,
          workingByteCount: segment.byteCount))
    }
    // The image lives as long as its backing and is written by nobody else.
    return unsafe Allocation(segments: placements, working: image.buffer, backing: image)
  }
}

/// The buffer of one allocation of an ``ImageMemory``.
@safe
private final class ImageAllocation: AllocationBacking {
  // Handed to the one allocation, which nobody can copy.
  nonisolated(unsafe) let buffer: UnsafeMutableRawBufferPointer

  init(byteCount: Int) throws(MemoryError) {
    guard byteCount > 0 else {
      unsafe buffer = UnsafeMutableRawBufferPointer(start: nil, count: 0)
      return
    }
    let address = unsafe mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | Int32(MAP_NORESERVE), -1, 0)
    guard unsafe address != MAP_FAILED else { throw .system(call: "mmap", errno: errno) }
    unsafe buffer = UnsafeMutableRawBufferPointer(start: address, count: byteCount)
  }

  deinit {
    if let address = unsafe buffer.baseAddress { unsafe munmap(address, buffer.count) }
  }

  func finalize(_: FinalizeWork) throws(MemoryError) {}
  func registerFrames(at _: Address, byteCount _: Int) throws(MemoryError) {}
  func deregisterFrames() {}
}
