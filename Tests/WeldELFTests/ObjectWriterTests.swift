import Foundation
import Testing
import WeldBytes
import WeldELF

@Suite("Written objects are read again")
struct ObjectWriterTests {
  static let targets: [(Machine, ByteOrder)] = [
    (.x86_64, .little), (.ppc64, .little), (.ppc64, .big), (.s390, .big), (.aarch64, .little),
  ]

  /// An object with one of everything that the writer can write; globals are added before locals on purpose.
  private func write(_ machine: Machine, _ order: ByteOrder) -> [UInt8] {
    var writer = ObjectWriter(machine: machine, byteOrder: order)
    writer.flags = 0x0102_0304
    let text = writer.addSection(
      ".text", flags: [.alloc, .executable], alignment: 16, contents: [1, 2, 3, 4, 5, 6, 7, 8, 9])
    let data = writer.addSection(
      ".data", flags: [.alloc, .write], alignment: 8, contents: [UInt8](repeating: 0xda, count: 16))
    let zero = writer.addZeroSection(".bss", alignment: 64, byteCount: 0x1_0000_0001)
    _ = writer.addSection(".init_array", type: .initArray, flags: [.alloc, .write], contents: [])
    let main = writer.addSymbol("main", in: text, at: 4, size: 5, type: .function, visibility: .protected)
    _ = writer.addSymbol("buffer", in: zero, at: 8, size: 0x1_0000_0000, type: .object, binding: .weak)
    let local = writer.addSymbol(
      "local", in: data, at: 2, type: .object, binding: .local, visibility: .hidden)
    let missing = writer.addUndefinedSymbol("missing", binding: .weak, visibility: .internal)
    _ = writer.addAbsoluteSymbol("fixed", value: .max, size: 3)
    _ = writer.addCommonSymbol("shared", size: 24, alignment: 8)
    writer.addRelocation(1, in: data, at: 0, to: main, addend: .min)
    writer.addRelocation(0xffff_ffff, in: data, at: 8, to: local, addend: .max)
    writer.addRelocation(2, in: text, at: 5, to: missing, addend: -4)
    writer.addRelocation(8, in: data, at: .max, to: nil, addend: 1)
    return writer.bytes()
  }

  @Test(arguments: targets)
  func `headers and sections are what was asked for`(machine: Machine, order: ByteOrder) throws {
    let object = try ObjectFile(Bytes(write(machine, order)), name: "w.o")
    #expect(object.header.machine == machine)
    #expect(object.header.byteOrder == order)
    #expect(object.header.flags == 0x0102_0304)
    #expect(walk(object) == [])
    let sections = (1..<UInt32(object.sectionCount)).map { object.section(at: SectionIndex(rawValue: $0)) }
    #expect(
      sections.map { object.name(of: $0) } == [
        ".text", ".data", ".bss", ".init_array", ".rela.text", ".rela.data", ".symtab", ".strtab",
        ".shstrtab",
      ])
    #expect(
      sections.map(\.type) == [
        .progbits, .progbits, .nobits, .initArray, .rela, .rela, .symbolTable, .stringTable, .stringTable,
      ])
    #expect(
      sections.prefix(5).map(\.flags) == [
        [.alloc, .executable], [.alloc, .write], [.alloc, .write], [.alloc, .write], .infoLink,
      ])
    #expect(sections.prefix(4).map(\.alignment) == [16, 8, 64, 1])
    #expect(sections.prefix(4).map(\.size) == [9, 16, 0x1_0000_0001, 0])
    #expect(sections.allSatisfy { $0.type == .nobits || $0.offset % $0.alignment == 0 })
    #expect(array(object.contents(of: sections[0])) == [1, 2, 3, 4, 5, 6, 7, 8, 9])
    #expect(array(object.contents(of: sections[2])) == [])
  }

  @Test(arguments: targets)
  func `symbols are what was asked for, local ones first`(machine: Machine, order: ByteOrder) throws {
    let object = try ObjectFile(Bytes(write(machine, order)), name: "w.o")
    let symbols = (1..<UInt32(object.symbolCount)).map { object.symbol(at: SymbolIndex(rawValue: $0)) }
    #expect(symbols.map { object.name(of: $0) } == ["local", "main", "buffer", "missing", "fixed", "shared"])
    #expect(symbols.map(\.binding) == [.local, .global, .weak, .weak, .global, .global])
    #expect(symbols.map(\.type) == [.object, .function, .object, .none, .none, .object])
    #expect(
      symbols.map(\.visibility) == [.hidden, .protected, .default, .internal, .default, .default])
    #expect(
      symbols.map(\.place) == [
        .section(SectionIndex(rawValue: 2)), .section(SectionIndex(rawValue: 1)),
        .section(SectionIndex(rawValue: 3)), .undefined, .absolute, .common,
      ])
    #expect(symbols.map(\.value) == [2, 4, 8, 0, .max, 8])
    #expect(symbols.map(\.size) == [0, 5, 0x1_0000_0000, 0, 3, 24])
    #expect(object.symbolTable?.firstGlobal == 2)
  }

  @Test(arguments: targets)
  func `relocations are what was asked for`(machine: Machine, order: ByteOrder) throws {
    let object = try ObjectFile(Bytes(write(machine, order)), name: "w.o")
    let text = object.section(at: SectionIndex(rawValue: 5))
    #expect(text.info == 1)
    #expect(entries(text, object) == [Entry(offset: 5, type: 2, symbol: "missing", addend: -4)])
    let data = object.section(at: SectionIndex(rawValue: 6))
    #expect(data.info == 2)
    #expect(
      entries(data, object) == [
        Entry(offset: 0, type: 1, symbol: "main", addend: .min),
        Entry(offset: 8, type: 0xffff_ffff, symbol: "local", addend: .max),
        Entry(offset: .max, type: 8, symbol: "", addend: 1),
      ])
  }

  @Test func `an empty object is an object`() throws {
    let object = try ObjectFile(
      Bytes(ObjectWriter(machine: .x86_64, byteOrder: .little).bytes()), name: "empty.o")
    #expect(object.symbolCount == 1)
    #expect(object.sectionCount == 4)
  }

  @Test(arguments: targets)
  func `readelf has nothing to complain about`(machine: Machine, order: ByteOrder) throws {
    let folder = try TemporaryFolder()
    try folder.write(write(machine, order), to: "w.o")
    let output = String(
      decoding: try Tool("readelf")(["-W", "-h", "-S", "-s", "w.o"], in: folder.url), as: UTF8.self)
    #expect(output.contains("REL (Relocatable file)"))
    #expect(!output.contains("Warning") && !output.contains("Error"))
    #expect(output.contains(" 0000000000000004     5 FUNC    GLOBAL PROTECTED    1 main"))
  }

  private struct Entry: Equatable {
    var offset: UInt64
    var type: UInt32
    var symbol: String
    var addend: Int64
  }

  private func entries(_ section: SectionHeader, _ object: ObjectFile) -> [Entry] {
    relocations(in: section, of: object).map {
      Entry(
        offset: $0.offset, type: $0.type, symbol: object.name(of: object.symbol(at: $0.symbol)),
        addend: $0.addend)
    }
  }
}
