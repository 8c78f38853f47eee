extension RawSpan {
  /// Reads an integer stored in `order` at `offset` bytes from the start; no alignment is needed.
  @inlinable @inline(__always)
  public func load<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type = T.self, at offset: Int, order: ByteOrder
  ) throws(OutOfBounds) -> T {
    guard offset >= 0, offset <= byteCount &- MemoryLayout<T>.size else {
      throw OutOfBounds(offset: offset, byteCount: MemoryLayout<T>.size)
    }
    // In bounds by the guard above; every bit pattern of an integer is valid.
    return unsafe order.swapped(unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: T.self))
  }

  /// Reads an integer of a record that is known to be there whole; one that lies outside is a bug in the
  /// caller.
  ///
  /// Of a span whose length is known at compile time, as that of one entry of a table, nothing is left to
  /// check.
  @inlinable @inline(__always)
  public func field<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type = T.self, at offset: Int, order: ByteOrder
  ) -> T {
    precondition(offset >= 0 && offset <= byteCount &- MemoryLayout<T>.size, "a field outside of its record")
    // In bounds by the precondition; every bit pattern of an integer is valid.
    return unsafe order.swapped(unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: T.self))
  }

  /// The entry at `index` of a table whose entries take `entryByteCount` bytes; one that lies outside is a bug
  /// in the caller.
  ///
  /// One comparison where `extracting(_:)` has several; and the length of the result is known where it is used.
  @inlinable @inline(__always)
  @_lifetime(copy self)
  public func entry(_ index: Int, byteCount entryByteCount: Int) -> RawSpan {
    record(at: index &* entryByteCount, byteCount: entryByteCount)
  }

  /// The record of `recordByteCount` bytes at `offset`; one that lies outside is a bug in the caller. As ``entry(_:byteCount:)``.
  @inlinable @inline(__always)
  @_lifetime(copy self)
  public func record(at offset: Int, byteCount recordByteCount: Int) -> RawSpan {
    precondition(offset >= 0 && offset <= byteCount &- recordByteCount, "a record outside of its table")
    // In bounds by the precondition; what keeps the table's bytes keeps those of the record.
    let start = unsafe withUnsafeBytes { unsafe $0.baseAddress.unsafelyUnwrapped + offset }
    let record = unsafe RawSpan(_unsafeStart: start, byteCount: recordByteCount)
    return unsafe _overrideLifetime(record, copying: self)
  }
}
