internal import WeldBytes
internal import WeldMemory

/// A message of the SimpleRemoteEPC protocol (LLVM, `SimpleRemoteEPCUtils.h`).
struct Message: Equatable {
  enum Kind: UInt8 {
    /// What the executor is; its first message.
    case setup = 0
    /// The end of the conversation, perhaps with an error.
    case hangup = 1
    /// The result of a call.
    case result = 2
    /// A call of a wrapper function, or of this side by the executor.
    case call = 3
  }

  var kind: Kind
  /// Which call it is about. Each side counts its own.
  var sequenceNumber: UInt64
  /// The function to call, or what tells a handler of this side from others.
  var tag: Address
  var payload: [UInt8]

  /// Bytes of the header: the size of the whole message, the kind, the sequence number and the tag, little-endian.
  static let headerByteCount = 32

  /// The message as it is sent.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Self.headerByteCount + payload.count)
    bytes.append(UInt64(Self.headerByteCount + payload.count), order: .little)
    bytes.append(UInt64(kind.rawValue), order: .little)
    bytes.append(sequenceNumber, order: .little)
    bytes.append(tag.rawValue, order: .little)
    bytes += payload
    return bytes
  }
}

/// Makes messages of bytes as they arrive.
struct MessageAssembly {
  /// The most bytes that a message may have.
  let byteLimit: Int
  private var bytes: [UInt8] = []

  init(byteLimit: Int) { self.byteLimit = byteLimit }

  /// Whether a message has begun that is not whole yet.
  var isUnderway: Bool { !bytes.isEmpty }

  mutating func append(_ more: ArraySlice<UInt8>) { bytes += more }

  /// Takes the next message, if it is there as a whole.
  mutating func next() throws(ExecutorError.Loss) -> Message? {
    guard bytes.count >= Message.headerByteCount else { return nil }
    var reader = SPSReader(Array(bytes[..<Message.headerByteCount]))
    let byteCount: UInt64
    let kindNumber: UInt64
    let sequenceNumber: UInt64
    let tag: Address
    do {
      byteCount = try reader.uint64()
      kindNumber = try reader.uint64()
      sequenceNumber = try reader.uint64()
      tag = try reader.address()
    } catch {
      return nil
    }
    guard byteCount >= Message.headerByteCount else {
      throw .protocolViolation("a message of \(byteCount) bytes, fewer than its header has")
    }
    guard byteCount <= byteLimit else { throw .messageTooLarge(byteCount: byteCount, limit: byteLimit) }
    guard let kind = UInt8(exactly: kindNumber).flatMap({ Message.Kind(rawValue: $0) }) else {
      throw .protocolViolation("a message of the unknown kind \(kindNumber)")
    }
    guard bytes.count >= Int(byteCount) else { return nil }
    let payload = Array(bytes[Message.headerByteCount..<Int(byteCount)])
    bytes.removeFirst(Int(byteCount))
    return Message(kind: kind, sequenceNumber: sequenceNumber, tag: tag, payload: payload)
  }

  /// How the connection was lost if it ends here.
  var loss: ExecutorError.Loss {
    guard isUnderway else { return .disconnected }
    var reader = SPSReader(bytes)
    let announced = (try? reader.uint64()).map { Int(clamping: $0) } ?? 0
    return .truncated(received: bytes.count, expected: max(announced, Message.headerByteCount))
  }
}
