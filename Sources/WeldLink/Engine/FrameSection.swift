internal import WeldBytes

/// The records of an `.eh_frame` section (Linux Standard Base, "Exception Frames").
///
/// The unwinder walks them by their lengths and trusts what it finds, so lengths are proven before it is
/// told.
enum FrameSection {
  /// A record that an unwinder could not walk over.
  struct Malformed: Error, Equatable {
    /// Where the record begins, in bytes from the section's start.
    var offset: Int
  }

  /// Bytes of the records in `section`, without the terminator that may follow them.
  ///
  /// A terminator before the end is malformed: what follows it would not be found.
  static func recordByteCount(of section: RawSpan, order: ByteOrder) throws(Malformed) -> Int {
    var position = 0
    while position < section.byteCount {
      guard let length: UInt32 = try? section.load(at: position, order: order) else {
        throw Malformed(offset: position)
      }
      if length == 0 {
        // Two of them, or padding, are as good as one.
        guard isZero(section.extracting(position..<section.byteCount)) else {
          throw Malformed(offset: position)
        }
        return position
      }
      var start = position + 4
      var byteCount = UInt64(length)
      if length == 0xffff_ffff {
        guard let extended: UInt64 = try? section.load(at: start, order: order) else {
          throw Malformed(offset: position)
        }
        byteCount = extended
        start += 8
      }
      guard byteCount >= 4, start <= section.byteCount, byteCount <= UInt64(section.byteCount - start),
        let identifier: UInt32 = try? section.load(at: start, order: order),
        identifier == 0 || isCommonInformation(section, at: start - Int(identifier), order: order)
      else { throw Malformed(offset: position) }
      position = start + Int(byteCount)
    }
    return position
  }

  /// Whether a record that others may refer to begins at `offset`.
  private static func isCommonInformation(_ section: RawSpan, at offset: Int, order: ByteOrder) -> Bool {
    guard offset >= 0, let length: UInt32 = try? section.load(at: offset, order: order) else { return false }
    let identifier: UInt32? = try? section.load(at: offset + (length == 0xffff_ffff ? 12 : 4), order: order)
    return identifier == 0
  }

  private static func isZero(_ span: RawSpan) -> Bool {
    for offset in span.byteOffsets {
      let byte: UInt8? = try? span.load(at: offset, order: .little)
      if byte != 0 { return false }
    }
    return true
  }
}
