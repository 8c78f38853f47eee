internal import Glibc
internal import Synchronization

/// Tells what was made before the process was last forked from what was made since: what is older may be a child's, too.
struct ForkCount: Equatable, Sendable {
  /// Twice how often this process, and those from which it descends, were forked by the C library's `fork` since this was
  /// first asked; odd while one is being forked.
  private let value: Int

  /// That of now.
  static var current: ForkCount {
    counting
    return ForkCount(value: count.load(ordering: .acquiring))
  }

  /// Whether a child may have been made since, or may be about to be.
  var isPast: Bool { !value.isMultiple(of: 2) || self != .current }

  // Counted before the child is there and again afterwards, in both processes, since other handlers run in between, and other
  // threads.
  private static let counting: Void = {
    _ = pthread_atfork(add, add, add)
  }()

  private static let add: @convention(c) () -> Void = { count.add(1, ordering: .acquiringAndReleasing) }
}

private let count = Atomic(0)
