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
  /// The ends of a pipe that ends all waits once it is written to.
  private let stopReader: Int32
  private let stopWriter: Int32
  /// Becomes readable when the executor's process has ended, whoever else still has its descriptors.
  private let processDescriptor: Int32

  /// Takes the descriptors over.
  ///
  /// - Parameter process: the executor, if it is a process of this one's.
  init(input: Int32, output: Int32, process: pid_t? = nil) throws(ExecutorError) {
    let (stop, failure) = Pipe.make()
    self.input = input
    self.output = Mutex(output)
    stopReader = stop?.reader.take() ?? -1
    stopWriter = stop?.writer.take() ?? -1
    processDescriptor =
      process.map { Int32(truncatingIfNeeded: systemCall(Self.pidfdOpen, Int($0), 0)) } ?? -1
    guard stop != nil else { throw .lost(.connection(call: "pipe", errno: failure)) }
    for descriptor in [input, output] { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(output, F_SETFL, fcntl(output, F_GETFL) | O_NONBLOCK)
  }

  /// `pidfd_open`, the same on all machines.
  private static let pidfdOpen = 434

  deinit {
    if let output = output.withLock({ $0.take() }), output != input { Glibc.close(output) }
    for descriptor in [input, stopReader, stopWriter, processDescriptor] where descriptor >= 0 {
      Glibc.close(descriptor)
    }
  }

  /// Sends all of `bytes`.
  ///
  /// - Parameter limit: how long the other side may take until it takes more of them.
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
          switch try Polling.wait(for: [(stopReader, POLLIN), (output, POLLOUT)], atMost: limit) {
          case nil: throw .timedOut(waitingFor: "take a message", limit: limit)
          case 0: throw .closed
          default: break
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
      // What the process has sent is there before its end is.
      switch try Polling.wait(
        for: [(stopReader, POLLIN), (input, POLLIN), (processDescriptor, POLLIN)], atMost: limit)
      {
      case nil: throw .timedOut(waitingFor: "send the rest of a message", limit: limit ?? .zero)
      case 0: throw .closed
      // Unless it came in between.
      case 2:
        guard try Polling.wait(for: [(input, POLLIN)], atMost: .zero) != nil else { return [] }
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

  /// Ends all waits, of the receiver and of senders, and sends nothing more.
  func stop() {
    // One byte, which nobody reads: only that it is there counts.
    _ = unsafe Glibc.write(stopWriter, [0 as UInt8], 1)
    finishSending()
  }

  /// Writes as much as goes at once.
  ///
  /// - Returns: the bytes written, or else the system's `errno`.
  private static func write(_ bytes: ArraySlice<UInt8>, to output: Int32) -> (count: Int, errno: Int32) {
    // A pipe that nobody reads makes a signal, which is kept from the program, unless it is one of its own.
    var pipeSignal = sigset_t()
    var earlier = sigset_t()
    var pending = sigset_t()
    // All of them write to the variables given.
    unsafe sigemptyset(&pipeSignal)
    unsafe sigaddset(&pipeSignal, SIGPIPE)
    unsafe sigpending(&pending)
    let wasPending = unsafe sigismember(&pending, SIGPIPE) == 1
    unsafe pthread_sigmask(SIG_BLOCK, &pipeSignal, &earlier)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &earlier, nil) }
    let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(output, $0.baseAddress, $0.count) }
    let failure = errno
    if count < 0, failure == EPIPE, !wasPending {
      var now = timespec()
      unsafe sigtimedwait(&pipeSignal, nil, &now)
    }
    return (count, failure)
  }
}

/// The system's calls by number; those used here take numbers.
@_extern(c, "syscall")
private func systemCall(_ number: Int, _ first: Int, _ second: Int) -> Int
