internal import WeldLink

extension Field {
  /// The value that a container holds, as far as the field keeps it; sign-extended if it can be negative.
  func decode(_ container: UInt64) -> Int64 {
    var value = Self.shift(container & mask, by: shift)
    var highest = Self.shift(mask, by: shift)
    if secondMask != 0 {
      value |= Self.shift(container & secondMask, by: secondShift)
      highest |= Self.shift(secondMask, by: secondShift)
    }
    let width = 64 - highest.leadingZeroBitCount
    guard range.lowerBound < 0, width > 0, width < 64 else { return Int64(bitPattern: value) }
    let unused = Int64(64 - width)
    return (Int64(bitPattern: value) << unused) >> unused
  }

  /// Undoes the shift of encoding: to the left, or if negative to the right.
  private static func shift(_ bits: UInt64, by shift: some BinaryInteger) -> UInt64 { bits << shift }

  /// The bits of the container that are the instruction's own.
  var keptBits: UInt64 {
    let all: UInt64 = byteCount == 8 ? .max : (1 << UInt64(byteCount * 8)) - 1
    return all & ~(mask | secondMask)
  }
}
