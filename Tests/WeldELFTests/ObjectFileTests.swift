import Testing
import WeldBytes
import WeldELF

@Suite("Decoding an object with one of everything")
struct ObjectFileTests {
  static let layouts: [(ByteOrder, Bool)] = [(.little, false), (.little, true), (.big, false), (.big, true)]

  @Test(arguments: layouts)
  func `every field of a section header is decoded`(order: ByteOrder, headersFirst: Bool) throws {
    let image = Sample.image(order, headersFirst: headersFirst)
    let object = try ObjectFile(Bytes(image.bytes()), name: Sample.name)
    #expect(object.sectionCount == 12)
    #expect(object.section(at: .undefined).type == .null)
    for number in 1..<11 {
      let expected = image.sections[number]
      let index = SectionIndex(rawValue: UInt32(number))
      let section = object.section(at: index)
      #expect(object.sectionName(index) == expected.name)
      #expect(object.name(of: section) == expected.name)
      #expect(array(object.nameBytes(of: section)) == Array(expected.name.utf8))
      #expect(section.type == SectionType(rawValue: expected.type))
      #expect(section.flags == SectionFlags(rawValue: expected.flags))
      #expect(section.address == 0)
      #expect(section.size == expected.size ?? UInt64(expected.contents.count))
      #expect(section.link == expected.link)
      #expect(section.info == expected.info)
      #expect(section.alignment == max(expected.alignment, 1), "0 in the file means 1")
      #expect(section.entrySize == expected.entrySize)
      #expect(
        array(object.contents(of: section)) == expected.contents, "no bytes for NOBITS, whatever its size")
    }
  }

  @Test(arguments: layouts)
  func `every field of a symbol is decoded, its section wherever the number is`(
    order: ByteOrder, headersFirst: Bool
  ) throws {
    let object = try ObjectFile(
      Bytes(Sample.image(order, headersFirst: headersFirst).bytes()), name: Sample.name)
    let expected: [(String, Symbol)] = [
      ("", Symbol(nameOffset: 0, info: 0, other: 0, place: .undefined, value: 0, size: 0)),
      (".text", Symbol(nameOffset: 0, info: 3, other: 0, place: section(.text), value: 0, size: 0)),
      ("f", Symbol(nameOffset: 1, info: 0x12, other: 0, place: section(.text), value: 1, size: 6)),
      (
        "signature", Symbol(nameOffset: 3, info: 0x12, other: 0x82, place: section(.textF), value: 2, size: 1)
      ),
      ("missing", Symbol(nameOffset: 13, info: 0x20, other: 0, place: .undefined, value: 0, size: 0)),
      (
        "fixed",
        Symbol(
          nameOffset: 21, info: 0x10, other: 3, place: .absolute, value: 0xffff_ffff_8000_0000, size: 0)
      ),
      ("shared", Symbol(nameOffset: 27, info: 0x15, other: 0, place: .common, value: 8, size: 24)),
      ("large", Symbol(nameOffset: 34, info: 0x11, other: 1, place: .largeCommon, value: 64, size: 1 << 32)),
    ]
    #expect(object.symbolCount == expected.count)
    #expect(object.symbolTable?.section == Sample.Section.symbolTable.index)
    #expect(object.symbolTable?.firstGlobal == 2)
    for (number, row) in expected.enumerated() {
      let symbol = object.symbol(at: SymbolIndex(rawValue: UInt32(number)))
      let listed = object.symbols[number]
      #expect(symbol == row.1)
      #expect(listed == row.1)
      #expect(object.name(of: symbol) == row.0)
    }
    let names = object.symbolNames
    #expect(array(object.bytes.span.extracting(names)) == Sample.strings)
  }

  @Test(arguments: layouts)
  func `relocations are decoded, with and without addends`(order: ByteOrder, headersFirst: Bool) throws {
    let object = try ObjectFile(
      Bytes(Sample.image(order, headersFirst: headersFirst).bytes()), name: Sample.name)
    let rela = object.section(at: Sample.Section.relaText.index)
    #expect(
      relocations(in: rela, of: object) == [
        Relocation(offset: 2, type: 4, symbol: SymbolIndex(rawValue: 4), addend: -4),
        Relocation(offset: 4, type: 2, symbol: SymbolIndex(rawValue: 1), addend: .max),
      ])
    let rel = object.section(at: Sample.Section.relTextF.index)
    #expect(
      relocations(in: rel, of: object) == [
        Relocation(offset: 1, type: 1, symbol: SymbolIndex(rawValue: 2), addend: 0)
      ])
    let listed = object.relocations(at: Int(rela.offset), count: 2)
    #expect((0..<listed.count).map { listed[$0] } == relocations(in: rela, of: object))
    let hasAddends = [object.relocations(in: rela).hasAddends, object.relocations(in: rel).hasAddends]
    #expect(hasAddends == [true, false])
  }

  @Test(arguments: layouts)
  func `groups are decoded, with their signatures`(order: ByteOrder, headersFirst: Bool) throws {
    var image = Sample.image(order, headersFirst: headersFirst)
    let object = try ObjectFile(Bytes(image.bytes()), name: Sample.name)
    #expect(object.groupSections == [Sample.Section.group.index])
    let group = object.group(at: Sample.Section.group.index)
    #expect(group.section == Sample.Section.group.index)
    #expect(group.isCOMDAT)
    #expect(group.signature == SymbolIndex(rawValue: 3))
    #expect(group.members == [Sample.Section.textF.index, Sample.Section.relTextF.index])
    #expect(array(object.signatureBytes(of: group)) == Array("signature".utf8))

    // A group of no members, which is no COMDAT and has a section symbol's section as its signature.
    image.sections[3].contents = words(order, (0, 4))
    image.sections[3].info = 1
    let other = try ObjectFile(Bytes(image.bytes()), name: Sample.name)
    let plain = other.group(at: Sample.Section.group.index)
    #expect(!plain.isCOMDAT)
    #expect(plain.members == [])
    #expect(array(other.signatureBytes(of: plain)) == Array(".text".utf8))
  }

  @Test(arguments: [ByteOrder.little, .big])
  func `an extended section index of 0 is no section`(order: ByteOrder) throws {
    var image = Sample.image(order)
    image.sections[Int(Sample.Section.extended.rawValue)].contents = [UInt8](repeating: 0, count: 32)
    let object = try ObjectFile(Bytes(image.bytes()), name: Sample.name)
    #expect(object.symbol(at: SymbolIndex(rawValue: 3)).place == .undefined)
  }

  @Test func `an index past the end is a bug of the caller, which ends the process`() async {
    await #expect(processExitsWith: .failure) {
      let object = try ObjectFile(Bytes(Sample.image(.little, headersFirst: true).bytes()), name: "a.o")
      _ = object.section(at: SectionIndex(rawValue: 12))
    }
    await #expect(processExitsWith: .failure) {
      let object = try ObjectFile(Bytes(Sample.image(.little).bytes()), name: "a.o")
      _ = object.symbol(at: SymbolIndex(rawValue: 8))
    }
    await #expect(processExitsWith: .failure) {
      let object = try ObjectFile(Bytes(Sample.image(.little).bytes()), name: "a.o")
      _ = object.relocations(in: object.section(at: Sample.Section.relaText.index))[2]
    }
  }

  private func section(_ section: Sample.Section) -> SymbolPlace { .section(section.index) }
}

/// A copy of the bytes.
func array(_ span: RawSpan) -> [UInt8] { span.withUnsafeBytes { Array($0) } }

/// All entries of a relocation section.
func relocations(in section: SectionHeader, of object: ObjectFile) -> [Relocation] {
  let table = object.relocations(in: section)
  return (0..<table.count).map { table[$0] }
}
