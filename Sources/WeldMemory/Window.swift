internal import Glibc
internal import Synchronization

/// A reserved range of address space and what of it is free.
final class Window: Sendable {
  /// Bytes in the range.
  let byteCount: Int
  private let base: Int
  private let free: Mutex<FreeRanges>

  /// Where the range begins.
  var start: Address { Address(rawValue: UInt64(base)) }

  init(byteCount wanted: Int, placement: MappedMemory.Placement) throws(MemoryError) {
    guard let byteCount = max(wanted, 1).roundedUp(to: SystemMemory.pageSize) else { throw .tooLarge }
    self.byteCount = byteCount
    base = try Self.reserve(byteCount, placement)
    free = Mutex(FreeRanges(base..<base + byteCount))
  }

  deinit {
    unsafe munmap(UnsafeMutableRawPointer(bitPattern: base), byteCount)
  }

  /// Takes `byteCount` bytes and an inaccessible page before and after them.
  func take(byteCount: Int, alignment: Int) throws(MemoryError) -> Int {
    let guardByteCount = SystemMemory.pageSize
    let found = free.withLock { ranges in
      ranges.take(byteCount: byteCount, alignment: alignment, guardByteCount: guardByteCount)
    }
    guard let found else {
      throw .windowFull(
        needed: byteCount, largestFree: free.withLock { $0.largest }, window: self.byteCount)
    }
    return found
  }

  /// Gives back what ``take(byteCount:alignment:)`` took, pages and address space.
  func giveBack(start: Int, byteCount: Int) {
    if byteCount > 0 {
      // A new mapping over the old one drops its pages at once. Should the system refuse, for want of
      // mappings, the range stays as it is and is not used again.
      let address = unsafe mmap(
        UnsafeMutableRawPointer(bitPattern: start), byteCount, PROT_NONE, Self.flags | MAP_FIXED, -1, 0)
      guard unsafe address != MAP_FAILED else { return }
    }
    free.withLock { $0.giveBack(start: start, byteCount: byteCount, guardByteCount: SystemMemory.pageSize) }
  }

  private static var flags: Int32 { MAP_PRIVATE | MAP_ANONYMOUS | Int32(MAP_NORESERVE) }

  /// Reserves inaccessible address space.
  private static func reserve(_ byteCount: Int, _ placement: MappedMemory.Placement) throws(MemoryError)
    -> Int
  {
    switch placement {
    case .anywhere:
      guard let found = map(byteCount, hint: 0, fixed: false) else {
        throw .noPlaceForWindow(byteCount: byteCount, placement: "anywhere")
      }
      return found
    case .at(let address):
      guard let start = Int(exactly: address.rawValue), let found = map(byteCount, hint: start, fixed: true)
      else {
        throw .noPlaceForWindow(byteCount: byteCount, placement: "at \(address)")
      }
      return found
    case .low:
      // From 16 MiB up in steps of 16 MiB: the first megabytes are left to what wants the very lowest
      // addresses.
      for start in stride(from: 1 << 24, through: (1 << 31) - byteCount, by: 1 << 24) {
        if let found = map(byteCount, hint: start, fixed: true) { return found }
      }
      throw .noPlaceForWindow(byteCount: byteCount, placement: "below 2 GiB")
    case .nearProcess:
      // The C library lies among the shared libraries, with free space below them.
      guard let library = unsafe dlsym(nil, "__libc_start_main") else {
        return try reserve(byteCount, .anywhere)
      }
      let top = Int(bitPattern: library) & ~((1 << 24) - 1)
      for distance in stride(from: 1 << 26, through: (1 << 31) - (1 << 28) - byteCount, by: 1 << 26) {
        if top - distance - byteCount > 0,
          let found = map(byteCount, hint: top - distance - byteCount, fixed: true)
        {
          return found
        }
      }
      return try reserve(byteCount, .anywhere)
    }
  }

  private static func map(_ byteCount: Int, hint: Int, fixed: Bool) -> Int? {
    let fixedWithoutReplacing: Int32 = 0x10_0000
    let address = unsafe mmap(
      UnsafeMutableRawPointer(bitPattern: hint), byteCount, PROT_NONE,
      flags | (fixed ? fixedWithoutReplacing : 0), -1, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else { return nil }
    let found = Int(bitPattern: address)
    // Kernels before 4.17 take the wish for a hint.
    if fixed, found != hint {
      unsafe munmap(address, byteCount)
      return nil
    }
    return found
  }
}

/// The free parts of a window, in ascending order, no two of them adjacent.
struct FreeRanges {
  private var ranges: [Range<Int>]

  init(_ whole: Range<Int>) { ranges = [whole] }

  /// Bytes in the largest free part.
  var largest: Int { ranges.map(\.count).max() ?? 0 }

  /// Takes the first place with room for `byteCount` bytes and `guardByteCount` on either side of them.
  mutating func take(byteCount: Int, alignment: Int, guardByteCount: Int) -> Int? {
    for (position, range) in ranges.enumerated() {
      guard let start = (range.lowerBound + guardByteCount).roundedUp(to: alignment) else { return nil }
      guard start <= range.upperBound, byteCount <= range.upperBound - start - guardByteCount else {
        continue
      }
      let end = start + byteCount + guardByteCount
      let taken = start - guardByteCount..<end
      var rest: [Range<Int>] = []
      if range.lowerBound < taken.lowerBound { rest.append(range.lowerBound..<taken.lowerBound) }
      if taken.upperBound < range.upperBound { rest.append(taken.upperBound..<range.upperBound) }
      ranges.replaceSubrange(position...position, with: rest)
      return start
    }
    return nil
  }

  /// Makes a place that was taken free again.
  mutating func giveBack(start: Int, byteCount: Int, guardByteCount: Int) {
    var range = start - guardByteCount..<start + byteCount + guardByteCount
    var position = 0
    var high = ranges.count
    while position < high {
      let middle = (position + high) / 2
      if ranges[middle].lowerBound < range.lowerBound { position = middle + 1 } else { high = middle }
    }
    var replaced = position..<position
    if position > 0, ranges[position - 1].upperBound == range.lowerBound {
      range = ranges[position - 1].lowerBound..<range.upperBound
      replaced = position - 1..<position
    }
    if position < ranges.count, ranges[position].lowerBound == range.upperBound {
      range = range.lowerBound..<ranges[position].upperBound
      replaced = replaced.lowerBound..<position + 1
    }
    ranges.replaceSubrange(replaced, with: [range])
  }
}
