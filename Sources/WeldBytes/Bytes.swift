/// Immutable bytes that somebody keeps alive: a mapped file, an array, a caller's buffer, or a part of one.
///
/// Copying it or taking a part of it copies no bytes. What it shows must not change while any copy exists.
@safe
public struct Bytes: Sendable {
  /// The first byte; valid, like the `count - 1` that follow it, for as long as `owner` lives.
  ///
  /// Sent between threads safely: nobody writes to the bytes.
  @usableFromInline nonisolated(unsafe) let start: UnsafeRawPointer
  /// How many bytes there are.
  public let count: Int
  @usableFromInline let owner: (any AnyObject & Sendable)?

  /// Wraps `count` bytes at `start`, which stay valid and unchanged for as long as `owner` lives.
  ///
  /// With no owner they must stay so for as long as any copy of the value is used.
  @unsafe
  public init(unsafeStart start: UnsafeRawPointer, count: Int, owner: (any AnyObject & Sendable)?) {
    unsafe self.start = start
    self.count = count
    self.owner = owner
  }

  /// A copy of `array`.
  public init(_ array: [UInt8]) {
    let owner = OwnedBytes(array)
    // The block lives as long as its owner, which is kept here, and nobody writes to it.
    unsafe self.init(unsafeStart: owner.start, count: array.count, owner: owner)
  }

  /// The bytes themselves.
  @inlinable
  public var span: RawSpan {
    @_lifetime(borrow self)
    get {
      // `owner` lives as long as `self` is borrowed, and with it the bytes.
      let span = unsafe RawSpan(_unsafeStart: start, byteCount: count)
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// The part of the bytes that `range` covers, kept alive by the same owner.
  @inlinable
  public func extracting(_ range: Range<Int>) throws(OutOfBounds) -> Bytes {
    guard range.lowerBound >= 0, range.upperBound <= count else {
      throw OutOfBounds(offset: range.lowerBound, byteCount: range.upperBound &- range.lowerBound)
    }
    // Inside the bytes by the guard above.
    return unsafe Bytes(
      unsafeStart: start + range.lowerBound, count: range.upperBound - range.lowerBound, owner: owner)
  }
}

/// A block of memory that is released with its last reference.
@safe
private final class OwnedBytes: Sendable {
  // Written once, before anybody else can see it.
  nonisolated(unsafe) let start: UnsafeRawPointer

  init(_ array: [UInt8]) {
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: max(array.count, 1), alignment: 16)
    unsafe block.copyBytes(from: array)
    unsafe start = UnsafeRawPointer(block.baseAddress.unsafelyUnwrapped)
  }

  deinit {
    unsafe start.deallocate()
  }
}
