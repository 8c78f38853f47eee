internal import Dispatch
internal import Glibc
internal import Synchronization
internal import WeldExecutor

/// A fixed number of threads that run work, first come first served.
///
/// A thread whose work blocks in a lookup does not count: another takes its place, so that the pool cannot run dry.
/// Threads are started when there is work for them, and end with ``shutDown()``.
final class WorkerPool: Sendable {
  private struct State {
    var work: [Work] = []
    var first = 0
    var workers: Set<UInt> = []
    var threadCount = 0
    var idleCount = 0
    var blockedCount = 0
    var isShutDown = false

    var pendingCount: Int { work.count - first }

    mutating func takeFirst() -> Work? {
      guard first < work.count else { return nil }
      let taken = work[first]
      work[first] = {}
      first += 1
      if first == work.count || first > 1024 {
        work.removeFirst(first)
        first = 0
      }
      return taken
    }
  }

  private let limit: Int
  private let state = Mutex(State())
  private let wake = DispatchSemaphore(value: 0)

  init(threadCount: Int) { limit = max(1, threadCount) }

  /// Has a thread run `work`. Returns false when there is no thread to do so.
  func run(_ work: @escaping Work) -> Bool {
    let (isTaken, needsThread) = state.withLock { state in
      guard !state.isShutDown else { return (false, false) }
      state.work.append(work)
      return (true, Self.reserveThread(&state, limit: limit))
    }
    guard isTaken else { return false }
    wake.signal()
    if needsThread { startThread() }
    return true
  }

  private static func reserveThread(_ state: inout State, limit: Int) -> Bool {
    guard state.pendingCount > state.idleCount, state.threadCount - state.blockedCount < limit else {
      return false
    }
    state.threadCount += 1
    return true
  }

  private func startThread() {
    if DetachedThread.start({ [self] in loop() }) { return }
    // Without any thread, this one does what there is to do.
    let isAlone = state.withLock { state in
      state.threadCount -= 1
      return state.threadCount == 0
    }
    while isAlone, let work = state.withLock({ $0.takeFirst() }) { work() }
  }

  private func loop() {
    let thread = UInt(pthread_self())
    state.withLock { _ = $0.workers.insert(thread) }
    while true {
      state.withLock { $0.idleCount += 1 }
      wake.wait()
      let (work, isOver) = state.withLock { state in
        state.idleCount -= 1
        let work = state.takeFirst()
        return (work, work == nil && state.isShutDown)
      }
      work?()
      let ends = state.withLock { state in
        let isSurplus = state.threadCount - state.blockedCount > limit
        guard isOver || isSurplus else { return false }
        state.threadCount -= 1
        state.workers.remove(thread)
        return true
      }
      // The end goes from thread to thread: one may have been started after it began.
      if isOver { wake.signal() }
      if ends { return }
    }
  }

  /// Runs `body`, which waits for something that may need a thread.
  func whileBlocked(_ body: () -> Void) {
    let thread = UInt(pthread_self())
    let (isWorker, needsThread) = state.withLock { state in
      guard state.workers.contains(thread) else { return (false, false) }
      state.blockedCount += 1
      return (true, Self.reserveThread(&state, limit: limit))
    }
    if needsThread { startThread() }
    body()
    if isWorker { state.withLock { $0.blockedCount -= 1 } }
  }

  /// Takes no more work; the threads end when they have done what there is.
  func shutDown() {
    let count = state.withLock { state in
      state.isShutDown = true
      return state.threadCount
    }
    for _ in 0..<count { wake.signal() }
  }
}
