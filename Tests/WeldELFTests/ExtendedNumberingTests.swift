import Foundation
import Testing
import WeldBytes
import WeldELF

@Suite("gABI: extended section numbering")
struct ExtendedNumberingTests {
  /// More than `SHN_LORESERVE`, 0xff00.
  static let count = 65_300

  @Test func `an object of an assembler with more sections than 16 bits can tell`() throws {
    // Section and symbol N belong together, which shows that every number is the right one.
    let source = (0..<Self.count).map { ".section .s\($0),\"a\"\n.globl s\($0)\ns\($0): .byte 1\n" }.joined()
    let folder = try TemporaryFolder()
    try folder.write(Array(source.utf8) + Array(".section .last,\"aw\"\n.quad s65299\n".utf8), to: "many.s")
    try Tool("as")(["many.s", "-o", "many.o"], in: folder.url)
    let bytes = try folder.read("many.o")
    // e_shnum and e_shstrndx are the escapes.
    #expect(Array(bytes[60..<64]) == [0, 0, 0xff, 0xff])

    let object = try ObjectFile(Bytes(bytes), name: "many.o")
    #expect(object.sectionCount > Self.count)
    #expect(object.sectionName(object.header.sectionNameTable) == ".shstrtab")
    var found = 0
    for number in 0..<object.symbolCount {
      let symbol = object.symbol(at: SymbolIndex(rawValue: UInt32(number)))
      guard symbol.binding == .global, case .section(let index) = symbol.place else { continue }
      if object.sectionName(index) == "." + object.name(of: symbol) { found += 1 }
    }
    #expect(found == Self.count)
    #expect(walk(object) == [])

    let last = try #require(
      (1..<object.sectionCount).lazy.map { object.section(at: SectionIndex(rawValue: UInt32($0))) }
        .first { object.name(of: $0) == ".rela.last" })
    #expect(object.sectionName(SectionIndex(rawValue: last.info)) == ".last")
    #expect(
      relocations(in: last, of: object).map { object.name(of: object.symbol(at: $0.symbol)) } == ["s65299"])
  }

  @Test(arguments: [ByteOrder.little, .big])
  func `the escapes are resolved also where they were not needed`(order: ByteOrder) throws {
    let bytes = Sample.image(order).bytes().setting("e_shnum", to: 0, order).setting(
      "e_shstrndx", to: 0xffff, order
    )
    .setting(.null, "sh_size", to: 12, order).setting(.null, "sh_link", to: 11, order)
    let object = try ObjectFile(Bytes(bytes), name: Sample.name)
    #expect(object.sectionCount == 12)
    #expect(object.header.sectionNameTable == Sample.Section.names.index)
    #expect(object.sectionName(Sample.Section.group.index) == ".group")
    #expect(walk(object) == [])
  }

  @Test(arguments: [ByteOrder.little, .big])
  func `reserved numbers are no sections, however many there are`(order: ByteOrder) throws {
    var image = Sample.image(order)
    image.setSymbol(2, "st_shndx", to: 0xff03)
    image.sections.insert(
      contentsOf: Array(repeating: Image.Section(name: "", type: 1), count: 65_300),
      at: image.sections.count - 1)
    let count = UInt64(image.sections.count)
    image.sections[0].size = count
    image.sections[0].link = UInt32(count - 1)
    let bytes = image.bytes().setting("e_shnum", to: 0, order).setting("e_shstrndx", to: 0xffff, order)
    let error = ELFError(
      .outOfRange(field: "st_shndx", value: 0xff03, allowed: 0...0xfeff), in: Sample.name,
      at: .symbol(SymbolIndex(rawValue: 2)))
    #expect(throws: error) { try ObjectFile(Bytes(bytes), name: Sample.name) }
  }
}
