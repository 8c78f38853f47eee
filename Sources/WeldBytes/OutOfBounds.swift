/// An access that does not lie inside the bytes at hand.
public struct OutOfBounds: Error, Equatable, Sendable {
  /// Where the access would begin, in bytes from the start of the span.
  public var offset: Int
  /// How many bytes it would touch.
  public var byteCount: Int

  /// An access of `byteCount` bytes at `offset`.
  @inlinable
  public init(offset: Int, byteCount: Int) {
    self.offset = offset
    self.byteCount = byteCount
  }
}
