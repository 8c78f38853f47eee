import Testing
import WeldBytes
import WeldELF

@Suite("What is wrong with an object is said exactly")
struct ObjectParserTests {
  static let byteCount = UInt64(Sample.image(.little).bytes().count)
  static let tableOffset = byteCount - UInt64(Sample.tableByteCount)

  static let files: [Malformation] = [
    .file("no bytes", [], .empty),
    .file("text", Array("int main() {}\n".utf8), .notELF(.text)),
    .file("bitcode", [0x42, 0x43, 0xc0, 0xde], .notELF(.bitcode)),
    .file("an archive", Array("!<arch>\n".utf8), .notELF(.archive)),
    .file("three bytes of the magic number", [0x7f, 0x45, 0x4c], .notELF(.unknown)),
    .file("the magic number alone", [0x7f, 0x45, 0x4c, 0x46], .truncated(needed: 64, available: 4)),
    .object("63 bytes", .truncated(needed: 64, available: 63), bytes: { bytes, _ in Array(bytes[..<63]) }),
  ]

  static let headers: [Malformation] = [
    .header("EI_CLASS", 1, .notELF64(class: 1, machine: .x86_64)),
    .header("EI_CLASS", 0, .notELF64(class: 0, machine: .x86_64)),
    .header("EI_DATA", 0, .unknownByteOrder(0)),
    .header("EI_DATA", 3, .unknownByteOrder(3)),
    .header("EI_VERSION", 2, .unknownVersion(2)),
    .header("e_version", 0x0100_0000, .unknownVersion(0x0100_0000)),
    .header("e_type", 0, .notRelocatable(FileType(rawValue: 0))),
    .header("e_type", 2, .notRelocatable(.executable)),
    .header("e_type", 3, .notRelocatable(.sharedObject)),
    .header("e_type", 4, .notRelocatable(.core)),
    .header("e_shentsize", 40, .outOfRange(field: "e_shentsize", value: 40, allowed: 64...64)),
    .header("e_shoff", 0, .outOfRange(field: "e_shnum", value: 12, allowed: 0...0)),
    .header("e_shoff", byteCount - 63, table(at: byteCount - 63, 64)),
    .header("e_shoff", byteCount + 1, table(at: byteCount + 1, 64)),
    .header("e_shoff", .max, table(at: .max, 64)),
    .header("e_shoff", tableOffset + 1, table(at: tableOffset + 1, 12 * 64)),
    .header("e_shnum", 13, table(at: tableOffset, 13 * 64)),
    .header("e_shnum", 0xffff, table(at: tableOffset, 0xffff * 64)),
    .header("e_shstrndx", 12, .outOfRange(field: "e_shstrndx", value: 12, allowed: 0...11)),
    .header("e_shstrndx", 0xfffe, .outOfRange(field: "e_shstrndx", value: 0xfffe, allowed: 0...11)),
    .object(
      "e_shnum is 0 and section 0 has no count either",
      .outOfRange(field: "e_shstrndx", value: 11, allowed: 0...0), bytes: { $0.setting("e_shnum", to: 0, $1) }
    ),
    .object(
      "the count in section 0 is too large", table(at: tableOffset, 13 * 64),
      bytes: { $0.setting("e_shnum", to: 0, $1).setting(.null, "sh_size", to: 13, $1) }),
    .object(
      "the count in section 0 is so large that the table's size overflows", table(at: tableOffset, .max),
      bytes: { $0.setting("e_shnum", to: 0, $1).setting(.null, "sh_size", to: 1 << 58, $1) }),
    .object(
      "the index of the names in section 0 is too large",
      .outOfRange(field: "e_shstrndx", value: 0xffff_ffff, allowed: 0...11),
      bytes: { $0.setting("e_shstrndx", to: 0xffff, $1).setting(.null, "sh_link", to: 0xffff_ffff, $1) }),
  ]

  static let sections: [Malformation] = [
    .section(
      .null, "sh_type", 2, .outOfRange(field: "sh_type", value: 2, allowed: 0...0),
      at: .section(.undefined, name: "")),
    .section(.text, "sh_offset", .max, outside(.max, 8)),
    .section(.text, "sh_offset", byteCount - 7, outside(byteCount - 7, 8)),
    .section(.text, "sh_size", .max, outside(64, .max)),
    .section(.text, "sh_size", byteCount - 63, outside(64, byteCount - 63)),
    .section(
      .text, "sh_name", 98, .outOfRange(field: "sh_name", value: 98, allowed: 0...97), at: .unnamed(.text)),
    .section(.text, "sh_addralign", 24, .notPowerOfTwo(field: "sh_addralign", value: 24)),
    .section(.text, "sh_addralign", .max, .notPowerOfTwo(field: "sh_addralign", value: .max)),
    .section(.text, "sh_flags", 0x802, .contradictoryFlags([.alloc, .compressed])),
    .section(.linked, "sh_link", 12, .outOfRange(field: "sh_link", value: 12, allowed: 0...11)),
    .section(.names, "sh_type", 8, notStrings(.nobits), at: .unnamed(.names)),
    .section(.names, "sh_offset", .max, outside(.max, 98), at: .unnamed(.names)),
    .section(.names, "sh_size", 97, .unterminatedStrings, at: .unnamed(.names)),
    .section(
      .names, "sh_size", 0, .outOfRange(field: "sh_name", value: 1, allowed: 0...0), at: .unnamed(.text)),
    .object(
      "the names are in .text", notStrings(.progbits), at: .unnamed(.text),
      bytes: { $0.setting("e_shstrndx", to: 1, $1) }),
  ]

