internal import Glibc
internal import Synchronization

/// Tells a process from those that it forks, without asking the system each time.
struct ProcessGeneration: Sendable {
  private let number: UInt64
  /// Where every process has its number; `nil` if there is no such place.
  private let mark: Mark?

  /// That of the process that asks.
  init() {
    mark = Self.mark
    number = mark.map { $0.number != 0 ? $0.number : $0.renew() } ?? UInt64(getpid())
  }

  /// Whether it is that of the process that asks.
  var isCurrent: Bool { number == mark?.number ?? UInt64(getpid()) }

  private static let mark = Mark()
}

/// A word that is zero in a child until something there needs a generation.
@safe
private struct Mark: Sendable {
  /// In a page that is never given back, and used through atomic operations only.
  private nonisolated(unsafe) let word: UnsafeMutablePointer<Atomic<UInt64>>

  /// Fails on systems without pages that children find empty (before Linux 4.14).
  init?() {
    let byteCount = SystemMemory.pageSize
    let page = unsafe mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let page = unsafe page, unsafe page != MAP_FAILED else { return nil }
    let wipeOnFork: Int32 = 18
    guard unsafe madvise(page, byteCount, wipeOnFork) == 0 else {
      unsafe munmap(page, byteCount)
      return nil
    }
    // A page is aligned and large enough, and zeros are a valid value.
    unsafe word = page.assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  var number: UInt64 { unsafe word.pointee.load(ordering: .relaxed) }

  /// Gives this process a number that none of the processes has from which it descends.
  func renew() -> UInt64 {
    let new = generationCount.add(1, ordering: .relaxed).newValue
    let exchange = unsafe word.pointee.compareExchange(expected: 0, desired: new, ordering: .relaxed)
    return exchange.exchanged ? new : exchange.original
  }
}

/// The last number that this process, or one from which it descends, gave itself. Children go on from there.
private let generationCount = Atomic<UInt64>(0)
