internal import Dispatch
internal import Synchronization

/// The result of a lookup, for a thread that waits for it.
final class Waiter: Sendable {
  private struct State: Sendable {
    var result: Result<FoundDefinitions, OrcError>?
    /// What the thread waits for; seldom there is nothing to be waited for.
    var semaphore: DispatchSemaphore?
  }

  private let state = Mutex(State())

  func set(_ result: Result<FoundDefinitions, OrcError>) {
    let semaphore = state.withLock { state in
      state.result = result
      return state.semaphore
    }
    semaphore?.signal()
  }

  /// The result, once.
  func take() -> Result<FoundDefinitions, OrcError>? { state.withLock { $0.result.take() } }
  var isDone: Bool { state.withLock { $0.result != nil } }

  func block() {
    let semaphore = state.withLock { state -> DispatchSemaphore? in
      guard state.result == nil else { return nil }
      let new = DispatchSemaphore(value: 0)
      state.semaphore = new
      return new
    }
    semaphore?.wait()
  }
}