  static let tables: [Malformation] = [
    .section(.symbolTable, "sh_entsize", 25, .outOfRange(field: "sh_entsize", value: 25, allowed: 24...24)),
    .section(.symbolTable, "sh_size", 8 * 24 - 1, .partialEntry(byteCount: 191, entryByteCount: 24)),
    .section(.symbolTable, "sh_info", 9, .outOfRange(field: "sh_info", value: 9, allowed: 0...8)),
    .section(.symbolTable, "sh_link", 12, .outOfRange(field: "sh_link", value: 12, allowed: 0...11)),
    .section(.symbolTable, "sh_link", 0, notStrings(.null), at: .unnamed(.null)),
    .section(.symbolTable, "sh_link", 1, notStrings(.progbits), at: .unnamed(.text)),
    .section(.strings, "sh_size", 39, .unterminatedStrings, at: .unnamed(.strings)),
    .section(.linked, "sh_type", 2, .secondSymbolTable),
    .section(.extended, "sh_size", 28, .outOfRange(field: "sh_size", value: 28, allowed: 32...32)),
    .section(.relaText, "sh_entsize", 16, .outOfRange(field: "sh_entsize", value: 16, allowed: 24...24)),
    .section(.relaText, "sh_size", 47, .partialEntry(byteCount: 47, entryByteCount: 24)),
    .section(.relaText, "sh_info", 0, .outOfRange(field: "sh_info", value: 0, allowed: 1...11)),
    .section(.relaText, "sh_info", 12, .outOfRange(field: "sh_info", value: 12, allowed: 1...11)),
    .section(.relaText, "sh_link", 12, .outOfRange(field: "sh_link", value: 12, allowed: 0...11)),
    .section(
      .relaText, "sh_link", 7, .wrongLink(field: "sh_link", found: .stringTable, expected: .symbolTable)),
    .section(.relTextF, "sh_entsize", 24, .outOfRange(field: "sh_entsize", value: 24, allowed: 16...16)),
    .section(.relTextF, "sh_size", 15, .partialEntry(byteCount: 15, entryByteCount: 16)),
    .section(.group, "sh_size", 0, .partialEntry(byteCount: 0, entryByteCount: 4)),
    .section(.group, "sh_size", 6, .partialEntry(byteCount: 6, entryByteCount: 4)),
    .section(.group, "sh_link", 1, .wrongLink(field: "sh_link", found: .progbits, expected: .symbolTable)),
    .section(.group, "sh_info", 8, .outOfRange(field: "sh_info", value: 8, allowed: 0...7)),
    .object(
      "a group's member is section 0", .outOfRange(field: "group member", value: 0, allowed: 1...11),
      at: .sample(.group), image: { $0[.group].contents = words($0.order, (1, 4), (0, 4)) }),
    .object(
      "a group's member is no section", .outOfRange(field: "group member", value: 12, allowed: 1...11),
      at: .sample(.group), image: { $0[.group].contents = words($0.order, (1, 4), (4, 4), (12, 4)) }),
  ]

  static let symbols: [Malformation] = [
    .symbol(2, "st_name", 40, .outOfRange(field: "st_name", value: 40, allowed: 0...39)),
    .symbol(2, "st_shndx", 12, .outOfRange(field: "st_shndx", value: 12, allowed: 0...11)),
    .symbol(2, "st_shndx", 0xff00, .outOfRange(field: "st_shndx", value: 0xff00, allowed: 0...11)),
    .symbol(
      7, "st_shndx", 0xff02, .outOfRange(field: "st_shndx", value: 0xff02, allowed: 0...11),
      image: { $0.machine = 22 }),
    .symbol(
      3, "st_shndx", 0xffff, .outOfRange(field: "st_shndx", value: 0xffff, allowed: 0...0xfeff),
      image: { $0[.extended].type = 1 }),
    .symbol(
      3, "st_shndx", 0xffff, .outOfRange(field: "st_shndx", value: 12, allowed: 0...11),
      image: { $0[.extended].contents = words($0.order, (0, 4), (0, 8), (12, 4), (0, 8), (0, 8)) }),
  ]

  static let all = files + headers + sections + tables + symbols

  @Test(arguments: all, [ByteOrder.little, .big])
  func `the error is`(malformation: Malformation, order: ByteOrder) {
    #expect(throws: malformation.expected) { try malformation.read(order) }
  }

  @Test(arguments: [ByteOrder.little, .big])
  func `the machine of a 32-bit file is read in the file's byte order`(order: ByteOrder) {
    var image = Sample.image(order)
    image.machine = 20
    let bytes = image.bytes().setting("EI_CLASS", to: 1, order)
    #expect(throws: ELFError(.notELF64(class: 1, machine: Machine(rawValue: 20)), in: "a.o")) {
      try ObjectFile(Bytes(bytes), name: "a.o")
    }
  }

  private static func table(at offset: UInt64, _ byteCount: UInt64) -> ELFError.Reason {
    .outside(
      what: "section header table", offset: offset, byteCount: byteCount, fileByteCount: Self.byteCount)
  }

  private static func outside(_ offset: UInt64, _ byteCount: UInt64) -> ELFError.Reason {
    .outside(what: "contents", offset: offset, byteCount: byteCount, fileByteCount: Self.byteCount)
  }

  private static func notStrings(_ found: SectionType) -> ELFError.Reason {
    .wrongLink(field: "string table index", found: found, expected: .stringTable)
  }
}
