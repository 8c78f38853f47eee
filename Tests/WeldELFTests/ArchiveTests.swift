import Foundation
import Testing
import WeldBytes
import WeldELF

@Suite("Archives, as their bytes say")
struct ArchiveTests {
  static let indexed: [TestFile] = [
    ArchiveImage.gnu(wide: false), ArchiveImage.gnu(wide: true), ArchiveImage.bsd(.little),
    ArchiveImage.bsd(.big),
    ArchiveImage.bsd(.little, wide: true), ArchiveImage.bsd(.big, wide: true),
  ]

  @Test(arguments: indexed)
  func `members and the symbol index are read in every format`(file: TestFile) throws {
    let archive = try Archive(Bytes(file.contents), name: file.name)
    #expect(!archive.isThin)
    #expect(archive.members.map { archive.name(of: $0) } == ArchiveImage.names)
    #expect(try contents(of: archive) == ArchiveImage.contents)
    let symbolIndex = try archive.symbolIndex()
    let index = try #require(symbolIndex)
    for (entry, expected) in zip(index, [("first", 0), ("second", 1), ("third", 1)]) {
      #expect(array(archive.nameBytes(of: entry)) == Array(expected.0.utf8))
      #expect(entry.hash == hash(expected.0))
      #expect(entry.member == expected.1)
    }
    #expect(index.count == 3)
  }

  @Test func `a thin archive has names but no contents`() throws {
    let file = ArchiveImage.thin()
    let archive = try Archive(Bytes(file.contents), name: file.name)
    #expect(archive.isThin)
    let symbolIndex = try archive.symbolIndex()
    #expect(symbolIndex == nil)
    #expect(archive.members.map { archive.name(of: $0) } == ArchiveImage.names)
    for (member, name) in zip(archive.members, ArchiveImage.names) {
      let error = ELFError(
        .externalMember(path: name), in: file.name, at: .member(offset: member.headerOffset))
      #expect(throws: error) { try archive.contents(of: member) }
      #expect(throws: error) { try archive.object(of: member) }
    }
  }

  @Test(arguments: ["!<arch>\n", "!<thin>\n"])
  func `an archive may be empty`(magic: String) throws {
    let archive = try Archive(Bytes(Array(magic.utf8)), name: "empty.a")
    #expect(archive.members == [])
    let symbolIndex = try archive.symbolIndex()
    #expect(symbolIndex == nil)
    #expect(archive.isThin == (magic == "!<thin>\n"))
  }

  @Test(arguments: ["/", "/SYM64/", "__.SYMDEF", "__.SYMDEF_64", "__.SYMDEF SORTED"])
  func `an index may be empty`(label: String) throws {
    var image = ArchiveImage()
    image.add(label, .zeros(16))
    image.add("a.o/")
    let archive = try Archive(Bytes(image.bytes), name: "lib.a")
    let symbolIndex = try archive.symbolIndex()
    #expect(symbolIndex == [])
    #expect(archive.members.count == 1)
  }

  @Test func `names that begin like an index's are members`() throws {
    let names = ["__.SYMDEFS", "__.SYMDEF_", "__.SYMDE"]
    var image = ArchiveImage()
    for name in names { image.add("\(name)/") }
    let archive = try Archive(Bytes(image.bytes), name: "lib.a")
    #expect(archive.members.map { archive.name(of: $0) } == names)
    let symbolIndex = try archive.symbolIndex()
    #expect(symbolIndex == nil)
  }

  @Test func `short names end at a slash, or else at a space, or fill their field`() throws {
    var image = ArchiveImage()
    for label in ["with space.o/", "bsd.o", "exactly_16_byte.", "fifteen_bytes.o/", "/0", "#1/8", "", "/4"] {
      if label == "/0" { image.add("//", Array("a/b/\nlast".utf8)) }
      image.add(label, label == "#1/8" ? Array("x y\0\0\0\0\0".utf8) + [1, 2] : [])
    }
    let archive = try Archive(Bytes(image.bytes), name: "lib.a")
    #expect(
      archive.members.map { archive.name(of: $0) } == [
        "with space.o", "bsd.o", "exactly_16_byte.", "fifteen_bytes.o", "a/b", "x y", "", "",
      ])
    let contents = try archive.contents(of: archive.members[5])
    #expect(array(contents.span) == [1, 2])
  }

  @Test func `the last member needs no padding`() throws {
    var image = ArchiveImage()
    image.add("a.o/", [1, 2, 3])
    for padding in [[], [0x0a]] as [[UInt8]] {
      let archive = try Archive(Bytes(image.bytes + padding), name: "lib.a")
      #expect(try contents(of: archive) == [[1, 2, 3]])
    }
  }

  @Test func `a member's object is called after both`() throws {
    var image = ArchiveImage()
    image.add("sample.o/", Sample.image(.big).bytes())
    image.add("text.o/", Array("text".utf8))
    let archive = try Archive(Bytes(image.bytes), name: "lib.a")
    let object = try archive.object(of: archive.members[0])
    #expect(object.name == "lib.a(sample.o)")
    #expect(object.sectionName(Sample.Section.textF.index) == ".text.f")
    #expect(throws: ELFError(.notELF(.text), in: "lib.a(text.o)")) {
      try archive.object(of: archive.members[1])
    }
  }

  private func hash(_ name: String) -> UInt32 { Bytes(Array(name.utf8)).span.nameHash() }
}

