import WeldBytes
import WeldELF

/// A field of one of the ELF64 structures (gABI), by its name there.
struct Field: Sendable {
  var name: String
  /// Where it begins, in bytes from the start of the structure.
  var offset: Int
  var byteCount: Int

  private static func fields(_ rows: [(String, Int)]) -> [Field] {
    var offset = 0
    return rows.map { name, byteCount in
      defer { offset += byteCount }
      return Field(name: name, offset: offset, byteCount: byteCount)
    }
  }

  static let fileHeader = fields([
    ("EI_MAG", 4), ("EI_CLASS", 1), ("EI_DATA", 1), ("EI_VERSION", 1), ("EI_OSABI", 1), ("EI_ABIVERSION", 1),
    ("EI_PAD", 7), ("e_type", 2), ("e_machine", 2), ("e_version", 4), ("e_entry", 8), ("e_phoff", 8),
    ("e_shoff", 8), ("e_flags", 4), ("e_ehsize", 2), ("e_phentsize", 2), ("e_phnum", 2), ("e_shentsize", 2),
    ("e_shnum", 2), ("e_shstrndx", 2),
  ])
  static let sectionHeader = fields([
    ("sh_name", 4), ("sh_type", 4), ("sh_flags", 8), ("sh_addr", 8), ("sh_offset", 8), ("sh_size", 8),
    ("sh_link", 4), ("sh_info", 4), ("sh_addralign", 8), ("sh_entsize", 8),
  ])
  static let symbol = fields([
    ("st_name", 4), ("st_info", 1), ("st_other", 1), ("st_shndx", 2), ("st_value", 8), ("st_size", 8),
  ])

  /// The field of that name.
  static func fileHeader(_ name: String) -> Field { named(name, in: fileHeader) }
  static func sectionHeader(_ name: String) -> Field { named(name, in: sectionHeader) }
  static func symbol(_ name: String) -> Field { named(name, in: symbol) }

  private static func named(_ name: String, in fields: [Field]) -> Field {
    fields.first { $0.name == name } ?? Field(name: "unknown field \(name)", offset: 0, byteCount: 0)
  }

  static let rela = fields([("r_offset", 8), ("r_info", 8), ("r_addend", 8)])
  static let rel = fields([("r_offset", 8), ("r_info", 8)])
  static let word = fields([("word", 4)])
}

/// A structure or table of a file, at a known place.
struct Region {
  /// Where its entries begin, in bytes from the start of the file.
  var offset: Int
  var count: Int
  var entryByteCount: Int
  var fields: [Field]

  var range: Range<Int> { offset..<offset + count * entryByteCount }

  /// All that describes something else in a well-formed object: its headers and tables.
  static func all(of object: ObjectFile) -> [Region] {
    var regions = [
      Region(offset: 0, count: 1, entryByteCount: 64, fields: Field.fileHeader),
      Region(
        offset: Int(object.header.sectionHeaderOffset), count: object.sectionCount, entryByteCount: 64,
        fields: Field.sectionHeader),
    ]
    for number in 0..<object.sectionCount {
      let section = object.section(at: SectionIndex(rawValue: UInt32(number)))
      let (size, fields): (Int, [Field])
      switch section.type {
      case .symbolTable, .dynamicSymbolTable: (size, fields) = (24, Field.symbol)
      case .rela: (size, fields) = (24, Field.rela)
      case .rel: (size, fields) = (16, Field.rel)
      case .group, .symbolTableSectionIndices: (size, fields) = (4, Field.word)
      default: continue
      }
      let range = section.fileRange
      regions.append(
        Region(offset: range.lowerBound, count: range.count / size, entryByteCount: size, fields: fields))
    }
    return regions
  }
}

/// All fields and bytes of several regions, counted through.
extension [Region] {
  var fieldCount: Int { reduce(0) { $0 + $1.count * $1.fields.count } }
  var byteCount: Int { reduce(0) { $0 + $1.range.count } }

  /// The field of this number and where it is in the file.
  func field(_ number: Int) -> (field: Field, at: Int)? {
    var number = number
    for region in self {
      let count = region.count * region.fields.count
      if number < count {
        let field = region.fields[number % region.fields.count]
        return (field, region.offset + number / region.fields.count * region.entryByteCount + field.offset)
      }
      number -= count
    }
    return nil
  }

  /// Where the byte of this number is in the file.
  func byte(_ number: Int) -> Int? {
    var number = number
    for region in self {
      if number < region.range.count { return region.offset + number }
      number -= region.range.count
    }
    return nil
  }
}

extension [UInt8] {
  /// Overwrites a field of the structure at `start`.
  mutating func set(_ field: Field, of start: Int, to value: UInt64, _ order: ByteOrder) {
    let bytes = words(order, (value, field.byteCount))
    replaceSubrange(start + field.offset..<start + field.offset + field.byteCount, with: bytes)
  }

  /// A copy of the object with another value in a field of the ELF header.
  func setting(_ field: String, to value: UInt64, _ order: ByteOrder) -> [UInt8] {
    var copy = self
    copy.set(.fileHeader(field), of: 0, to: value, order)
    return copy
  }

  /// A copy of the sample object with another value in a field of a section header.
  func setting(_ section: Sample.Section, _ field: String, to value: UInt64, _ order: ByteOrder) -> [UInt8] {
    var copy = self
    copy.set(
      .sectionHeader(field), of: count - Sample.tableByteCount + Int(section.rawValue) * 64, to: value, order)
    return copy
  }
}
