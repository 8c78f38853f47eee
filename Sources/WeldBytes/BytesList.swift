/// Several pieces of immutable bytes, by number.
///
/// Unlike an array of ``Bytes`` it hands out views of a piece without keeping the piece alive for each of
/// them: the list does that.
public struct BytesList: Sendable {
  @usableFromInline var pieces: [Bytes] = []

  /// An empty list.
  @inlinable
  public init() {}

  /// How many pieces there are; their numbers are all below it.
  @inlinable
  public var count: Int { pieces.count }

  /// Adds `bytes` as the next piece.
  @inlinable
  public mutating func append(_ bytes: Bytes) { pieces.append(bytes) }

  /// Adds the pieces of `other`, in its order.
  @inlinable
  public mutating func append(contentsOf other: BytesList) { pieces.append(contentsOf: other.pieces) }

  /// The `count` bytes at `offset` of the piece at `position`.
  @inlinable
  @_lifetime(borrow self)
  public func span(_ position: Int, at offset: Int, count: Int) -> RawSpan {
    let total = pieces[position].count
    precondition(offset >= 0 && count >= 0 && count <= total && offset <= total - count)
    // Inside the piece, whose owner the list keeps alive while it is borrowed.
    let span = unsafe RawSpan(_unsafeStart: pieces[position].start + offset, byteCount: count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }
}
