import Foundation
import Glibc
import Synchronization
import WeldMemory

@testable import WeldRemote

/// The far end of a connection, which does what a test says: an executor that behaves, until it is told not to.
final class ScriptedExecutor: Sendable {
  /// What the controller reads from and writes to.
  let controllerInput: Int32
  let controllerOutput: Int32
  private let input: Int32
  private let output: Mutex<Int32?>
  /// What arrived, apart from what the script answered by itself.
  private let received = Mutex<[Message]>([])
  private let isOver = DispatchSemaphore(value: 0)
  /// The addresses of the services, by name.
  let services: [String: Address]

  /// What the script does with a call: an answer, or `nil` for none yet.
  typealias Script = @Sendable (ScriptedExecutor, _ service: String, Message) -> [UInt8]?

  init(_ script: @escaping Script = { $0.answer(to: $1, $2) }) {
    var toExecutor: [Int32] = [0, 0]
    var toController: [Int32] = [0, 0]
    pipe(&toExecutor)
    pipe(&toController)
    input = toExecutor[0]
    output = Mutex(toController[1])
    controllerInput = toController[0]
    controllerOutput = toExecutor[1]
    services = Dictionary(
      uniqueKeysWithValues: Self.serviceNames.enumerated().map {
        ($1, Address(rawValue: 0x4000_0000 + UInt64($0) * 16))
      })
    let thread = Thread { self.run(script) }
    thread.start()
  }

  /// Waits until the controller has closed its end.
  func waitForEnd() -> Bool { isOver.wait(timeout: .now() + .seconds(20)) == .success }

  private func run(_ script: Script) {
    var assembly = MessageAssembly(byteLimit: 1 << 30)
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = read(input, &chunk, chunk.count)
      guard count > 0 else { break }
      assembly.append(chunk[..<count])
      while let message = try? assembly.next() {
        received.withLock { $0.append(message) }
        guard message.kind == .call else { continue }
        let service = services.first { $0.value == message.tag }?.key ?? ""
        if let result = script(self, service, message) { reply(to: message, result) }
      }
    }
    finish()
    close(input)
    isOver.signal()
  }

  /// What has arrived so far.
  var messages: [Message] { received.withLock { $0 } }

  func reply(to call: Message, _ result: [UInt8]) {
    send(Message(kind: .result, sequenceNumber: call.sequenceNumber, tag: .zero, payload: result))
  }

  func send(_ message: Message) { send(message.bytes) }

  func send(_ bytes: [UInt8]) {
    output.withLock { output in
      guard let output else { return }
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
      }
    }
  }

  /// Says nothing more.
  func finish() {
    output.withLock { output in
      if let number = output.take() { close(number) }
    }
  }

  // MARK: - What an executor says

  static let serviceNames = [
    "__llvm_orc_SimpleRemoteEPC_dispatch_ctx", "__llvm_orc_SimpleRemoteEPC_dispatch_fn",
    "__llvm_orc_SimpleExecutorDylibManager_Instance", "__llvm_orc_SimpleExecutorDylibManager_open_wrapper",
    "__llvm_orc_SimpleExecutorDylibManager_lookup_wrapper", "__llvm_orc_SimpleExecutorMemoryManager_Instance",
    "__llvm_orc_SimpleExecutorMemoryManager_reserve_wrapper",
    "__llvm_orc_SimpleExecutorMemoryManager_finalize_wrapper",
    "__llvm_orc_SimpleExecutorMemoryManager_deallocate_wrapper",
    "__llvm_orc_bootstrap_mem_write_buffers_wrapper", "__llvm_orc_bootstrap_mem_write_uint64s_wrapper",
    "__llvm_orc_bootstrap_run_as_main_wrapper",
    "__llvm_orc_bootstrap_run_as_void_function_wrapper", "__llvm_orc_bootstrap_run_as_int_function_wrapper",
    "llvm_orc_registerEHFrameSectionWrapper", "llvm_orc_deregisterEHFrameSectionWrapper",
  ]

  func setup(
    triple: String = "s390x-unknown-linux-gnu", pageSize: UInt64 = 4096, without missing: String? = nil
  ) -> Message {
    var payload = SPSWriter()
    payload.append(triple)
    payload.append(pageSize)
    payload.append(count: 1)
    payload.append("a.name")
    payload.append([1, 2, 3] as [UInt8])
    let symbols = services.filter { $0.key != missing }
    payload.append(count: symbols.count)
    for (name, address) in symbols {
      payload.append(name)
      payload.append(address)
    }
    return Message(kind: .setup, sequenceNumber: 0, tag: .zero, payload: payload.bytes)
  }

  /// Where the reservations of a well-behaved executor begin.
  static let memory: UInt64 = 0x7000_0000

  /// The answer of an executor that behaves, has any symbol, and runs nothing.
  func answer(to service: String, _ call: Message) -> [UInt8]? {
    switch service {
    case "__llvm_orc_SimpleExecutorDylibManager_open_wrapper": [1] + Self.word(0x1234)
    case "__llvm_orc_SimpleExecutorDylibManager_lookup_wrapper":
      // One symbol at 0x5000, as many times as there are names.
      [1] + call.payload[16..<24]
        + (0..<Int(call.payload[16])).flatMap { _ in Self.word(0x5000) + [0x10, 0] }
    case "__llvm_orc_SimpleExecutorMemoryManager_reserve_wrapper": [1] + Self.word(Self.memory)
    case "__llvm_orc_SimpleExecutorMemoryManager_finalize_wrapper",
      "__llvm_orc_SimpleExecutorMemoryManager_deallocate_wrapper":
      [0]
    case "__llvm_orc_bootstrap_run_as_void_function_wrapper",
      "__llvm_orc_bootstrap_run_as_int_function_wrapper":
      [42, 0, 0, 0]
    default: []
    }
  }

  /// A number of 64 bits as it is sent.
  static func word(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }
}

extension SimpleRemoteEPC {
  /// A connection to `executor`, which has said what it is.
  convenience init(_ executor: ScriptedExecutor, answerLimit: Duration = .seconds(20)) throws {
    executor.send(executor.setup())
    try self.init(unready: executor, answerLimit: answerLimit)
  }

  /// A connection to `executor`, which has said nothing of its own accord.
  convenience init(
    unready executor: ScriptedExecutor, answerLimit: Duration = .seconds(20), messageByteLimit: Int = 1 << 20
  ) throws {
    var options = Options()
    options.answerLimit = answerLimit
    options.messageByteLimit = messageByteLimit
    try self.init(input: executor.controllerInput, output: executor.controllerOutput, options: options)
  }
}
