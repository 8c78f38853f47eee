/// The order in which the bytes of an integer are stored.
///
/// Loads and stores take it as a value. Where it is a constant (an architecture's), the choice folds away
/// once the code is specialised; where it comes from a file's header, it costs one well predicted branch.
public enum ByteOrder: Sendable, Hashable {
  /// The least significant byte comes first (`ELFDATA2LSB`).
  case little
  /// The most significant byte comes first (`ELFDATA2MSB`).
  case big
}

extension ByteOrder {
  /// Converts `value` between this order and the host's, in either direction.
  @inlinable @inline(__always)
  public func swapped<T: FixedWidthInteger>(_ value: T) -> T {
    switch self {
    case .little: T(littleEndian: value)
    case .big: T(bigEndian: value)
    }
  }
}
