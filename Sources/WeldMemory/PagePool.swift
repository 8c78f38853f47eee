internal import Glibc
internal import Synchronization

/// Pages of a window for allocations that share none.
///
/// A bounded number of small ranges stay readable and writable, and keep their pages, when they are given back. The next allocation
/// of as many pages takes such a range without a call to the system and without page faults.
final class PagePool: Sendable {
  let window: Window
  private let spares: Mutex<SpareRanges>

  init(_ window: Window) {
    self.window = window
    spares = Mutex(SpareRanges(byteLimit: min(1 << 20, window.byteCount / 16)))
  }

  /// Takes `byteCount` bytes, whole pages, and an inaccessible page before and after them; says whether they are already
  /// readable, writable and zero, or inaccessible.
  func take(byteCount: Int, alignment: Int) throws(MemoryError) -> (start: Int, isWritable: Bool) {
    if let start = spares.withLock({ $0.take(byteCount: byteCount, alignment: alignment) }) {
      // It is nobody else's any more, and was readable and writable when it became a spare.
      unsafe UnsafeMutableRawPointer(bitPattern: start)?.initializeMemory(
        as: UInt8.self, repeating: 0, count: byteCount)
      return (start, true)
    }
    do throws(MemoryError) {
      return (try window.take(byteCount: byteCount, alignment: alignment), false)
    } catch .windowFull {
      for spare in spares.withLock({ $0.takeAll() }) {
        window.giveBack(start: spare.lowerBound, byteCount: spare.count)
      }
      return (try window.take(byteCount: byteCount, alignment: alignment), false)
    }
  }

  /// Gives back what ``take(byteCount:alignment:)`` took.
  func giveBack(start: Int, byteCount: Int) {
    let range = start..<start + byteCount
    for stale in spares.withLock({ $0.takeStale() }) {
      window.giveBack(start: stale.lowerBound, byteCount: stale.count)
    }
    let isSpare = spares.withLock { $0.reserve(range.count) }
    // All of it belongs to the allocation that ends. Its code must not be executed any more.
    if isSpare,
      unsafe mprotect(UnsafeMutableRawPointer(bitPattern: start), byteCount, PROT_READ | PROT_WRITE) == 0
    {
      spares.withLock { $0.add(range) }
    } else {
      if isSpare { spares.withLock { $0.cancel(range.count) } }
      window.giveBack(start: start, byteCount: byteCount)
    }
  }
}

/// Ranges that were given back and are kept for the next ones; a bounded number.
struct SpareRanges {
  private var ranges: [Range<Int>] = []
  /// Of the ranges, and of those for which room is reserved.
  private var byteCount = 0
  private var count = 0
  /// How often no range was of the right size since one was.
  private var missCount = 0
  /// Bytes of all ranges, at most.
  private let byteLimit: Int

  /// How many ranges are kept.
  static let countLimit = 64
  /// Bytes of one range, at most: zeroing more would cost what it saves.
  static let rangeByteLimit = 1 << 16

  init(byteLimit: Int) { self.byteLimit = byteLimit }

  /// Takes the last range of exactly this many bytes.
  mutating func take(byteCount wanted: Int, alignment: Int) -> Int? {
    guard !ranges.isEmpty else { return nil }
    guard let found = ranges.lastIndex(where: { $0.count == wanted && $0.lowerBound & (alignment - 1) == 0 })
    else {
      missCount += 1
      return nil
    }
    missCount = 0
    cancel(wanted)
    return ranges.remove(at: found).lowerBound
  }

  /// Whether there is room for one more range, which is then kept free for it.
  mutating func reserve(_ wanted: Int) -> Bool {
    guard wanted > 0, wanted <= Self.rangeByteLimit, count < Self.countLimit, byteCount + wanted <= byteLimit
    else { return false }
    byteCount += wanted
    count += 1
    return true
  }

  /// Gives up room that was reserved.
  mutating func cancel(_ reserved: Int) {
    byteCount -= reserved
    count -= 1
  }

  /// Adds a range for which room is reserved.
  mutating func add(_ range: Range<Int>) { ranges.append(range) }

  /// Takes all ranges if nobody has wanted one for long.
  mutating func takeStale() -> [Range<Int>] { missCount < Self.countLimit ? [] : takeAll() }

  mutating func takeAll() -> [Range<Int>] {
    for range in ranges { cancel(range.count) }
    missCount = 0
    defer { ranges = [] }
    return ranges
  }
}
