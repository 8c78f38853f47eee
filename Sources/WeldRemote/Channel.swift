internal import Glibc
internal import Synchronization
internal import WeldMemory

/// Two descriptors, perhaps of one socket, through which bytes go to and come from an executor.
///
/// One thread may receive while others send. The descriptors are closed with the last reference.
final class Channel: Sendable {
  private let input: Int32
  /// What is written to, one message after another; `nil` once nothing more is to be sent.
  private let output: Mutex<Int32?>
  /// The ends of a pipe that ends the wait of the receiver when it is written to.
  private let wakeReader: Int32
  private let wakeWriter: Int32

  /// Takes the descriptors over.
  init(input: Int32, output: Int32) throws(ExecutorError) {
    var ends: [Int32] = [-1, -1]
    // The call writes two descriptors.
    let failure = unsafe pipe(&ends) == 0 ? 0 : errno
    self.input = input
    self.output = Mutex(output)
    wakeReader = ends[0]
    wakeWriter = ends[1]
    guard failure == 0 else { throw .lost(.connection(call: "pipe", errno: failure)) }
    for descriptor in [input, output] + ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(output, F_SETFL, fcntl(output, F_GETFL) | O_NONBLOCK)
  }

  deinit {
    if let output = output.withLock({ $0.take() }), output != input { Glibc.close(output) }
    for descriptor in [input, wakeReader, wakeWriter] where descriptor >= 0 { Glibc.close(descriptor) }
  }

  /// Sends all of `bytes`.
  ///
  /// - Parameter limit: how long it may take until the other side takes more of them.
  func send(_ bytes: [UInt8], within limit: Duration) throws(ExecutorError.Loss) {
    try output.withLock { output throws(ExecutorError.Loss) in
      guard let output else { throw .closed }
      var sent = 0
      while sent < bytes.count {
        let (count, failure) = Self.write(bytes[sent...], to: output)
        if count > 0 {
          sent += count
          continue
        }
        switch failure {
        case EINTR: continue
        case EAGAIN:
          guard try Self.wait([(output, POLLOUT)], within: limit) != nil else {
            throw .timedOut(waitingFor: "take a message", limit: limit)
          }
        // What became of the other side is seen where it is read from.
        case EPIPE, ECONNRESET: throw .disconnected
        default: throw .connection(call: "write", errno: failure)
        }
      }
    }
  }

  /// The next bytes, as many as there are; none at the end.
  ///
  /// - Parameter limit: how long to wait for them; `nil` for as long as it takes.
  func receive(within limit: Duration?) throws(ExecutorError.Loss) -> [UInt8] {
    while true {
      switch try Self.wait([(wakeReader, POLLIN), (input, POLLIN)], within: limit) {
      case nil: throw .timedOut(waitingFor: "send the rest of a message", limit: limit ?? .zero)
      case 0: throw .closed
      default: break
      }
      var failure: Int32 = 0
      let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
        // The call writes at most as many bytes as there is room for.
        let received = unsafe read(input, buffer.baseAddress, buffer.count)
        if received < 0 { failure = errno }
        count = max(received, 0)
      }
      switch failure {
      case 0: return bytes
      case EINTR, EAGAIN: continue
      // Reset by a peer that is gone.
      case ECONNRESET: return []
      default: throw .connection(call: "read", errno: failure)
      }
    }
  }

  /// Sends nothing more, which the other side sees as the end.
  func finishSending() {
    let output = output.withLock { $0.take() }
    guard let output else { return }
    if output == input { shutdown(input, Int32(SHUT_WR)) } else { Glibc.close(output) }
  }

  /// Ends a wait for more bytes.
  func stopReceiving() {
    // One byte, of which only the arrival counts.
    _ = unsafe Glibc.write(wakeWriter, [0 as UInt8], 1)
  }

  /// Writes as much as goes at once.
  ///
  /// - Returns: the bytes written, or else the system's `errno`.
  private static func write(_ bytes: ArraySlice<UInt8>, to output: Int32) -> (count: Int, errno: Int32) {
    // A pipe that nobody reads makes a signal, which is kept from this thread's program.
    var pipeSignal = sigset_t()
    var earlier = sigset_t()
    // All of them write to the variables given.
    unsafe sigemptyset(&pipeSignal)
    unsafe sigaddset(&pipeSignal, SIGPIPE)
    unsafe pthread_sigmask(SIG_BLOCK, &pipeSignal, &earlier)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &earlier, nil) }
    let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(output, $0.baseAddress, $0.count) }
    let failure = errno
    if count < 0, failure == EPIPE {
      var now = timespec()
      unsafe sigtimedwait(&pipeSignal, nil, &now)
    }
    return (count, failure)
  }

  /// Waits until one of `descriptors` is ready; the number of the first one that is, or `nil` if none is in
  /// time.
  private static func wait(
    _ descriptors: [(Int32, Int32)], within limit: Duration?
  ) throws(ExecutorError.Loss) -> Int? {
    var polled = descriptors.map { pollfd(fd: $0.0, events: Int16($0.1), revents: 0) }
    let end = limit.map { ContinuousClock.now + $0 }
    while true {
      let left = end.map { Int32(clamping: max(0, ($0 - .now) / .milliseconds(1)).rounded(.up)) } ?? -1
      // The call reads and writes the elements of the array.
      let count = unsafe poll(&polled, nfds_t(polled.count), left)
      if count > 0 { return polled.firstIndex { $0.revents != 0 } }
      if count == 0 { return nil }
      guard errno == EINTR else { throw .connection(call: "poll", errno: errno) }
    }
  }
}

extension Int32 {
  /// The nearest value.
  fileprivate init(clamping value: Double) {
    self = value >= Double(Int32.max) ? .max : value <= 0 ? 0 : Int32(value)
  }
}