/// What is in each member.
private func contents(of archive: Archive) throws -> [[UInt8]] {
  try archive.members.map { member in
    let contents = try archive.contents(of: member)
    return array(contents.span)
  }
}

@Suite("Archives, as archivers write them")
struct ArchiverTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var command: String
    var environment: [String: String] = [:]
    var isThin = false
    var hasIndex = true

    var testDescription: String { environment.map { "\($0)=\($1) " }.joined() + command }
  }

  static let rows: [Row] = [
    Row(command: "ar rcs"),
    Row(command: "ar rcS", hasIndex: false),
    Row(command: "ar rcsU"),
    Row(command: "ar qc"),
    Row(command: "ar rcsT", isThin: true),
    Row(command: "ar rcST", isThin: true, hasIndex: false),
    Row(command: "llvm-ar-19 rcs"),
    Row(command: "llvm-ar-19 rcS", hasIndex: false),
    Row(command: "llvm-ar-19 --thin rcs", isThin: true),
    Row(command: "llvm-ar-19 --format=gnu rcs"),
    Row(command: "llvm-ar-19 --format=bsd rcs"),
    Row(command: "llvm-ar-19 --format=bsd rcS", hasIndex: false),
    Row(command: "llvm-ar-19 --format=darwin rcs"),
    // What an archive of more than 4 GiB has.
    Row(command: "llvm-ar-19 rcs", environment: ["SYM64_THRESHOLD": "0"]),
    Row(command: "llvm-ar-19 --format=darwin rcs", environment: ["SYM64_THRESHOLD": "0"]),
  ]

  /// Files with names short, long and with a space; two of a name; and one of odd size that is no object.
  static let files: [(path: String, symbols: [String])] = [
    ("a.o", ["alpha", "shared"]), ("fifteen_bytes.o", ["beta"]), ("sixteen_bytes_.o", ["gamma"]),
    ("with_a_rather_long_name.o", ["delta", "epsilon"]), ("other/a.o", ["zeta", "shared"]), ("odd", []),
  ]

  @Test(arguments: rows)
  func `members and the symbol index are found`(row: Row) throws {
    let folder = try TemporaryFolder()
    let contents = Self.files.map { $0.symbols.isEmpty ? [1, 2, 3] : object(defining: $0.symbols) }
    for (file, contents) in zip(Self.files, contents) { try folder.write(contents, to: file.path) }
    let words = row.command.split(separator: " ").map(String.init)
    let arguments = words.dropFirst() + ["lib.a"] + Self.files.map(\.path)
    try Tool(words[0])(Array(arguments), in: folder.url, environment: row.environment)
    let bytes = try folder.read("lib.a")

    let archive = try Archive(Bytes(bytes), name: "lib.a")
    #expect(archive.isThin == row.isThin)
    let paths = Self.files.map(\.path)
    // An archive keeps the last part of a path; a thin one all of it.
    let names = row.isThin ? paths : paths.map { $0.split(separator: "/").last.map(String.init) ?? "" }
    #expect(archive.members.map { archive.name(of: $0) } == names)
    if !row.isThin {
      // The Darwin format fills up members with line feeds to a multiple of 8 bytes.
      let found = try WeldELFTests.contents(of: archive)
      for (found, expected) in zip(found, contents) {
        #expect(Array(found.prefix(expected.count)) == expected)
        #expect(found.dropFirst(expected.count).allSatisfy { $0 == 0x0a })
        #expect(found.count == expected.count || row.command.contains("darwin"))
      }
    }
    let symbolIndex = try archive.symbolIndex()
    guard row.hasIndex else {
      #expect(symbolIndex == nil)
      return
    }
    let index = try #require(symbolIndex)
    let entries = index.map { "\(String(decoding: archive.nameBytes(of: $0))) in \($0.member)" }
    let expected = Self.files.enumerated().flatMap { number, file in file.symbols.map { "\($0) in \(number)" }
    }
    #expect(entries.sorted() == expected.sorted())
  }

  @Test(arguments: ["ar rc", "ar rcT", "llvm-ar-19 rc", "llvm-ar-19 --format=bsd rc"])
  func `an archive of nothing`(command: String) throws {
    let folder = try TemporaryFolder()
    let words = command.split(separator: " ").map(String.init)
    try Tool(words[0])(Array(words.dropFirst()) + ["lib.a"], in: folder.url)
    let archive = try Archive(Bytes(try folder.read("lib.a")), name: "lib.a")
    #expect(archive.members == [])
    let index = try archive.symbolIndex()
    #expect(index == nil || index == [])
  }

  /// An x86_64 object that defines the symbols.
  private func object(defining symbols: [String]) -> [UInt8] {
    var writer = ObjectWriter(machine: .x86_64, byteOrder: .little)
    let text = writer.addSection(".text", flags: [.alloc, .executable], contents: [0xc3])
    for symbol in symbols { _ = writer.addSymbol(symbol, in: text, type: .function) }
    return writer.bytes()
  }
}
