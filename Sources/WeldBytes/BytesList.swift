/// Several pieces of immutable bytes, by number.
///
/// Unlike an array of ``Bytes`` it hands out views of a piece without keeping the piece alive for each of
/// them: the list does that.
public struct BytesList: Sendable {
  // Most lists have one piece, which needs no memory of its own.
  @usableFromInline var first: Bytes?
  @usableFromInline var others: [Bytes] = []

  /// An empty list.
  @inlinable
  public init() {}

  /// How many pieces there are; their numbers are all below it.
  @inlinable
  public var count: Int { first == nil ? 0 : 1 + others.count }

  /// Adds `bytes` as the next piece.
  @inlinable
  public mutating func append(_ bytes: Bytes) {
    if first == nil { first = bytes } else { others.append(bytes) }
  }

  /// Adds the pieces of `other`, in its order.
  @inlinable
  public mutating func append(contentsOf other: BytesList) {
    if let first = other.first { append(first) }
    others.append(contentsOf: other.others)
  }

  /// The `count` bytes at `offset` of the piece at `position`.
  @inlinable
  @_lifetime(borrow self)
  public func span(_ position: Int, at offset: Int, count: Int) -> RawSpan {
    let (start, total) = unsafe piece(at: position)
    precondition(offset >= 0 && count >= 0 && count <= total && offset <= total - count)
    // Inside the piece, whose owner the list keeps alive while it is borrowed.
    let span = unsafe RawSpan(_unsafeStart: start + offset, byteCount: count)
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  /// Where a piece begins, and how many bytes it has.
  @inlinable @inline(__always)
  func piece(at position: Int) -> (start: UnsafeRawPointer, count: Int) {
    if position > 0 { return unsafe (others[position - 1].start, others[position - 1].count) }
    guard let first else { preconditionFailure("a piece of an empty list") }
    return unsafe (first.start, first.count)
  }
}
