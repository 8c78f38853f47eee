import WeldBytes
import WeldELF

/// An ELF file put together field by field, right or wrong; independent of `ObjectWriter`.
struct Image {
  var order: ByteOrder = .little
  var machine: UInt16 = 62
  /// Whether the section headers come right after the file's header, before all contents.
  var headersFirst = false
  /// All sections, with the reserved first one.
  var sections = [Section(name: "", type: 0)]

  struct Section {
    var name: String
    var type: UInt32
    var flags: UInt64 = 0
    var link: UInt32 = 0
    var info: UInt32 = 0
    var alignment: UInt64 = 1
    var entrySize: UInt64 = 0
    var contents: [UInt8] = []
    /// `sh_size` where it is not the size of the contents.
    var size: UInt64?
  }

  /// The file; the last section must be the one that holds the names, whose contents are made here.
  func bytes() -> [UInt8] {
    var sections = sections
    var names: [UInt8] = [0]
    let nameOffsets = sections.map { section -> UInt64 in
      if section.name.isEmpty { return 0 }
      defer { names += Array(section.name.utf8) + [0] }
      return UInt64(names.count)
    }
    sections[sections.count - 1].contents = names

    let tableByteCount = 64 * sections.count
    var contents: [UInt8] = []
    let start = headersFirst ? 64 + tableByteCount : 64
    let offsets = sections.map { section -> UInt64 in
      contents += [UInt8](repeating: 0, count: (8 - contents.count % 8) % 8)
      defer { contents += section.contents }
      return section.contents.isEmpty && section.type != 8 ? 0 : UInt64(start + contents.count)
    }
    contents += [UInt8](repeating: 0, count: (8 - contents.count % 8) % 8)

    var table: [UInt8] = []
    for (number, section) in sections.enumerated() {
      let size = section.size ?? UInt64(section.contents.count)
      table += words(
        order, (nameOffsets[number], 4), (UInt64(section.type), 4), (section.flags, 8), (0, 8),
        (offsets[number], 8), (size, 8), (UInt64(section.link), 4), (UInt64(section.info), 4),
        (number == 0 ? 0 : section.alignment, 8), (section.entrySize, 8))
    }
    let header =
      [0x7f, 0x45, 0x4c, 0x46, 2, order == .little ? 1 : 2, 1, 3, 4, 0, 0, 0, 0, 0, 0, 0]
      + words(
        order, (1, 2), (UInt64(machine), 2), (1, 4), (0, 8), (0, 8),
        (UInt64(headersFirst ? 64 : 64 + contents.count), 8), (0x5a5a_0001, 4), (64, 2), (0, 2), (0, 2),
        (64, 2), (UInt64(sections.count), 2), (UInt64(sections.count - 1), 2))
    return header + (headersFirst ? table + contents : contents + table)
  }
}

/// Integers of the given sizes in bytes, one after another.
func words(_ order: ByteOrder, _ values: (value: UInt64, byteCount: Int)...) -> [UInt8] {
  values.flatMap { value, byteCount in
    let little = (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> UInt64($0 * 8)) }
    return order == .little ? little : little.reversed()
  }
}
