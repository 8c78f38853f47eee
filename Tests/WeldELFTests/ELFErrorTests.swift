import Testing
import WeldBytes
import WeldELF

@Suite("Errors of reading")
struct ELFErrorTests {
  /// The cases of `ELFError.Reason`, without what they carry.
  enum Kind: CaseIterable {
    case empty, notELF, notELF64, unknownByteOrder, unknownVersion, notRelocatable, truncated, outside,
      outOfRange
    case notPowerOfTwo, partialEntry, unterminatedStrings, wrongLink, secondSymbolTable, contradictoryFlags
    case notArchive, badMemberHeader, badNumber, externalMember

    init(_ reason: ELFError.Reason) {
      switch reason {  // no default: a new case does not compile until it is here, and then needs a test
      case .empty: self = .empty
      case .notELF: self = .notELF
      case .notELF64: self = .notELF64
      case .unknownByteOrder: self = .unknownByteOrder
      case .unknownVersion: self = .unknownVersion
      case .notRelocatable: self = .notRelocatable
      case .truncated: self = .truncated
      case .outside: self = .outside
      case .outOfRange: self = .outOfRange
      case .notPowerOfTwo: self = .notPowerOfTwo
      case .partialEntry: self = .partialEntry
      case .unterminatedStrings: self = .unterminatedStrings
      case .wrongLink: self = .wrongLink
      case .secondSymbolTable: self = .secondSymbolTable
      case .contradictoryFlags: self = .contradictoryFlags
      case .notArchive: self = .notArchive
      case .badMemberHeader: self = .badMemberHeader
      case .badNumber: self = .badNumber
      case .externalMember: self = .externalMember
      }
    }
  }

  @Test func `every reason is the exact result of some malformed file`() {
    let malformations = ObjectParserTests.all + ArchiveReaderTests.all + ArchiveIndexTests.all
    // A thin archive's member is no malformation; `ArchiveTests` reads one.
    let kinds = Set(malformations.map { Kind($0.expected.reason) }).union([.externalMember])
    #expect(kinds == Set(Kind.allCases))
  }

  @Test(arguments: [
    (
      ELFError(.empty, in: "a.o"),
      "a.o: the file is empty; expected an ELF relocatable object or an archive of them"
    ),
    (
      ELFError(.notELF(.text), in: "notes.txt"),
      "notes.txt: not an ELF file but text; expected an ELF relocatable object (`cc -c`)"
    ),
    (
      ELFError(.notELF(.bitcode), in: "lib.a(a.o)"),
      "lib.a(a.o): LLVM bitcode, not machine code; compile it first, "
        + "with `llc -filetype=obj` or without -flto and -emit-llvm"
    ),
    (
      ELFError(.notELF64(class: 1, machine: .i386), in: "a.o"),
      "a.o: ELF class 1 for i386; expected class 2 (64 bits), so compile for a 64-bit machine"
    ),
    (
      ELFError(.notRelocatable(.executable), in: "a.out"),
      "a.out: not a relocatable object but an executable; expected the output of `cc -c`"
    ),
    (
      ELFError(.notRelocatable(.core), in: "core"),
      "core: not a relocatable object but a core dump; expected the output of `cc -c`"
    ),
    (
      ELFError(.truncated(needed: 64, available: 63), in: "a.o"),
      "a.o: the file ends after 63 bytes; at least 64 are needed"
    ),
    (
      ELFError(
        .outside(what: "contents", offset: 64, byteCount: 100, fileByteCount: 120), in: "a.o",
        at: .section(SectionIndex(rawValue: 3), name: ".text")),
      "a.o: section 3 '.text': contents: 100 bytes at offset 64 lie outside the file of 120 bytes"
    ),
    (
      ELFError(
        .outOfRange(field: "sh_entsize", value: 25, allowed: 24...24), in: "a.o",
        at: .section(SectionIndex(rawValue: 3), name: nil)),
      "a.o: section 3: sh_entsize is 25; expected 24"
    ),
    (
      ELFError(
        .outOfRange(field: "st_shndx", value: 12, allowed: 0...11), in: "a.o",
        at: .symbol(SymbolIndex(rawValue: 7))),
      "a.o: symbol 7: st_shndx is 12; expected 0...11"
    ),
    (
      ELFError(
        .wrongLink(field: "sh_link", found: .progbits, expected: .symbolTable), in: "a.o",
        at: .relocation(SectionIndex(rawValue: 2), 5)),
      "a.o: relocation 5 of section 2: sh_link refers to a section of type PROGBITS; expected SYMTAB"
    ),
    (
      ELFError(.badNumber(field: "ar_size", text: "x"), in: "lib.a", at: .member(offset: 68)),
      "lib.a: archive member at byte 68: ar_size is 'x'; expected a decimal number"
    ),
    (
      ELFError(.notArchive(.elf), in: "a.o", at: .archiveIndex),
      "a.o: archive symbol index: not an archive but an ELF file"
    ),
    (
      ELFError(.contradictoryFlags([.alloc, .compressed]), in: "a.o"),
      "a.o: the flags AC contradict each other"
    ),
  ])
  func `an error is one line that says where, what, and what was expected`(error: ELFError, text: String) {
    #expect(error.description == text)
  }

  @Test func `no text has a second line, whatever the reason`() {
    for malformation in ObjectParserTests.all + ArchiveReaderTests.all + ArchiveIndexTests.all {
      let text = malformation.expected.description
      #expect(!text.contains("\n"))
      #expect(text.hasPrefix(malformation.expected.file + ": "))
    }
  }
}
