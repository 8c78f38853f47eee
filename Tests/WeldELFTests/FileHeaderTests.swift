import Testing
import WeldBytes
import WeldELF

@Suite("gABI: ELF Header")
struct FileHeaderTests {
  @Test(arguments: [ByteOrder.little, .big], [false, true])
  func `every field is decoded`(order: ByteOrder, headersFirst: Bool) throws {
    var image = Sample.image(order, headersFirst: headersFirst)
    image.machine = 22
    // What a large common symbol is on x86_64 is nothing elsewhere.
    image.setSymbol(7, "st_shndx", to: 0xfff2)
    let bytes = image.bytes().setting("e_entry", to: 0x0102_0304_0506_0708, order)
      .setting("e_phnum", to: 0xabcd, order)
    let object = try ObjectFile(Bytes(bytes), name: "a.o")
    let header = object.header
    #expect(header.byteOrder == order)
    #expect(header.osABI == 3)
    #expect(header.abiVersion == 4)
    #expect(header.type == .relocatable)
    #expect(header.machine == .s390)
    #expect(header.flags == 0x5a5a_0001)
    #expect(header.entry == 0x0102_0304_0506_0708)
    #expect(header.programHeaderCount == 0xabcd)
    #expect(header.sectionHeaderOffset == (headersFirst ? 64 : UInt64(bytes.count - Sample.tableByteCount)))
    #expect(header.sectionCount == 12)
    #expect(header.sectionNameTable == Sample.Section.names.index)
  }

  @Test(arguments: [ByteOrder.little, .big])
  func `a file may have no sections`(order: ByteOrder) throws {
    var bytes = Array(Sample.image(order).bytes()[..<64])
    for field in ["e_shoff", "e_shnum", "e_shstrndx"] { bytes = bytes.setting(field, to: 0, order) }
    let object = try ObjectFile(Bytes(bytes), name: "a.o")
    #expect(object.sectionCount == 0)
    #expect(object.symbolCount == 0)
    #expect(object.groupSections == [])
    #expect(walk(object) == [])
  }

  @Test func `types of file other than relocatable are accepted on demand`() throws {
    let library = try SharedLibrary.make()
    let refused = #expect(throws: ELFError.self) { try ObjectFile(Bytes(library), name: "library.so") }
    #expect(refused == ELFError(.notRelocatable(.sharedObject), in: "library.so"))

    let object = try ObjectFile(Bytes(library), name: "library.so", accepting: [.sharedObject])
    #expect(object.header.type == .sharedObject)
    // The symbols are those of the dynamic table.
    let names = (1..<object.symbolCount).map {
      object.name(of: object.symbol(at: SymbolIndex(rawValue: UInt32($0))))
    }
    #expect(names.sorted() == ["exported", "imported", "second"])
    #expect(walk(object) == [])
  }

  @Test(arguments: [
    (3, "i386"), (20, "ppc"), (21, "ppc64"), (22, "s390x"), (40, "arm"), (62, "x86_64"), (183, "aarch64"),
    (243, "riscv"), (258, "loongarch"), (0, "machine 0"), (0xffff, "machine 65535"),
  ])
  func `machines have their usual names`(number: UInt16, name: String) {
    #expect(Machine(rawValue: number).description == name)
  }
}
