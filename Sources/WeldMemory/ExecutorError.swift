/// Why the process in which linked code runs could not do what was asked.
public enum ExecutorError: Error, Equatable, Sendable {
  /// A shared library that the dynamic loader refused, with its words.
  case libraryNotLoaded(path: String, message: String)
  /// A command from which no process could be made.
  case notStarted(command: String, reason: String)
  /// An address at which nobody could be reached.
  case notConnected(address: String, reason: String)
  /// What was started or reached is no executor: it was lost before it said what it is.
  case noSetup(Loss)
  /// An executor for a machine that Weld does not link.
  case unsupportedTarget(triple: String)
  /// An executor without this symbol, which every executor of the supported versions has.
  case missingService(name: String)
  /// The executor did not do it, in its words.
  case refused(call: String, message: String)
  /// The executor answered without a result: it could not read the arguments, or the called function failed;
  /// the protocol carries no reason.
  case noResult(call: String)
  /// The executor is gone. Whatever is asked of it from now on ends in this error.
  case lost(Loss)

  /// How an executor was lost.
  public enum Loss: Error, Equatable, Sendable {
    /// It ended by itself: the program that ran there called `exit`, or it was told to.
    case exited(status: Int32)
    /// It died of a signal.
    case killed(signal: Int32)
    /// It closed the connection, and how it ended is not known.
    case disconnected
    /// It said that it ends, and perhaps why.
    case hungUp(message: String)
    /// It closed the connection in the middle of a message; both in bytes. `expected` is at least as much.
    case truncated(received: Int, expected: Int)
    /// It announced a message larger than the limit; both in bytes.
    case messageTooLarge(byteCount: UInt64, limit: Int)
    /// It sent what the protocol does not have.
    case protocolViolation(String)
    /// It did not answer, send the rest of a message, or take one, in time.
    case timedOut(waitingFor: String, limit: Duration)
    /// The connection failed, with the system's `errno`.
    case connection(call: String, errno: Int32)
    /// This process has no thread left to listen to it.
    case noThread
    /// It was closed from this side.
    case closed
  }
}

extension ExecutorError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .libraryNotLoaded(let path, let message): "\(path): the library cannot be loaded: \(message)"
    case .notStarted(let command, let reason): "the executor '\(command)' cannot be started: \(reason)"
    case .notConnected(let address, let reason): "no executor can be reached at \(address): \(reason)"
    case .noSetup(let loss):
      "the executor \(loss) before it said what it is; "
        + "expected a program that speaks the protocol of llvm-jitlink-executor 19"
    case .unsupportedTarget(let triple):
      "the executor is for '\(triple)', which Weld does not link; expected x86_64, powerpc64le or s390x"
    case .missingService(let name):
      "the executor has no '\(name)'; expected one with the services of llvm-jitlink-executor 19"
    case .refused(let call, let message): "the executor refused to \(call): \(message)"
    case .noResult(let call):
      "the executor could not \(call), for a reason that its protocol does not carry; "
        + "its standard error may tell more"
    case .lost(let loss): "the executor \(loss)"
    }
  }
}

extension ExecutorError.Loss: CustomStringConvertible {
  public var description: String {
    switch self {
    case .exited(let status): "exited with status \(status)"
    case .killed(let signal): "died of signal \(signal)"
    case .disconnected: "closed the connection, and how it ended is not known"
    case .hungUp(let message): message.isEmpty ? "hung up" : "hung up: \(message)"
    case .truncated(let received, let expected):
      "closed the connection in the middle of a message, after \(received) of at least \(expected) bytes"
    case .messageTooLarge(let byteCount, let limit):
      "announced a message of \(byteCount) bytes, which is more than the limit of \(limit)"
    case .protocolViolation(let text): "does not keep to the protocol: \(text)"
    case .timedOut(let what, let limit): "took longer than \(limit) to \(what)"
    case .connection(let call, let errno):
      "cannot be reached any more: \(call) failed: \(systemMessage(errno))"
    case .noThread: "cannot be listened to, since this process can have no more threads"
    case .closed: "was closed from this side"
    }
  }
}
