internal import WeldBytes
internal import WeldMemory

/// Reads ORC's simple packed serialization; see ``SPSWriter``.
///
/// The bytes come from another process, so nothing in them is believed: a length is no reason to make room before
/// there are as many bytes.
struct SPSReader {
  private let bytes: [UInt8]
  private var offset = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// The bytes end before the value does.
  struct Truncated: Error {}

  /// The next bytes.
  private mutating func take(_ byteCount: UInt64) throws(Truncated) -> ArraySlice<UInt8> {
    guard byteCount <= UInt64(bytes.count - offset) else { throw Truncated() }
    let start = offset
    offset += Int(byteCount)
    return bytes[start..<offset]
  }

  mutating func uint64() throws(Truncated) -> UInt64 {
    try take(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  mutating func int32() throws(Truncated) -> Int32 {
    Int32(bitPattern: try take(4).reversed().reduce(0) { $0 << 8 | UInt32($1) })
  }

  mutating func uint8() throws(Truncated) -> UInt8 { try take(1).reduce(0) { $1 | $0 } }

  mutating func bool() throws(Truncated) -> Bool { try uint8() != 0 }

  mutating func address() throws(Truncated) -> Address { Address(rawValue: try uint64()) }

  mutating func byteSequence() throws(Truncated) -> [UInt8] { Array(try take(try uint64())) }

  mutating func string() throws(Truncated) -> String { String(decoding: try byteSequence(), as: UTF8.self) }

  /// A sequence whose elements take at least `minimum` bytes each.
  mutating func sequence<Element>(
    minimum: Int, of element: (inout SPSReader) throws(Truncated) -> Element
  ) throws(Truncated) -> [Element] {
    let count = try uint64()
    guard count <= UInt64((bytes.count - offset) / minimum) else { throw Truncated() }
    var elements: [Element] = []
    elements.reserveCapacity(Int(count))
    for _ in 0..<count { elements.append(try element(&self)) }
    return elements
  }

  /// An `Error`: its text, or `nil` for success.
  mutating func error() throws(Truncated) -> String? { try bool() ? try string() : nil }

  /// An `Expected`: a value, or the text of an error. What tells them apart is the opposite of an `Error`'s.
  mutating func expected<Value>(
    _ value: (inout SPSReader) throws(Truncated) -> Value
  ) throws(Truncated) -> Expected<Value> {
    try bool() ? .value(try value(&self)) : .error(try string())
  }

  enum Expected<Value> {
    case value(Value)
    case error(String)
  }
}
