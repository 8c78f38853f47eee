internal import Glibc
internal import Synchronization

typealias Work = @Sendable () -> Void

/// Runs work on the thread that has it, at once, except that work which makes work which makes work, and so on, does
/// not fill the stack: from some depth on it is done after what made it.
///
/// All of it stands in a list of the thread until its turn comes. So work that waits for later work of the same list does
/// that first.
final class InlineWork: Sendable {
  private static let depthLimit = 16

  private struct Backlog: Sendable {
    var depth = 0
    /// Work before this was put off by what has called a lookup that blocks.
    var base = 0
    /// The last one is next.
    var items: [Work] = []
  }

  /// Of each thread that runs some.
  private let threads = Mutex<[UInt: Backlog]>([:])
  private var thread: UInt { UInt(pthread_self()) }

  /// Runs `works` in this order.
  func run(_ works: [Work]) {
    guard !works.isEmpty else { return }
    let thread = thread
    let start = threads.withLock { threads -> Int? in
      var backlog = threads.removeValue(forKey: thread) ?? Backlog()
      defer { threads[thread] = backlog }
      let start = backlog.items.count
      backlog.items += works.reversed()
      guard backlog.depth < Self.depthLimit else { return nil }
      backlog.depth += 1
      return start
    }
    guard let start else { return }
    while let next = next(of: thread, after: start) { next() }
  }

  /// Runs `work` after everything that this thread has to do.
  func runLast(_ work: @escaping Work) {
    let thread = thread
    let isPutOff = threads.withLock { threads -> Bool in
      guard let backlog = threads[thread], backlog.depth > 0 else { return false }
      threads[thread]?.items.insert(work, at: backlog.base)
      return true
    }
    if !isPutOff { run([work]) }
  }

  /// The next work that was added after the first `start`; for the outermost, all that was put off.
  private func next(of thread: UInt, after start: Int) -> Work? {
    threads.withLock { threads -> Work? in
      guard var backlog = threads.removeValue(forKey: thread) else { return nil }
      defer {
        if backlog.depth > 0 || backlog.base > 0 || !backlog.items.isEmpty { threads[thread] = backlog }
      }
      if backlog.items.count > (backlog.depth == 1 ? backlog.base : start) { return backlog.items.popLast() }
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
