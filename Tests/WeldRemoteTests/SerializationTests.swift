import Testing
import WeldMemory

@testable import WeldRemote

/// Bytes as stock executors of LLVM 19 exchange them, recorded.
@Suite("Simple packed serialization and messages")
struct SerializationTests {
  @Test func `a call is a header and its arguments, little-endian`() {
    let payload = [UInt8](sps: { writer in
      writer.append(Address(rawValue: 0x40_001f_1a70))
      writer.append("")
      writer.append(0 as UInt64)
    })
    let call = Message(
      kind: .call, sequenceNumber: 0, tag: Address(rawValue: 0x40_0005_c8d0), payload: payload)
    #expect(
      call.bytes == [
        0x38, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xd0, 0xc8, 0x05, 0, 0x40,
        0, 0, 0,
        0x70, 0x1a, 0x1f, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
      ])
  }

  @Test func `an error is a flag and a text`() throws {
    var failure = SPSReader([1, 3, 0, 0, 0, 0, 0, 0, 0, 0x6e, 0x6f, 0x21])
    #expect(try failure.error() == "no!")
    var success = SPSReader([0])
    #expect(try success.error() == nil)
  }

  @Test func `an expected value has the flag the other way round`() throws {
    var value = SPSReader([1, 0xb0, 0x82, 0xa0, 0x02, 0x40, 0, 0, 0])
    guard case .value(let address) = try value.expected({ r throws(SPSReader.Truncated) in try r.address() })
    else {
      Issue.record("no value")
      return
    }
    #expect(address == Address(rawValue: 0x40_02a0_82b0))
    var error = SPSReader([0, 2, 0, 0, 0, 0, 0, 0, 0, 0x6e, 0x6f])
    guard case .error(let text) = try error.expected({ r throws(SPSReader.Truncated) in try r.address() })
    else {
      Issue.record("no error")
      return
    }
    #expect(text == "no")
  }

  @Test func `numbers are little-endian and signed where they are to be`() throws {
    var reader = SPSReader([0xfe, 0xff, 0xff, 0xff, 0x2a, 1, 2, 3, 4, 5, 6, 7, 8])
    #expect(try reader.int32() == -2)
    #expect(try reader.uint8() == 42)
    #expect(try reader.uint64() == 0x0807_0605_0403_0201)
    #expect(throws: SPSReader.Truncated.self) { try reader.uint8() }
  }

  @Test func `what was written is read`() throws {
    let bytes = [UInt8](sps: { writer in
      writer.append("grüße")
      writer.append(true)
      writer.append([1, 2, 3] as [UInt8])
      writer.append(-5 as Int32)
      writer.append(Address(rawValue: .max))
      writer.append(WrapperCall(function: Address(rawValue: 7), arguments: [9]))
    })
    var reader = SPSReader(bytes)
    #expect(try reader.string() == "grüße")
    #expect(try reader.bool())
    #expect(try reader.byteSequence() == [1, 2, 3])
    #expect(try reader.int32() == -5)
    #expect(try reader.address() == Address(rawValue: .max))
    #expect(try reader.address() == Address(rawValue: 7))
    #expect(try reader.byteSequence() == [9])
  }

  @Test func `a length beyond the bytes is an error and takes no memory`() {
    for count: UInt64 in [1, 1 << 20, 1 << 40, .max] {
      var reader = SPSReader(ScriptedExecutor.word(count))
      #expect(throws: SPSReader.Truncated.self) { try reader.byteSequence() }
      var sequence = SPSReader(ScriptedExecutor.word(count))
      #expect(throws: SPSReader.Truncated.self) {
        try sequence.sequence(minimum: 8) { entry throws(SPSReader.Truncated) in try entry.uint64() }
      }
    }
  }

  @Test func `every prefix of a value is an error`() {
    let bytes = [UInt8](sps: { writer in
      writer.append("triple")
      writer.append(4096 as UInt64)
      writer.append(count: 0)
      writer.append(count: 1)
      writer.append("name")
      writer.append(Address(rawValue: 1))
    })
    #expect(throws: Never.self) { try Setup(bytes) }
    for count in bytes.indices {
      #expect(throws: ExecutorError.Loss.protocolViolation("a first message that ends too early")) {
        try Setup(Array(bytes[..<count]))
      }
    }
  }

  // MARK: - Messages

  private let message = Message(
    kind: .result, sequenceNumber: 7, tag: .zero, payload: Array("payload".utf8))

  @Test func `messages come out however the bytes arrive`() throws {
    let bytes = message.bytes + message.bytes
    for size in 1...bytes.count {
      var assembly = MessageAssembly(byteLimit: 100)
      var found: [Message] = []
      for start in stride(from: 0, to: bytes.count, by: size) {
        assembly.append(bytes[start..<min(start + size, bytes.count)])
        while let next = try assembly.next() { found.append(next) }
      }
      #expect(found == [message, message])
      #expect(!assembly.isUnderway)
    }
  }

  @Test func `an end inside of a message says how much was missing`() throws {
    let bytes = message.bytes
    for count in 1..<bytes.count {
      var assembly = MessageAssembly(byteLimit: 100)
      assembly.append(bytes[..<count])
      #expect(try assembly.next() == nil)
      #expect(assembly.loss == .truncated(received: count, expected: count < 8 ? 32 : bytes.count))
    }
    #expect(MessageAssembly(byteLimit: 100).loss == .disconnected)
  }

  @Test func `a size below the header's is an error`() {
    for size: UInt64 in [0, 1, 31] {
      var assembly = MessageAssembly(byteLimit: 100)
      assembly.append((ScriptedExecutor.word(size) + [UInt8](repeating: 0, count: 24))[...])
      #expect(
        throws: ExecutorError.Loss.protocolViolation("a message of \(size) bytes, fewer than its header has")
      ) { try assembly.next() }
    }
  }

  @Test func `a size above the limit is an error before it takes memory`() throws {
    for size: UInt64 in [101, 1 << 40, .max] {
      var assembly = MessageAssembly(byteLimit: 100)
      assembly.append((ScriptedExecutor.word(size) + [UInt8](repeating: 0, count: 24))[...])
      #expect(throws: ExecutorError.Loss.messageTooLarge(byteCount: size, limit: 100)) { try assembly.next() }
    }
    var assembly = MessageAssembly(byteLimit: 100)
    let largest = Message(
      kind: .result, sequenceNumber: 0, tag: .zero, payload: .init(repeating: 1, count: 68))
    assembly.append(largest.bytes[...])
    #expect(try assembly.next() == largest)
  }

  @Test func `an unknown kind is an error`() {
    for kind: UInt64 in [4, 0x103, .max] {
      var assembly = MessageAssembly(byteLimit: 100)
      let header = [32, kind, 0, 0].flatMap { ScriptedExecutor.word($0) }
      assembly.append(header[...])
      #expect(throws: ExecutorError.Loss.protocolViolation("a message of the unknown kind \(kind)")) {
        try assembly.next()
      }
    }
  }
}
