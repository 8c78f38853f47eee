import Testing
import WeldBytes
import WeldELF

@Suite("What is wrong with an archive's symbol index is said exactly")
struct ArchiveIndexTests {
  static let all: [Malformation] = [
    .archive("an index without a count", tooShort(3), at: .archiveIndex, archive { $0.add("/", [0, 0, 0]) }),
    .archive(
      "a wide index without a count", tooShort(7), at: .archiveIndex, archive { $0.add("/SYM64/", .zeros(7)) }
    ),
    .archive(
      "more symbols than there is room for",
      .outOfRange(field: "number of symbols", value: 2, allowed: 0...1),
      at: .archiveIndex, archive { $0.add("/", words(.big, (2, 4), (0, 4), (0, 3))) }),
    .archive(
      "the largest number of symbols", .outOfRange(field: "number of symbols", value: .max, allowed: 0...0),
      at: .archiveIndex, archive { $0.add("/SYM64/", words(.big, (.max, 8))) }),
    .archive(
      "a symbol of no member", .outOfRange(field: "member offset", value: 81, allowed: 8...78),
      at: .archiveIndex,
      archive {
        $0.add("/", words(.big, (1, 4), (81, 4)) + [0x73, 0])
        $0.add("a/")
      }),
    .archive(
      "a symbol without a name", tooShort(8), at: .archiveIndex,
      archive {
        $0.add("/", words(.big, (1, 4), (76, 4)))
        $0.add("a/")
      }),
    .archive(
      "a symbol whose name does not end", tooShort(10), at: .archiveIndex,
      archive {
        $0.add("/", words(.big, (1, 4), (78, 4)) + [0x73, 0x74])
        $0.add("a/")
      }),
    .archive(
      "a BSD index without a size", tooShort(3), at: .archiveIndex,
      archive { $0.add("__.SYMDEF", [0, 0, 0]) }),
    .archive(
      "a BSD index of half a symbol",
      .outOfRange(field: "size of the symbol index", value: 4, allowed: 0...8),
      at: .archiveIndex, archive { $0.add("__.SYMDEF", words(.little, (4, 4), (0, 8), (0, 4))) }),
    .archive(
      "a BSD index larger than its member in either byte order",
      .outOfRange(field: "size of the symbol index", value: 0x2000_0020, allowed: 0...8), at: .archiveIndex,
      archive { $0.add("__.SYMDEF", words(.big, (0x2000_0020, 4), (0, 8), (0, 4))) }),
    .archive(
      "a BSD symbol whose name is elsewhere", tooShort(18), at: .archiveIndex,
      archive {
        $0.add("__.SYMDEF", words(.little, (8, 4), (0xffff_ffff, 4), (86, 4), (2, 4), (0x73, 2)))
        $0.add("a")
      }),
    .archive(
      "a wide BSD symbol whose name is elsewhere", tooShort(34), at: .archiveIndex,
      archive {
        $0.add("__.SYMDEF_64", words(.big, (16, 8), (.max, 8), (102, 8), (2, 8), (0x7300, 2)))
        $0.add("a")
      }),
  ]

  @Test(arguments: all)
  func `the error is`(malformation: Malformation) {
    #expect(throws: malformation.expected) { try malformation.read(.little) }
  }

  @Test func `members are found all the same`() throws {
    let archive = try Archive(
      Bytes(
        Self.archive { image in
          image.add("/", [1])
          image.add("a.o/", [2])
        }), name: "lib.a")
    #expect(archive.members.map { archive.name(of: $0) } == ["a.o"])
    #expect(throws: ELFError(Self.tooShort(1), in: "lib.a", at: .archiveIndex)) { try archive.symbolIndex() }
  }

  private static func archive(_ fill: (inout ArchiveImage) -> Void) -> [UInt8] { ArchiveImage.bytes(fill) }

  private static func tooShort(_ byteCount: UInt64) -> ELFError.Reason {
    .truncated(needed: byteCount + 1, available: byteCount)
  }
}
