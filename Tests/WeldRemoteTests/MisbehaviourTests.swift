import Foundation
import Glibc
import Synchronization
import Testing
import WeldExecutor
import WeldMemory

@testable import WeldRemote

/// Whatever an executor does, it ends in an error that says what it did.
@Suite("Executors that misbehave", .timeLimit(.minutes(2)))
struct MisbehaviourTests {
  // MARK: - Before they say what they are

  @Test func `one that says nothing and closes is lost`() {
    let executor = ScriptedExecutor()
    executor.finish()
    #expect(throws: ExecutorError.noSetup(.disconnected)) { try SimpleRemoteEPC(unready: executor) }
    #expect(executor.waitForEnd())
  }

  @Test func `one whose first message ends at any byte is lost there`() {
    let executor = ScriptedExecutor()
    let bytes = executor.setup().bytes
    for count in stride(from: 1, to: bytes.count, by: 7) {
      let executor = ScriptedExecutor()
      executor.send(Array(bytes[..<count]))
      executor.finish()
      #expect(
        throws: ExecutorError.noSetup(.truncated(received: count, expected: count < 8 ? 32 : bytes.count))
      ) { try SimpleRemoteEPC(unready: executor) }
      #expect(executor.waitForEnd())
    }
  }

  @Test func `one that never says anything is given up`() {
    let executor = ScriptedExecutor()
    #expect(throws: ExecutorError.noSetup(.timedOut(waitingFor: "begin", limit: .milliseconds(50)))) {
      try SimpleRemoteEPC(unready: executor, answerLimit: .milliseconds(50))
    }
    #expect(executor.waitForEnd())
  }

  @Test func `one that stops in its first message is given up`() {
    let executor = ScriptedExecutor()
    executor.send(Array(executor.setup().bytes.dropLast()))
    #expect(throws: ExecutorError.self) {
      try SimpleRemoteEPC(unready: executor, answerLimit: .milliseconds(50))
    }
    #expect(executor.waitForEnd())
  }

  @Test(arguments: [Message.Kind.hangup, .result, .call])
  func `one that begins otherwise does not keep to the protocol`(kind: Message.Kind) {
    let executor = ScriptedExecutor()
    executor.send(Message(kind: kind, sequenceNumber: 0, tag: .zero, payload: []))
    #expect(
      throws: ExecutorError.noSetup(.protocolViolation("a first message of another kind than Setup"))
    ) { try SimpleRemoteEPC(unready: executor) }
    #expect(executor.waitForEnd())
  }

  @Test func `one of another machine is refused`() {
    for triple in ["aarch64-linux-gnu", "powerpc64-linux-gnu", "", "nonsense"] {
      let executor = ScriptedExecutor()
      executor.send(executor.setup(triple: triple))
      #expect(throws: ExecutorError.unsupportedTarget(triple: triple)) {
        try SimpleRemoteEPC(unready: executor)
      }
      #expect(executor.waitForEnd())
    }
  }

  @Test(arguments: [0, 3, 4095, 1 << 31, UInt64.max])
  func `a page size that is none is refused`(pageSize: UInt64) {
    let executor = ScriptedExecutor()
    executor.send(executor.setup(pageSize: pageSize))
    #expect(throws: ExecutorError.noSetup(.protocolViolation("a page size of \(pageSize) bytes"))) {
      try SimpleRemoteEPC(unready: executor)
    }
  }

  @Test(arguments: ScriptedExecutor.serviceNames)
  func `a service that is missing is named`(name: String) {
    let executor = ScriptedExecutor()
    executor.send(executor.setup(without: name))
    #expect(throws: ExecutorError.missingService(name: name)) { try SimpleRemoteEPC(unready: executor) }
    #expect(executor.waitForEnd())
  }

  @Test func `an announced size beyond the limit is refused`() {
    let executor = ScriptedExecutor()
    executor.send([(1 << 20) + 1, 0, 0, 0].flatMap { ScriptedExecutor.word($0) })
    #expect(throws: ExecutorError.noSetup(.messageTooLarge(byteCount: (1 << 20) + 1, limit: 1 << 20))) {
      try SimpleRemoteEPC(unready: executor)
    }
  }

  // MARK: - Later

  /// An executor that behaves until a function is called that takes no arguments; then it does what `script` says.
  private func executor(
    onCall script: @escaping @Sendable (ScriptedExecutor, Message) -> Void
  ) throws -> (ScriptedExecutor, SimpleRemoteEPC) {
    let executor = ScriptedExecutor { executor, service, call in
      guard service == "__llvm_orc_bootstrap_run_as_int_function_wrapper" else {
        return executor.answer(to: service, call)
      }
      script(executor, call)
      return nil
    }
    return (executor, try SimpleRemoteEPC(executor))
  }

  private let function = Address(rawValue: 0x1000)

  private func expectLoss(
    _ loss: ExecutorError.Loss, onCall script: @escaping @Sendable (ScriptedExecutor, Message) -> Void
  ) throws {
    let (executor, controller) = try executor(onCall: script)
    #expect(throws: ExecutorError.lost(loss)) { try controller.runAsIntFunction(function, 0) }
    // The first cause is that of everything that comes later.
    #expect(throws: ExecutorError.lost(loss)) { try controller.runAsIntFunction(function, 0) }
    #expect(throws: ExecutorError.lost(loss)) { try controller.loadDylib("a.so") }
    #expect(throws: MemoryError.executor(.lost(loss))) {
      let memory = RemoteMemory(controller)
      _ = try memory.allocate([
        SegmentRequest(protection: .read, contentByteCount: 1, byteCount: 1, alignment: 1)
      ]).segments
    }
    #expect(executor.waitForEnd())
  }

  @Test func `one that closes instead of answering is lost`() throws {
    try expectLoss(.disconnected) { executor, _ in executor.finish() }
  }

  @Test func `one that ends in its answer is lost there`() throws {
    for count in 1..<36 {
      try expectLoss(.truncated(received: count, expected: count < 8 ? 32 : 36)) { executor, call in
        let answer = Message(
          kind: .result, sequenceNumber: call.sequenceNumber, tag: .zero, payload: [1, 0, 0, 0])
        executor.send(Array(answer.bytes[..<count]))
        executor.finish()
      }
    }
  }

  @Test func `one that hangs up says why`() throws {
    try expectLoss(.hungUp(message: "tired")) { executor, _ in
      let payload = [UInt8](sps: {
        $0.append(true)
        $0.append("tired")
      })
      executor.send(Message(kind: .hangup, sequenceNumber: 0, tag: .zero, payload: payload))
    }
    try expectLoss(.hungUp(message: "")) { executor, _ in
      executor.send(Message(kind: .hangup, sequenceNumber: 0, tag: .zero, payload: []))
    }
  }

  @Test func `one that answers what nobody asked does not keep to the protocol`() throws {
    try expectLoss(.protocolViolation("a result of call 999, for which nobody waits")) { executor, _ in
      executor.send(Message(kind: .result, sequenceNumber: 999, tag: .zero, payload: []))
    }
  }

  @Test func `one that says twice what it is does not keep to the protocol`() throws {
    try expectLoss(.protocolViolation("a second Setup message")) { executor, _ in
      executor.send(executor.setup())
    }
  }

  @Test func `one that sends no message does not keep to the protocol`() throws {
    let text = Array("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n".utf8)
    let size = text[..<8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    try expectLoss(.messageTooLarge(byteCount: size, limit: 1 << 20)) { executor, _ in executor.send(text) }
    try expectLoss(.protocolViolation("a message of 0 bytes, fewer than its header has")) { executor, _ in
      executor.send([UInt8](repeating: 0, count: 64))
    }
  }

  @Test func `one that announces too much is given up`() throws {
    try expectLoss(.messageTooLarge(byteCount: 1 << 60, limit: 1 << 20)) { executor, _ in
      executor.send([1 << 60, 2, 0, 0].flatMap { ScriptedExecutor.word($0) })
    }
  }

  @Test func `one that answers without a result failed for a reason unknown`() throws {
    let (_, controller) = try executor { executor, call in executor.reply(to: call, []) }
    #expect(throws: ExecutorError.noResult(call: "call a function of an integer")) {
      try controller.runAsIntFunction(function, 0)
    }
    // It is none the worse for it.
    #expect(try controller.loadDylib("a.so").rawValue == Address(rawValue: 0x1234))
  }

  @Test func `one that answers too little failed, too`() throws {
    let (_, controller) = try executor { executor, call in executor.reply(to: call, [1, 2, 3]) }
    #expect(throws: ExecutorError.noResult(call: "call a function of an integer")) {
      try controller.runAsIntFunction(function, 0)
    }
  }

  // MARK: - Deadlines

  @Test func `one that stops to answer is given up`() throws {
    let executor = ScriptedExecutor { executor, service, call in
      service == "__llvm_orc_SimpleExecutorMemoryManager_deallocate_wrapper"
        ? nil : executor.answer(to: service, call)
    }
    let controller = try SimpleRemoteEPC(executor, answerLimit: .milliseconds(100))
    let loss = ExecutorError.Loss.timedOut(waitingFor: "give memory back", limit: .milliseconds(100))
    #expect(throws: ExecutorError.lost(loss)) { try controller.services.deallocate(function) }
    #expect(throws: ExecutorError.lost(loss)) { try controller.runAsIntFunction(function, 0) }
    #expect(executor.waitForEnd())
  }

  @Test func `the user's code may take longer, unless it has a limit`() throws {
    let script: @Sendable (ScriptedExecutor, Message) -> Void = { executor, call in
      Thread.sleep(forTimeInterval: 0.3)
      executor.reply(to: call, [1, 0, 0, 0])
    }
    let patient = ScriptedExecutor { executor, service, call in
      guard service.hasSuffix("int_function_wrapper") else { return executor.answer(to: service, call) }
      script(executor, call)
      return nil
    }
    #expect(
      try SimpleRemoteEPC(patient, answerLimit: .milliseconds(100)).runAsIntFunction(function, 0) == 1)
    let slow = ScriptedExecutor { executor, service, call in
      service.hasSuffix("int_function_wrapper") ? nil : executor.answer(to: service, call)
    }
    slow.send(slow.setup())
    var options = SimpleRemoteEPC.Options()
    options.callLimit = .milliseconds(100)
    let controller = try SimpleRemoteEPC(
      input: slow.controllerInput, output: slow.controllerOutput, options: options)
    #expect(
      throws: ExecutorError.lost(
        .timedOut(waitingFor: "call a function of an integer", limit: .milliseconds(100)))
    ) { try controller.runAsIntFunction(function, 0) }
  }

  @Test func `one that stops in a message is given up`() throws {
    let executor = ScriptedExecutor { executor, service, call in
      guard service.hasSuffix("int_function_wrapper") else { return executor.answer(to: service, call) }
      executor.send([36, 0, 0, 0, 0])
      return nil
    }
    let controller = try SimpleRemoteEPC(executor, answerLimit: .milliseconds(100))
    #expect(
      throws: ExecutorError.lost(
        .timedOut(waitingFor: "send the rest of a message", limit: .milliseconds(100)))
    ) { try controller.runAsIntFunction(function, 0) }
    #expect(executor.waitForEnd())
  }

  @Test func `one that takes no message is given up`() throws {
    let isDone = DispatchSemaphore(value: 0)
    let executor = ScriptedExecutor { executor, service, call in
      guard service.hasSuffix("int_function_wrapper") else { return executor.answer(to: service, call) }
      // Reads nothing more.
      isDone.wait()
      return nil
    }
    let controller = try SimpleRemoteEPC(executor, answerLimit: .milliseconds(200))
    controller.callWrapper(
      try #require(executor.services["__llvm_orc_bootstrap_run_as_int_function_wrapper"]), []
    ) { _ in }
    #expect(
      throws: ExecutorError.lost(.timedOut(waitingFor: "take a message", limit: .milliseconds(200)))
    ) { try controller.write([UInt8](repeating: 1, count: 1 << 20), at: function) }
    isDone.signal()
    #expect(executor.waitForEnd())
  }

  // MARK: - Lies

  @Test func `memory that lies nowhere is refused`() throws {
    for address: UInt64 in [0, 0x7000_0001, .max - 4095] {
      let executor = ScriptedExecutor { executor, service, call in
        service == "__llvm_orc_SimpleExecutorMemoryManager_reserve_wrapper"
          ? [1] + ScriptedExecutor.word(address) : executor.answer(to: service, call)
      }
      #expect(
        throws: ExecutorError.refused(
          call: "reserve 4096 bytes of memory", message: "it is said to lie at \(Address(rawValue: address))")
      ) { try SimpleRemoteEPC(executor) }
      #expect(executor.waitForEnd())
    }
  }

  @Test func `a refusal keeps the executor's words`() throws {
    let executor = ScriptedExecutor { executor, service, call in
      guard service == "__llvm_orc_SimpleExecutorDylibManager_open_wrapper", call.payload[8] != 0 else {
        return executor.answer(to: service, call)
      }
      return [UInt8](sps: {
        $0.append(false)
        $0.append("cannot open it")
      })
    }
    let controller = try SimpleRemoteEPC(executor)
    #expect(throws: ExecutorError.libraryNotLoaded(path: "a.so", message: "cannot open it")) {
      try controller.loadDylib("a.so")
    }
  }

  @Test func `more or fewer symbols than asked for are no answer`() throws {
    let executor = ScriptedExecutor { executor, service, call in
      // The first question is the controller's own.
      guard service == "__llvm_orc_SimpleExecutorDylibManager_lookup_wrapper", call.sequenceNumber > 2 else {
        return executor.answer(to: service, call)
      }
      return [1] + ScriptedExecutor.word(0)
    }
    let controller = try SimpleRemoteEPC(executor)
    #expect(throws: ExecutorError.noResult(call: "look symbols up")) {
      try controller.lookup(["a"], in: controller.loadDylib(nil))
    }
  }

  // MARK: - Nothing is left

  @Test func `descriptors are closed however it ends`() throws {
    func count() throws -> Int { try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count }
    func openAll() throws {
      let executor = ScriptedExecutor()
      do {
        let controller = try SimpleRemoteEPC(executor)
        try controller.disconnect()
      }
      #expect(executor.waitForEnd())
      let silent = ScriptedExecutor()
      silent.finish()
      #expect(throws: ExecutorError.noSetup(.disconnected)) { try SimpleRemoteEPC(unready: silent) }
      #expect(silent.waitForEnd())
    }
    try openAll()
    // Other suites open files at the same time; what leaks here would leak fifty times.
    let before = try count()
    for _ in 0..<50 { try openAll() }
    for _ in 0..<100 where try count() > before + 40 { Thread.sleep(forTimeInterval: 0.05) }
    #expect(try count() <= before + 40)
  }
}
