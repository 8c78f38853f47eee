internal import WeldBytes
internal import WeldMemory

/// Writes ORC's simple packed serialization (SPS): little-endian whatever the machines are, without padding and
/// without types (LLVM, `SimplePackedSerialization.h`).
struct SPSWriter {
  private(set) var bytes: [UInt8] = []

  /// Makes room for `byteCount` more bytes.
  mutating func reserve(_ byteCount: Int) { bytes.reserveCapacity(bytes.count + byteCount) }

  mutating func append<T: FixedWidthInteger>(_ value: T) { bytes.append(value, order: .little) }

  mutating func append(_ value: Bool) { bytes.append(value ? 1 : 0) }

  mutating func append(_ address: Address) { append(address.rawValue) }

  mutating func append(count: Int) { append(UInt64(count)) }

  /// A sequence of bytes.
  mutating func append(_ sequence: [UInt8]) {
    append(count: sequence.count)
    bytes += sequence
  }

  mutating func append(_ text: String) { append(Array(text.utf8)) }

  mutating func append(_ call: WrapperCall) {
    append(call.function)
    append(call.arguments)
  }
}

extension [UInt8] {
  /// What `write` writes, in the simple packed serialization.
  init(sps write: (inout SPSWriter) -> Void) {
    var writer = SPSWriter()
    write(&writer)
    self = writer.bytes
  }
}
