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
