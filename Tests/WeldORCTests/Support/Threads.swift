import Foundation
import Testing

/// Runs `body`, which may block, on a thread of its own, and waits; what it throws is an issue.
func onThread(_ body: @escaping @Sendable () throws -> Void) throws {
  let semaphore = DispatchSemaphore(value: 0)
  let problem = Shared<String?>(nil)
  Thread.detachNewThread {
    do { try body() } catch { problem.value = "\(error)" }
    semaphore.signal()
  }
  try #require(semaphore.wait(timeout: .now() + 60) == .success)
  #expect(problem.value == nil)
}
