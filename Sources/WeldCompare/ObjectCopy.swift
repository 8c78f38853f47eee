internal import WeldBytes
internal import WeldELF

/// A copy of an object in which other linkers leave everything where it is, and in which each section has a
/// name of its own.
struct ObjectCopy {
  /// The changed file.
  private(set) var bytes: [UInt8]
  /// The names of loaded sections, but those that several share.
  private(set) var sectionNames: Set<String> = []

  /// Without `SHF_MERGE` and `SHF_STRINGS`, equal strings stay apart. A second `.text` becomes `.text.1`,
  /// which linkers place like the first.
  init(of object: ObjectFile) {
    bytes = [UInt8](copying: object.bytes.span)
    let order = object.header.byteOrder
    let tableIndex = object.header.sectionNameTable
    let oldTable = object.section(at: tableIndex).fileRange
    var names = Array(bytes[oldTable])
    var count: [String: Int] = [:]
    for number in 1..<max(object.sectionCount, 1) {
      let section = object.section(at: SectionIndex(rawValue: UInt32(number)))
      let header = Int(object.header.sectionHeaderOffset) + number * SectionHeader.byteCount
      bytes.store(section.flags.subtracting([.merge, .strings]).rawValue, at: header + 8, order)
      guard section.flags.contains(.alloc) else { continue }
      let name = object.name(of: section)
      let earlier = count[name, default: 0]
      count[name] = earlier + 1
      if earlier == 0 {
        sectionNames.insert(name)
      } else if Self.canRename(name) {
        let newName = "\(name).\(earlier)"
        sectionNames.insert(newName)
        bytes.store(UInt32(names.count), at: header, order)
        names += "\(newName)\0".utf8
      } else {
        sectionNames.remove(name)
      }
    }
    guard names.count > oldTable.count else { return }
    let header = Int(object.header.sectionHeaderOffset) + Int(tableIndex.rawValue) * SectionHeader.byteCount
    bytes.store(UInt64(bytes.count), at: header + 24, order)
    bytes.store(UInt64(names.count), at: header + 32, order)
    bytes += names
  }

  /// Whether linkers treat the section alike if something is appended to its name.
  private static func canRename(_ name: String) -> Bool {
    let prefixes = [
      ".text", ".rodata", ".data", ".bss", ".gcc_except_table", ".tdata", ".tbss", ".ldata", ".lbss",
    ]
    return prefixes.contains { name == $0 || name.hasPrefix($0 + ".") }
  }
}

extension [UInt8] {
  /// Stores an integer at `offset`, which lies inside.
  mutating func store<T: FixedWidthInteger>(_ value: T, at offset: Int, _ order: ByteOrder) {
    for position in 0..<T.bitWidth / 8 {
      let shift = (order == .little ? position : T.bitWidth / 8 - 1 - position) * 8
      self[offset + position] = UInt8(truncatingIfNeeded: value >> T(shift))
    }
  }

  /// The integer of `byteCount` bytes at `offset`, all of which lie inside, zero-extended.
  func integer(at offset: Int, byteCount: Int, _ order: ByteOrder) -> UInt64 {
    var value: UInt64 = 0
    for position in 0..<byteCount {
      value = value << 8 | UInt64(self[offset + (order == .little ? byteCount - 1 - position : position)])
    }
    return value
  }
}
