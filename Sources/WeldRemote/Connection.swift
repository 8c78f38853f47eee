internal import Dispatch
internal import Synchronization
internal import WeldMemory

/// A conversation with an executor: calls in both directions, results in any order.
///
/// One thread reads what arrives, from the first message to the end. Handlers run on others.
final class Connection: Sendable {
  typealias Completion = @Sendable (Result<[UInt8], ExecutorError>) -> Void
  typealias Handler = @Sendable ([UInt8]) -> [UInt8]

  private let channel: Channel
  private let child: ExecutorChild?
  private let options: SimpleRemoteEPC.Options
  private let receiver = DispatchQueue(label: "weld.executor.receiver")
  private let isReceiver = DispatchSpecificKey<Void>()
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
    /// How the executor ended after it was asked to.
    var ending: ExecutorError.Loss?
    var nextSequenceNumber: UInt64 = 0
    /// What is to be told the result of each call that has none yet.
    var pending: [UInt64: Completion] = [:]
    var handlers: [Address: Handler] = [:]
    /// What a program said it ends with, which a connection alone does not tell.
    var exitStatus: Int32?
  }

  init(_ channel: Channel, child: ExecutorChild?, options: SimpleRemoteEPC.Options) {
    self.channel = channel
    self.child = child
    self.options = options
    receiver.setSpecific(key: isReceiver, value: ())
    receiver.async { self.receiveAll() }
  }

  /// A thread of its own. Those of the global queue may all be waiting for what is to be done on it.
  private static var thread: DispatchQueue { DispatchQueue(label: "weld.executor") }

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
    state.withLock { $0.handlers[tag] = handler }
  }

  /// Notes what a program says it ends with; `nil` once it has ended otherwise.
  func note(exitStatus: Int32?) { state.withLock { $0.exitStatus = exitStatus } }
}

// MARK: - Calls

extension Connection {
  /// Calls the wrapper function `function` in the executor. `completion` is called once, on any thread.
  func call(_ function: Address, _ arguments: [UInt8], completion: @escaping Completion) {
    let registered = state.withLock { state -> Result<UInt64, ExecutorError.Loss> in
      if let loss = state.loss { return .failure(loss) }
      guard !state.isClosing else { return .failure(.closed) }
      let number = state.nextSequenceNumber
      state.nextSequenceNumber &+= 1
      state.pending[number] = completion
      return .success(number)
    }
    switch registered {
    case .failure(let loss): completion(.failure(.lost(loss)))
    case .success(let number):
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
    } catch .disconnected {
      // The receiver sees the end, too, and then learns why; if it does not, this is all there is to say.
      Self.thread.asyncAfter(deadline: .now() + .seconds(1)) { self.lose(.disconnected) }
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
    case .call: answer(message)
    }
  }

  /// Answers a call of code in the executor, on a thread of its own: a handler may call the executor in turn.
  private func answer(_ call: Message) {
    let handler = state.withLock { $0.handlers[call.tag] }
    Self.thread.async {
      // Without a handler, an empty result, as LLVM's controller has it.
      let result = handler?(call.payload) ?? []
      self.send(Message(kind: .result, sequenceNumber: call.sequenceNumber, tag: .zero, payload: result))
    }
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
      return state.loss == nil && !state.isClosing
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

  /// Ends the conversation from a `deinit`, which nobody hears of.
  func closeUnheard() {
    // The receiver cannot wait for itself.
    guard DispatchQueue.getSpecific(key: isReceiver) == nil else {
      Self.thread.async { _ = try? self.close() }
      return
    }
    _ = try? close()
  }

  /// Gives the executor up, unless it is lost already, and tells everybody who waits for it.
  ///
  /// - Returns: how it was lost, which may be known better than the caller does.
  @discardableResult
  private func lose(_ found: ExecutorError.Loss) -> ExecutorError.Loss {
    let isFirst = state.withLock { state in
      defer { state.isEnding = true }
      return !state.isEnding
    }
    // What follows from the first cause is none.
    guard isFirst else {
      _ = isOver.wait(atMost: nil)
      return state.withLock { $0.loss } ?? found
    }
    let ending = ending(after: found)
    let (loss, pending) = state.withLock { state in
      let loss = state.isClosing && ending.isEnd ? .closed : ending
      state.loss = loss
      state.ending = child == nil ? nil : ending
      state.handlers = [:]
      defer { state.pending = [:] }
      return (loss, state.pending)
    }
    isSetUp.set()
    isOver.set()
    for completion in pending.values { completion(.failure(.lost(loss))) }
    channel.finishSending()
    channel.stopReceiving()
    return loss
  }

  /// Why the conversation ended: what became of the process tells more than its descriptors do.
  private func ending(after found: ExecutorError.Loss) -> ExecutorError.Loss {
    // A process that only stopped to speak is none of an executor any more.
    let end = child?.end(within: found.isEnd ? Self.grace : .zero)
    switch (found, end) {
    case (.disconnected, let end?), (.connection, let end?): return end
    case (.truncated, .killed(let signal)): return .killed(signal: signal)
    case (.disconnected, nil): return state.withLock { $0.exitStatus }.map { .exited(status: $0) } ?? found
    default: return found
    }
  }

  /// How long a process may take to end after it closed its descriptors.
  private static let grace: Duration = .seconds(5)
}

extension ExecutorError.Loss {
  /// Whether it is the end that a process comes to by itself.
  fileprivate var isEnd: Bool {
    switch self {
    case .exited, .killed, .disconnected, .truncated, .connection, .hungUp: true
    case .messageTooLarge, .protocolViolation, .timedOut, .closed: false
    }
  }
}
