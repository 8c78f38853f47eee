import WeldBytes
import WeldELF

/// A small object with one of everything, whose places tests know.
enum Sample {
  static let name = "sample.o"
  static let strings = Array("\0f\0signature\0missing\0fixed\0shared\0large\0".utf8)

  /// Bytes the section headers take.
  static let tableByteCount = 12 * 64

  /// The sections, in order.
  enum Section: UInt32 {
    case null, text, relaText, group, textF, relTextF, symbolTable, strings, extended, bss, linked, names
    var index: SectionIndex { SectionIndex(rawValue: rawValue) }
  }

  static func image(_ order: ByteOrder, headersFirst: Bool = false) -> Image {
    var image = Image(order: order, headersFirst: headersFirst)
    image.sections += [
      Image.Section(
        name: ".text", type: 1, flags: 6, alignment: 16, contents: [0x90, 0xe8, 0, 0, 0, 0, 0xc3, 0xcc]),
      Image.Section(
        name: ".rela.text", type: 4, flags: 0x40, link: 6, info: 1, alignment: 8, entrySize: 24,
        contents: words(
          order, (2, 8), (4 << 32 | 4, 8), (.max - 3, 8), (4, 8), (1 << 32 | 2, 8), (0x7fff_ffff_ffff_ffff, 8)
        )),
      Image.Section(
        name: ".group", type: 17, link: 6, info: 3, alignment: 4, entrySize: 4,
        contents: words(order, (1, 4), (4, 4), (5, 4))),
      Image.Section(name: ".text.f", type: 1, flags: 0x206, alignment: 4, contents: [0xc3, 0xc3, 0xc3]),
      Image.Section(
        name: ".rel.text.f", type: 9, flags: 0x240, link: 6, info: 4, alignment: 8, entrySize: 16,
        contents: words(order, (1, 8), (2 << 32 | 1, 8))),
      Image.Section(
        name: ".symtab", type: 2, link: 7, info: 2, alignment: 8, entrySize: 24, contents: symbols(order)),
      Image.Section(name: ".strtab", type: 3, contents: strings),
      Image.Section(
        name: ".symtab_shndx", type: 18, link: 6, alignment: 4, entrySize: 4,
        contents: words(order, (0, 4), (0, 4), (0, 4), (4, 4), (0, 4), (0, 4), (0, 4), (0, 4))),
      Image.Section(name: ".bss", type: 8, flags: 3, alignment: 32, size: 0x1_0000_0000),
      Image.Section(name: ".linked", type: 1, flags: 0x82, link: 4, alignment: 0, contents: [1]),
      Image.Section(name: ".shstrtab", type: 3),
    ]
    return image
  }

  /// Null, section, global function, hidden one by `SHN_XINDEX`, undefined weak, absolute, common, large
  /// common.
  static func symbols(_ order: ByteOrder) -> [UInt8] {
    let rows: [(name: UInt64, info: UInt64, other: UInt64, index: UInt64, value: UInt64, size: UInt64)] = [
      (0, 0, 0, 0, 0, 0), (0, 3, 0, 1, 0, 0), (1, 0x12, 0, 1, 1, 6), (3, 0x12, 0x82, 0xffff, 2, 1),
      (13, 0x20, 0, 0, 0, 0), (21, 0x10, 3, 0xfff1, 0xffff_ffff_8000_0000, 0), (27, 0x15, 0, 0xfff2, 8, 24),
      (34, 0x11, 1, 0xff02, 64, 0x1_0000_0000),
    ]
    return rows.flatMap {
      words(order, ($0.name, 4), ($0.info, 1), ($0.other, 1), ($0.index, 2), ($0.value, 8), ($0.size, 8))
    }
  }
}

extension Image {
  subscript(section: Sample.Section) -> Section {
    get { sections[Int(section.rawValue)] }
    set { sections[Int(section.rawValue)] = newValue }
  }

  /// Overwrites a field of a symbol of the sample.
  mutating func setSymbol(_ index: Int, _ field: String, to value: UInt64) {
    self[.symbolTable].contents.set(.symbol(field), of: index * 24, to: value, order)
  }
}
