import Foundation
import Testing
import WeldBytes
import WeldELF

@Suite("Section types and flags")
struct SectionHeaderTests {
  @Test(arguments: [
    (SectionType.null, "NULL"), (.progbits, "PROGBITS"), (.symbolTable, "SYMTAB"), (.stringTable, "STRTAB"),
    (.rela, "RELA"), (.hash, "HASH"), (.dynamic, "DYNAMIC"), (.note, "NOTE"), (.nobits, "NOBITS"),
    (.rel, "REL"),
    (.dynamicSymbolTable, "DYNSYM"), (.initArray, "INIT_ARRAY"), (.finiArray, "FINI_ARRAY"),
    (.preinitArray, "PREINIT_ARRAY"), (.group, "GROUP"), (.symbolTableSectionIndices, "SYMTAB_SHNDX"),
    (.addressSignificance, "LLVM_ADDRSIG"), (.unwind, "X86_64_UNWIND"),
    (SectionType(rawValue: 0x6000_0014), "0x60000014"),
  ])
  func `a type is called as in the gABI`(type: SectionType, name: String) {
    #expect(type.description == name)
  }

  @Test(
    arguments: [
      ([], ""), ([.alloc, .write], "WA"), ([.alloc, .executable, .group], "AXG"),
      ([.alloc, .merge, .strings], "AMS"),
      ([.alloc, .write, .tls], "WAT"), ([.exclude], "E"), ([.alloc, .linkOrder, .retain], "ALR"),
      ([.infoLink], "I"), ([.compressed, .osNonconforming], "OC"), ([.alloc, .write, .large], "WAl"),
    ] as [(SectionFlags, String)])
  func `flags are readelf's letters`(flags: SectionFlags, letters: String) {
    #expect(flags.description == letters)
  }

  /// The letters and types once more, from `readelf` itself.
  @Test func `sections are printed as readelf prints them`() throws {
    let rows: [(String, SectionType, SectionFlags)] = [
      ("a", .progbits, [.alloc, .executable, .merge, .strings]), ("b", .note, [.alloc, .write, .tls]),
      ("c", .initArray, [.alloc, .write, .large]), ("d", .finiArray, [.alloc, .exclude]),
      ("e", .preinitArray, [.osNonconforming, .linkOrder, .group]),
    ]
    var writer = ObjectWriter(machine: .x86_64, byteOrder: .little)
    for (name, type, flags) in rows { _ = writer.addSection(name, type: type, flags: flags, contents: [1]) }
    let folder = try TemporaryFolder()
    try folder.write(writer.bytes(), to: "a.o")
    let output = try Tool("readelf")(["-W", "-S", "a.o"], in: folder.url)
    let lines = String(decoding: output, as: UTF8.self).split(separator: "\n").map {
      $0.split(separator: " ").map(String.init)
    }
    for (number, (name, type, flags)) in rows.enumerated() {
      // `[ 1] a PROGBITS 0000000000000000 000040 000001 00 AXMS 0 0 1`
      let line = try #require(lines.first { $0.starts(with: ["[", "\(number + 1)]"]) })
      #expect(line[2...3] == [name, type.description])
      #expect(Set(line[8]) == Set(flags.description))
    }
  }
}
