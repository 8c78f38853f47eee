internal import Glibc

/// A buffer in which a link is written that will be used elsewhere: zeros that take no memory until then.
@safe
package final class WorkingMemory: Sendable {
  // Handed to the one allocation, which nobody can copy.
  package nonisolated(unsafe) let buffer: UnsafeMutableRawBufferPointer

  package init(byteCount: Int) throws(MemoryError) {
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

  /// A copy of the bytes in `range`, which lies inside of the buffer. Nobody may write to them meanwhile.
  package func copy(_ range: Range<Int>) -> [UInt8] {
    let byteCount = unsafe buffer.count
    precondition(range.lowerBound >= 0 && range.upperBound <= byteCount, "bytes outside of the buffer")
    return unsafe Array(buffer[range])
  }
}
