internal import Glibc
internal import Synchronization

/// Tells what was made before the process was last forked from what was made since: what is older may be a child's, too.
enum ForkCount {
  /// How often this process, and those from which it descends, were forked by the C library's `fork` since this was first
  /// asked. Counted before a child is there, so that parent and child agree.
  static var current: Int {
    counting
    return count.load(ordering: .acquiring)
  }

  private static let counting: Void = {
    _ = pthread_atfork({ count.add(1, ordering: .acquiringAndReleasing) }, nil, nil)
  }()
}

private let count = Atomic(0)
