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

  /// What one thread has to do.
  ///
  /// Unchecked: nobody else looks at it but for ``thread``, which changes when nobody has it.
  private final class Backlog: @unchecked Sendable {
    fileprivate(set) var thread: UInt
    var depth = 0
    /// Work before this was put off by what has called a lookup that blocks.
    var base = 0
    /// The last one is next.
    private(set) var items: [Item] = []
    /// How many calls of ``InlineWork/run(_:after:)`` and ``InlineWork/runBacklog(until:after:)`` have it.
    var userCount = 0

    init(of thread: UInt) { self.thread = thread }

    func push(_ work: @escaping Work) { changeItems { $0.append(Item(work: work)) } }

    /// Puts work before all that was not put off.
    func pushLast(_ work: @escaping Work) {
      let base = base
      changeItems { $0.insert(Item(work: work), at: base) }
    }

    /// Takes the work that is next; there must be some.
    func pop() -> Work { changeItems { $0.removeLast().work } }

    /// Out of it while they change: access to what others refer to takes longer.
    @inline(__always)
    private func changeItems<R>(_ change: (inout [Item]) -> R) -> R {
      var all: [Item] = []
      swap(&all, &items)
      defer { swap(&all, &items) }
      return change(&all)
    }
  }

  /// A piece of work. In a structure, as which it takes no more memory in an array than elsewhere.
  private struct Item: Sendable {
    let work: Work
  }

  private struct State: Sendable {
    /// Of each thread that runs some.
    var backlogs: [Backlog] = []
    /// One that nobody has, for the next thread that needs one.
    var spare: Backlog?
  }

  private let state = Mutex(State())
  /// How many threads run some. Each knows whether it is among them, so that it need not ask if there are none.
  private let threadCount = Atomic(0)

  /// That of this thread, if there is one.
  private func knownBacklog() -> Backlog? {
    guard threadCount.load(ordering: .relaxed) > 0 else { return nil }
    let thread = UInt(pthread_self())
    return state.withLock { state in state.backlogs.first { $0.thread == thread } }
  }

  /// That of this thread, for one more user.
  private func takeBacklog() -> Backlog {
    let thread = UInt(pthread_self())
    let backlog = state.withLock { state in
      if let known = state.backlogs.first(where: { $0.thread == thread }) { return known }
      let new = state.spare.take() ?? Backlog(of: thread)
      new.thread = thread
      state.backlogs.append(new)
      threadCount.store(state.backlogs.count, ordering: .relaxed)
      return new
    }
    backlog.userCount += 1
    return backlog
  }

  /// Ends what ``takeBacklog()`` began; the last user leaves nothing to be done.
  private func leave(_ backlog: Backlog) {
    backlog.userCount -= 1
    guard backlog.userCount == 0 else { return }
    state.withLock { state in
      guard let position = state.backlogs.firstIndex(where: { $0 === backlog }) else { return }
      state.backlogs.swapAt(position, state.backlogs.count - 1)
      state.backlogs.removeLast()
      threadCount.store(state.backlogs.count, ordering: .relaxed)
      state.spare = backlog
    }
  }

  /// Runs `works` in this order, after `first`, none of whose work is done before it has returned.
  ///
  /// - Parameter first: takes no time, unless it is told that the thread has nothing else to do.
  func run(_ works: [Work], after first: (_ isAlone: Bool) -> Void = { _ in }) {
    let backlog = takeBacklog()
    defer { leave(backlog) }
    let start = backlog.items.count
    for work in works.reversed() { backlog.push(work) }
    backlog.depth += 1
    defer { backlog.depth -= 1 }
    first(backlog.depth == 1 && backlog.items.count == backlog.base)
    guard backlog.depth <= Self.depthLimit else { return }
    // The outermost also does what was put off.
    while backlog.items.count > (backlog.depth == 1 ? backlog.base : start) {
      backlog.pop()()
    }
  }

  /// Runs `work` after everything that this thread has to do.
  func runLast(_ work: @escaping Work) {
    guard let backlog = knownBacklog(), backlog.depth > 0 else { return run([work]) }
    backlog.pushLast(work)
  }

  /// Runs `start`, and until `isDone` what this thread has put off, since it is about to block.
  func runBacklog(until isDone: () -> Bool, after start: () -> Void) {
    guard knownBacklog() != nil else { return start() }
    let backlog = takeBacklog()
    defer { leave(backlog) }
    let (depth, base) = (backlog.depth, backlog.base)
    backlog.depth = 0
    backlog.base = backlog.items.count
    start()
    while !isDone(), !backlog.items.isEmpty {
      let next = backlog.pop()
      backlog.base = min(backlog.base, backlog.items.count)
      next()
    }
    backlog.depth = depth
    backlog.base = min(base, backlog.items.count)
  }
}
