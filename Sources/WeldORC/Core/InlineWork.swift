internal import Glibc
internal import Synchronization

typealias Work = @Sendable () -> Void

/// Runs work on the thread that has it, at once, except that work which makes work which makes work, and so on, does
/// not fill the stack: from some depth on it is done after what made it.
final class InlineWork: Sendable {
  private static let depthLimit = 16

  private struct Backlog: Sendable {
    var depth = 0
    /// Work before this was put off by what has called a lookup that blocks.
    var base = 0
    var items: [Work] = []
  }

  /// Of each thread that runs some.
  private let threads = Mutex<[UInt: Backlog]>([:])
  private var thread: UInt { UInt(pthread_self()) }

  func run(_ work: @escaping Work) {
    let thread = thread
    let isNow = threads.withLock { threads in
      if threads[thread, default: Backlog()].depth < Self.depthLimit {
        threads[thread, default: Backlog()].depth += 1
        return true
      }
      threads[thread]?.items.append(work)
      return false
    }
    guard isNow else { return }
    work()
    while let next = nextAfterWork(of: thread) { next() }
  }

  /// The work that was put off, if what put it off has ended.
  private func nextAfterWork(of thread: UInt) -> Work? {
    threads.withLock { threads -> Work? in
      guard var backlog = threads.removeValue(forKey: thread) else { return nil }
      defer {
        if backlog.depth > 0 || backlog.base > 0 || !backlog.items.isEmpty { threads[thread] = backlog }
      }
      if backlog.depth == 1, backlog.items.count > backlog.base {
        return backlog.items.remove(at: backlog.base)
      }
      backlog.depth -= 1
      return nil
    }
  }

  /// Runs `start`, and until `isDone` what this thread has put off, since it is about to block.
  func runBacklog(until isDone: () -> Bool, after start: () -> Void) {
    let thread = thread
    let outer = threads.withLock { threads -> Backlog? in
      guard let outer = threads[thread] else { return nil }
      threads[thread]?.depth = 0
      threads[thread]?.base = outer.items.count
      return outer
    }
    start()
    guard let outer else { return }
    while !isDone(), let next = takeLast(of: thread) { next() }
    threads.withLock { threads in
      let count = threads[thread]?.items.count ?? 0
      threads[thread, default: Backlog()].depth = outer.depth
      threads[thread]?.base = min(outer.base, count)
    }
  }

  private func takeLast(of thread: UInt) -> Work? {
    threads.withLock { threads in
      guard var backlog = threads[thread], let last = backlog.items.popLast() else { return nil }
      backlog.base = min(backlog.base, backlog.items.count)
      threads[thread] = backlog
      return last
    }
  }
}
