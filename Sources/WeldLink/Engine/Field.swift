/// The bits of an instruction or datum that a relocation writes.
///
/// Range, alignment and kept bits are facts of the field, so that no relocation checks them for itself. Where
/// the bits do not lie together, the field has a second mask and shift.
public struct Field: Equatable, Sendable {
  /// Bytes of the container: 0 (nothing is written), 1, 2, 3, 4 or 8.
  public var byteCount: Int
  /// The bits of the container that are replaced; the others survive.
  public var mask: UInt64
  /// Further bits that are replaced; none by default.
  public var secondMask: UInt64 = 0
  /// What is added to the value before it is shifted.
  public var bias: Int64 = 0
  /// What the value must be a multiple of: a power of two, in bytes.
  public var alignment: Int64 = 1
  /// The values that fit.
  public var range: ClosedRange<Int64>
  /// How far the value is shifted before ``mask`` is taken of it: to the right, or if negative to the left.
  public var shift: Int8 = 0
  /// How far the value is shifted for ``secondMask``.
  public var secondShift: Int8 = 0

  /// A field that takes a whole container of `byteCount` bytes and values in `range`.
  public init(wholeBytes byteCount: Int, range: ClosedRange<Int64>) {
    self.byteCount = byteCount
    mask = byteCount == 8 ? .max : (1 << UInt64(byteCount * 8)) - 1
    self.range = range
  }

  /// A field of some of the bits of a container of `byteCount` bytes.
  public init(
    byteCount: Int, mask: UInt64, shift: Int8 = 0, secondMask: UInt64 = 0, secondShift: Int8 = 0,
    alignment: Int64 = 1, range: ClosedRange<Int64>
  ) {
    self.byteCount = byteCount
    self.mask = mask
    self.shift = shift
    self.secondMask = secondMask
    self.secondShift = secondShift
    self.alignment = alignment
    self.range = range
  }

  /// Nothing is written.
  public static let none = Field(wholeBytes: 0, range: .min ... .max)
  /// 64 bits; every value fits.
  public static let word64 = Field(wholeBytes: 8, range: .min ... .max)
  /// 32 bits that are zero-extended.
  public static let word32 = Field(wholeBytes: 4, range: 0...0xffff_ffff)
  /// 32 bits that are sign-extended.
  public static let word32S = Field(wholeBytes: 4, range: -0x8000_0000...0x7fff_ffff)
  /// 32 bits, signed or unsigned.
  public static let word32Either = Field(wholeBytes: 4, range: -0x8000_0000...0xffff_ffff)
  /// 16 bits, signed or unsigned.
  public static let word16 = Field(wholeBytes: 2, range: -0x8000...0xffff)
  /// 16 bits that are zero-extended.
  public static let word16U = Field(wholeBytes: 2, range: 0...0xffff)
  /// 16 bits that are sign-extended.
  public static let word16S = Field(wholeBytes: 2, range: -0x8000...0x7fff)
  /// 8 bits, signed or unsigned.
  public static let word8 = Field(wholeBytes: 1, range: -0x80...0xff)
  /// 8 bits that are sign-extended.
  public static let word8S = Field(wholeBytes: 1, range: -0x80...0x7f)

  /// Returns `container` with this field replaced by `value`.
  @inline(__always)
  public func encode(_ value: Int64, in container: UInt64) throws(FieldError) -> UInt64 {
    guard range.contains(value) else { throw .overflow(value: value, range: range) }
    guard value & (alignment &- 1) == 0 else { throw .misaligned(value: value, alignment: alignment) }
    // Without sign: what lies above the uppermost part of a value is zero.
    let bits = UInt64(bitPattern: value &+ bias)
    var new = container & ~mask | bits >> shift & mask
    if secondMask != 0 { new = new & ~secondMask | bits >> secondShift & secondMask }
    return new
  }
}

/// A value that a field cannot hold.
public enum FieldError: Error, Equatable, Sendable {
  /// The value lies outside the field's range.
  case overflow(value: Int64, range: ClosedRange<Int64>)
  /// The value is not a multiple of the field's alignment, in bytes.
  case misaligned(value: Int64, alignment: Int64)
}
