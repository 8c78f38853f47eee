import WeldBytes
import WeldELF

// Objects that no assembler makes.
extension ObjectFile {
  /// A copy whose relocation section number `position` of `section` is changed.
  func changingRelocation(
    _ position: Int = 0, of section: String = ".text", _ change: (inout Relocation) -> Void
  ) throws -> ObjectFile {
    let table = self.section(at: try index(of: ".rela" + section))
    var relocation = relocations(in: table)[position]
    change(&relocation)
    var contents = array
    let start = table.fileRange.lowerBound + position * 24
    contents.replace(at: start, relocation.offset, byteCount: 8)
    contents.replace(at: start + 8, UInt64(relocation.type), byteCount: 4)
    contents.replace(at: start + 12, UInt64(relocation.symbol.rawValue), byteCount: 4)
    contents.replace(at: start + 16, UInt64(bitPattern: relocation.addend), byteCount: 8)
    return try ObjectFile(Bytes(contents), name: name)
  }

  /// A copy in which fields of a section's header have other values: where each begins in the header and how
  /// long it is, in bytes, and the value.
  func changingHeader(of section: String, _ fields: (Int, Int, UInt64)...) throws -> ObjectFile {
    let header =
      Int(self.header.sectionHeaderOffset) + Int(try index(of: section).rawValue) * SectionHeader.byteCount
    var contents = array
    for (offset, byteCount, value) in fields {
      contents.replace(at: header + offset, value, byteCount: byteCount)
    }
    return try ObjectFile(Bytes(contents), name: name)
  }

  /// A copy in which a field of a symbol, `offset` bytes from the symbol's start, is `value`.
  func changingSymbol(
    _ symbol: String, at offset: Int, to value: UInt64, byteCount: Int
  ) throws -> ObjectFile {
    guard let table = symbolTable,
      let number = (0..<symbolCount).first(where: { name(of: symbols[$0]) == symbol })
    else { throw LinkedImage.NoSection(name: symbol, file: name) }
    let start = section(at: table.section).fileRange.lowerBound + number * Symbol.byteCount
    return try changing(at: start + offset, to: value, byteCount: byteCount)
  }

  /// A copy in which `byteCount` bytes at `offset` of the file are `value`.
  func changing(at offset: Int, to value: UInt64, byteCount: Int) throws -> ObjectFile {
    var contents = array
    contents.replace(at: offset, value, byteCount: byteCount)
    return try ObjectFile(Bytes(contents), name: name)
  }

  /// A copy with another name.
  func named(_ name: String) throws -> ObjectFile { try ObjectFile(bytes, name: name) }

  /// The first section called `name`.
  func index(of name: String) throws -> SectionIndex {
    for number in 0..<sectionCount where sectionName(SectionIndex(rawValue: UInt32(number))) == name {
      return SectionIndex(rawValue: UInt32(number))
    }
    throw LinkedImage.NoSection(name: name, file: self.name)
  }

  private var array: [UInt8] {
    bytes.span.byteOffsets.map { (try? bytes.span.load(at: $0, order: .little)) ?? 0 }
  }
}

extension [UInt8] {
  /// Overwrites `byteCount` bytes at `offset` with `value`.
  mutating func replace(at offset: Int, _ value: UInt64, byteCount: Int) {
    replaceSubrange(offset..<offset + byteCount, with: [UInt8](value, byteCount: byteCount))
  }
}
