internal import Glibc
internal import WeldMemory

/// Waiting for descriptors.
enum Polling {
  /// Waits until one of `descriptors` is ready, or has come to its end; the number of the first one that is, or
  /// `nil` if none is in time. Negative descriptors are never ready.
  ///
  /// - Parameters:
  ///   - descriptors: each with what is waited for, `POLLIN` or `POLLOUT`.
  ///   - limit: how long to wait; `nil` for as long as it takes.
  static func wait(
    for descriptors: [(Int32, Int32)], atMost limit: Duration?
  ) throws(ExecutorError.Loss) -> Int? {
    var polled = descriptors.map { pollfd(fd: $0.0, events: Int16($0.1), revents: 0) }
    let start = ContinuousClock.now
    while true {
      // The call reads and writes the elements of the array.
      let count = unsafe poll(
        &polled, nfds_t(polled.count), limit.map { milliseconds($0 - start.duration(to: .now)) } ?? -1)
      if count > 0 { return polled.firstIndex { $0.revents != 0 } }
      let isLate = limit.map { start.duration(to: .now) >= $0 } ?? false
      if count == 0, isLate { return nil }
      if count < 0, errno != EINTR { throw .connection(call: "poll", errno: errno) }
    }
  }

  /// Whole milliseconds, as many as a wait can take.
  private static func milliseconds(_ duration: Duration) -> Int32 {
    let count = (duration / .milliseconds(1)).rounded(.up)
    return count >= Double(Int32.max) ? .max : count <= 0 ? 0 : Int32(count)
  }
}
