internal import Synchronization
internal import WeldExecutor
internal import WeldMemory

/// A conversation with an executor: calls in both directions, results in any order.
///
/// One thread reads what arrives, from the first message to the end. It waits for nothing else, so what may wait (handlers,
/// completions) runs on others.
final class Connection: Sendable {
  typealias Completion = @Sendable (Result<[UInt8], ExecutorError>) -> Void
  typealias Handler = @Sendable ([UInt8]) -> [UInt8]

  private let channel: Channel
  private let child: ExecutorChild?
  private let options: SimpleRemoteEPC.Options
  private let state = Mutex(State())
  private let isSetUp = Signal()
  private let isOver = Signal()

  private struct State {
    var setup: Setup?
    /// How the executor was lost, from then on.
    var loss: ExecutorError.Loss?
    /// Whether the end was asked for.
    var isClosing = false
    /// Whether somebody is finding out how the executor was lost.
    var isEnding = false
    /// How the executor's process ended.
    var ending: ExecutorError.Loss?
    var nextSequenceNumber: UInt64 = 0
    /// What is to be told the result of each call that has none yet.
    var pending: [UInt64: Completion] = [:]
    var handlers: [Address: Handler] = [:]
    /// How many handlers run.
    var handling = 0
    /// What programs said they end with, which a connection alone does not tell, by the tags under which they did.
    var exitStatuses: [Address: Int32] = [:]
  }

  /// How many calls of the executor may be without an answer: each has a thread.
  private static let handlingLimit = 1000

  init(_ channel: Channel, child: ExecutorChild?, options: SimpleRemoteEPC.Options) throws(ExecutorError) {
    self.channel = channel
    self.child = child
    self.options = options
    guard DetachedThread.start({ self.receiveAll() }) else {
      _ = child?.end(within: .zero)
      throw .lost(.noThread)
    }
  }

  /// What the executor says it is, as soon as it does.
  func setup() throws(ExecutorError) -> Setup {
    guard isSetUp.wait(atMost: options.answerLimit) else {
      throw .noSetup(lose(.timedOut(waitingFor: "begin", limit: options.answerLimit)))
    }
    let (setup, loss) = state.withLock { ($0.setup, $0.loss) }
    guard let setup else { throw .noSetup(loss ?? .closed) }
    return setup
  }

  /// Lets `handler` answer the calls that code in the executor makes to `tag`; `nil` for nobody any more.
  func setHandler(for tag: Address, _ handler: Handler?) {
    // Given back after the lock is: it may be the last to hold anything.
    _ = state.withLock { state -> Handler? in
      guard !state.isEnding else { return nil }
      defer { state.handlers[tag] = handler }
      return state.handlers[tag]
    }
  }

  /// Notes what the program of `tag` says it ends with; `nil` once it has ended otherwise.
  func note(exitStatus: Int32?, of tag: Address) {
    state.withLock { $0.exitStatuses[tag] = exitStatus }
    guard exitStatus != nil else { return }
    // The connection ends with the process, unless one that it started has its descriptors, too.
    _ = DetachedThread.start {
      let isOver = self.isOver.wait(atMost: Self.exitLimit)
      if !isOver, self.state.withLock({ $0.exitStatuses[tag] != nil }) { self.lose(.disconnected) }
    }
  }

  /// How long a process may take from the report of its exit, which is the last thing it does, to its end.
  private static let exitLimit: Duration = .seconds(5)

  /// Whether the system tells how the executor ends.
  var knowsProcess: Bool { child != nil }
}

// MARK: - Calls

extension Connection {
  /// Calls the wrapper function `function` in the executor.
  ///
  /// - Parameter completion: called once, perhaps on the thread that reads: it must not wait for anything.
  func call(_ function: Address, _ arguments: [UInt8], completion: @escaping Completion) {
    let registered = state.withLock { state -> Result<UInt64?, ExecutorError.Loss> in
      if let loss = state.loss { return .failure(loss) }
      guard !state.isClosing else { return .failure(.closed) }
      let number = state.nextSequenceNumber
      state.nextSequenceNumber &+= 1
      state.pending[number] = completion
      // It is told the cause as soon as that is known.
      return .success(state.isEnding ? nil : number)
    }
    switch registered {
    case .failure(let loss): completion(.failure(.lost(loss)))
    case .success(nil): break
    case .success(let number?):
      send(Message(kind: .call, sequenceNumber: number, tag: function, payload: arguments))
    }
  }

  /// Calls `function` and waits for its result.
  ///
  /// - Parameters:
  ///   - purpose: what it does, for errors.
  ///   - limit: how long it may take; `nil` for as long as it takes.
  func call(
    _ function: Address, _ arguments: [UInt8], to purpose: String, within limit: Duration?
  ) throws(ExecutorError) -> [UInt8] {
    let answer = Answer()
    call(function, arguments) { answer.set($0) }
    guard let result = answer.wait(atMost: limit) else {
      throw .lost(lose(.timedOut(waitingFor: purpose, limit: limit ?? .zero)))
    }
    return try result.get()
  }

  private func send(_ message: Message) {
    do {
      try channel.send(message.bytes, within: options.answerLimit)
    } catch .closed {
      // The end was asked for meanwhile, and answers what is pending.
    } catch .disconnected {
      // The receiver sees the end, too, and then learns why; if it does not, this is all there is to say.
      let isWaiting = DetachedThread.start {
        if !self.isOver.wait(atMost: .seconds(1)) { self.lose(.disconnected) }
      }
      if !isWaiting { lose(.disconnected) }
    } catch {
      lose(error)
    }
  }
}

