internal import Dispatch
internal import Synchronization
internal import WeldMemory

/// Something that happens once, and that any number of threads can wait for.
final class Signal: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)

  func set() { semaphore.signal() }

  /// Waits until it has happened; whether it did in time.
  func wait(atMost limit: Duration?) -> Bool {
    let deadline = limit.map { DispatchTime.now() + $0.dispatchInterval } ?? .distantFuture
    guard semaphore.wait(timeout: deadline) == .success else { return false }
    // For the next one who waits.
    semaphore.signal()
    return true
  }
}

/// The result of a call, on its way to the thread that waits for it.
final class Answer: Sendable {
  private let result = Mutex<Result<[UInt8], ExecutorError>?>(nil)
  private let isThere = Signal()

  func set(_ result: Result<[UInt8], ExecutorError>) {
    self.result.withLock { $0 = result }
    isThere.set()
  }

  /// The result, or `nil` if it does not come in time.
  func wait(atMost limit: Duration?) -> Result<[UInt8], ExecutorError>? {
    isThere.wait(atMost: limit) ? result.withLock { $0 } : nil
  }
}

/// A completion of the user's, until somebody takes it to call it.
///
/// So the thread that reads never is the last to hold it, and with it what waits for that thread as it goes.
final class HeldCompletion: Sendable {
  private let completion: Mutex<(@Sendable (Result<[UInt8], ExecutorError>) -> Void)?>

  init(_ completion: @escaping @Sendable (Result<[UInt8], ExecutorError>) -> Void) {
    self.completion = Mutex(completion)
  }

  /// The completion, once.
  func take() -> (@Sendable (Result<[UInt8], ExecutorError>) -> Void)? {
    completion.withLock { $0.take() }
  }
}

extension Duration {
  /// The same for Dispatch, as long as it can say.
  fileprivate var dispatchInterval: DispatchTimeInterval {
    let nanoseconds = self / .nanoseconds(1)
    return .nanoseconds(nanoseconds < 9e18 ? Int(nanoseconds) : .max)
  }
}
