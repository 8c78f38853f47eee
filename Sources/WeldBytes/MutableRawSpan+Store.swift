extension MutableRawSpan {
  /// Reads an integer stored in `order` at `offset` bytes from the start; no alignment is needed.
  @inlinable @inline(__always)
  public func load<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type = T.self, at offset: Int, order: ByteOrder
  ) throws(OutOfBounds) -> T {
    try bytes.load(T.self, at: offset, order: order)
  }

  /// Writes `value` in `order` at `offset` bytes from the start; no alignment is needed.
  @inlinable @inline(__always)
  @_lifetime(self: copy self)
  public mutating func store<T: FixedWidthInteger & BitwiseCopyable>(
    _ value: T, at offset: Int, order: ByteOrder
  ) throws(OutOfBounds) {
    guard offset >= 0, offset <= byteCount &- MemoryLayout<T>.size else {
      throw OutOfBounds(offset: offset, byteCount: MemoryLayout<T>.size)
    }
    // In bounds by the guard above; an integer may be stored at any address.
    unsafe storeBytes(of: order.swapped(value), toUncheckedByteOffset: offset, as: T.self)
  }

  /// Reads three bytes stored in `order` at `offset` bytes from the start.
  public func load24(at offset: Int, order: ByteOrder) throws(OutOfBounds) -> UInt32 {
    let first: UInt8 = try load(at: offset, order: order)
    let second: UInt8 = try load(at: offset &+ 1, order: order)
    let third: UInt8 = try load(at: offset &+ 2, order: order)
    return switch order {
    case .little: UInt32(third) << 16 | UInt32(second) << 8 | UInt32(first)
    case .big: UInt32(first) << 16 | UInt32(second) << 8 | UInt32(third)
    }
  }

  /// Writes the lowest three bytes of `value` in `order` at `offset` bytes from the start.
  @_lifetime(self: copy self)
  public mutating func store24(_ value: UInt32, at offset: Int, order: ByteOrder) throws(OutOfBounds) {
    let low = UInt8(truncatingIfNeeded: value)
    let high = UInt8(truncatingIfNeeded: value >> 16)
    try store(order == .little ? high : low, at: offset &+ 2, order: order)
    try store(UInt8(truncatingIfNeeded: value >> 8), at: offset &+ 1, order: order)
    try store(order == .little ? low : high, at: offset, order: order)
  }

  /// Copies the whole of `source` to `offset` bytes from the start.
  @inlinable
  @_lifetime(self: copy self)
  public mutating func store(contentsOf source: RawSpan, at offset: Int) throws(OutOfBounds) {
    guard offset >= 0, source.byteCount <= byteCount, offset <= byteCount &- source.byteCount else {
      throw OutOfBounds(offset: offset, byteCount: source.byteCount)
    }
    guard source.byteCount > 0 else { return }
    unsafe withUnsafeMutableBytes { target in
      unsafe source.withUnsafeBytes { bytes in
        // Both ranges were proven above; a borrowed and a mutable span cannot overlap.
        guard let to = target.baseAddress, let from = bytes.baseAddress else { return }
        unsafe (to + offset).copyMemory(from: from, byteCount: bytes.count)
      }
    }
  }
}