// MARK: - Receiving

extension Connection {
  private func receiveAll() {
    var assembly = MessageAssembly(byteLimit: options.messageByteLimit)
    do throws(ExecutorError.Loss) {
      while true {
        let bytes = try channel.receive(within: assembly.isUnderway ? options.answerLimit : nil)
        guard !bytes.isEmpty else {
          lose(assembly.loss)
          return
        }
        assembly.append(bytes[...])
        while let message = try assembly.next() { try handle(message) }
      }
    } catch {
      lose(error)
    }
  }

  private func handle(_ message: Message) throws(ExecutorError.Loss) {
    guard state.withLock({ $0.setup != nil }) else {
      guard message.kind == .setup else {
        throw .protocolViolation("a first message of another kind than Setup")
      }
      let setup = try Setup(message.payload)
      state.withLock { $0.setup = setup }
      isSetUp.set()
      return
    }
    switch message.kind {
    case .setup: throw .protocolViolation("a second Setup message")
    case .hangup:
      var reader = SPSReader(message.payload)
      throw .hungUp(message: (try? reader.error()) ?? "")
    case .result:
      let completion = state.withLock { $0.pending.removeValue(forKey: message.sequenceNumber) }
      guard let completion else {
        throw .protocolViolation("a result of call \(message.sequenceNumber), for which nobody waits")
      }
      completion(.success(message.payload))
    case .call: try answer(message)
    }
  }

  /// Answers a call of code in the executor, on a thread of its own: a handler may call the executor in turn.
  private func answer(_ call: Message) throws(ExecutorError.Loss) {
    let handling = state.withLock { state in
      state.handling += 1
      return state.handling
    }
    guard handling <= Self.handlingLimit else {
      throw .protocolViolation("more than \(Self.handlingLimit) calls at a time")
    }
    let isStarted = DetachedThread.start {
      // Without a handler, an empty result, as LLVM's controller has it.
      let result = self.state.withLock({ $0.handlers[call.tag] })?(call.payload) ?? []
      self.state.withLock { $0.handling -= 1 }
      self.send(Message(kind: .result, sequenceNumber: call.sequenceNumber, tag: .zero, payload: result))
    }
    guard isStarted else { throw .noThread }
  }
}

// MARK: - The end

extension Connection {
  /// Ends the conversation, and waits until the executor is gone.
  ///
  /// - Returns: how a process that was started for it ended; `nil` for others.
  func close() throws(ExecutorError) -> ExecutorError.Loss? {
    let isFirst = state.withLock { state in
      defer { state.isClosing = true }
      return !state.isEnding && !state.isClosing
    }
    if isFirst {
      send(Message(kind: .hangup, sequenceNumber: 0, tag: .zero, payload: [UInt8](sps: { $0.append(false) })))
      channel.finishSending()
    }
    guard isOver.wait(atMost: options.answerLimit) else {
      throw .lost(lose(.timedOut(waitingFor: "end", limit: options.answerLimit)))
    }
    return state.withLock { $0.ending }
  }

  /// Gives the executor up, unless it is lost already, and tells everybody who waits for it.
  ///
  /// - Returns: how it was lost, which may be known better than the caller does.
  @discardableResult
  private func lose(_ found: ExecutorError.Loss) -> ExecutorError.Loss {
    let (isFirst, isClosing) = state.withLock { state in
      defer { state.isEnding = true }
      return (!state.isEnding, state.isClosing)
    }
    // What follows from the first cause is none.
    guard isFirst else {
      _ = isOver.wait(atMost: nil)
      return state.withLock { $0.loss } ?? found
    }
    // A process that waits for the end of its input comes to its own end by this.
    channel.stop()
    let end = child?.end(within: found.isEnd ? options.answerLimit : .zero)
    let cause = cause(of: found, end)
    let (loss, pending, handlers) = state.withLock { state in
      let loss = isClosing && cause.isEnd ? .closed : cause
      state.loss = loss
      state.ending = child == nil ? nil : end ?? cause
      defer {
        state.pending = [:]
        state.handlers = [:]
      }
      return (loss, state.pending, state.handlers)
    }
    isSetUp.set()
    isOver.set()
    for completion in pending.values { completion(.failure(.lost(loss))) }
    // What they hold may be given back only now: it may wait for the end.
    withExtendedLifetime(handlers) {}
    return loss
  }

  /// Why the conversation ended: what became of the process tells more than its descriptors do.
  private func cause(
    of found: ExecutorError.Loss, _ end: ExecutorError.Loss?
  ) -> ExecutorError.Loss {
    switch (found, end) {
    case (.disconnected, let end?), (.connection, let end?): end
    case (.truncated, .killed(let signal)): .killed(signal: signal)
    case (.disconnected, nil) where child != nil:
      .timedOut(waitingFor: "end after it closed the connection", limit: options.answerLimit)
    case (.disconnected, nil):
      state.withLock { $0.exitStatuses.values.first }.map { .exited(status: $0) } ?? found
    default: found
    }
  }
}

extension ExecutorError.Loss {
  /// Whether it is the end that a process comes to by itself.
  fileprivate var isEnd: Bool {
    switch self {
    case .exited, .killed, .disconnected, .truncated, .connection, .hungUp: true
    case .messageTooLarge, .protocolViolation, .timedOut, .closed, .noThread: false
    }
  }
}
