internal import WeldLink
internal import WeldMemory

extension MapIndex {
  /// Where the instruction at `code` begins.
  func place(of code: Expression.CodePlace) throws(ExpressionProblem) -> Place {
    .combine(try place(of: .symbol(code.symbol)), .add, Place(code.offset))
  }

  /// At most `limit` bytes of the code from `code` to its section's end.
  func bytes(at code: Expression.CodePlace, atMost limit: Int) throws(ExpressionProblem) -> [UInt8] {
    try bytes(at: place(of: code), atMost: limit)
  }

  /// At most `limit` bytes from `place` to its section's end.
  func bytes(at place: Place, atMost limit: Int) throws(ExpressionProblem) -> [UInt8] {
    let (section, offset) = try locate(place, byteCount: 1)
    return section.bytes(at: offset, byteCount: min(limit, section.byteCount - offset))
  }

  /// The `byteCount` bytes at `place`.
  func bytes(at place: Place, byteCount: Int) throws(ExpressionProblem) -> [UInt8] {
    let (section, offset) = try locate(place, byteCount: byteCount)
    return section.bytes(at: offset, byteCount: byteCount)
  }

  private func locate(
    _ place: Place, byteCount: Int
  ) throws(ExpressionProblem) -> (section: LinkMap.Section, offset: Int) {
    guard
      let position = place.section
        ?? loadedSection(at: place.number, byteCount: byteCount)
        // Not all of the bytes, but a section to tell about.
        ?? loadedSection(at: place.number, byteCount: 0)
    else {
      throw .outsideSections(Address(rawValue: place.number), byteCount: byteCount)
    }
    let section = map.sections[position]
    guard let offset = section.offset(of: place.number, byteCount: byteCount) else {
      throw .outsideSection(
        section.name, file: section.file,
        offset: Int64(bitPattern: place.number &- section.address.rawValue), byteCount: byteCount,
        sectionByteCount: section.byteCount)
    }
    return (section, offset)
  }
}

extension LinkMap.Section {
  /// How far behind the section's start `address` is, in bytes; `nil` if not all of the `byteCount` bytes
  /// there belong to it.
  func offset(of address: UInt64, byteCount needed: Int) -> Int? {
    let offset = address &- self.address.rawValue
    guard needed <= byteCount, offset <= UInt64(byteCount - needed) else { return nil }
    return Int(offset)
  }

  /// Bytes that lie in the section; those without contents are 0.
  fileprivate func bytes(at offset: Int, byteCount: Int) -> [UInt8] {
    (offset..<offset + byteCount).map { $0 < contents.count ? contents[$0] : 0 }
  }
}
