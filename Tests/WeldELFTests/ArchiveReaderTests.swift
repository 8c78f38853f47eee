import Testing
import WeldBytes
import WeldELF

@Suite("What is wrong with an archive is said exactly")
struct ArchiveReaderTests {
  static let kinds: [Malformation] = [
    .archive("no bytes", .notArchive(.unknown), at: .file, []),
    .archive("an object", .notArchive(.elf), at: .file, Sample.image(.little).bytes()),
    .archive("seven bytes of the magic number", .notArchive(.text), at: .file, Array("!<arch>".utf8)),
  ]

  static let headers: [Malformation] = [
    .archive(
      "a header of 59 bytes", .truncated(needed: 68, available: 67), at: first,
      Array(archive { $0.add("a/") }.prefix(67))),
    .archive(
      "a second header of one byte", .truncated(needed: 130, available: 71), at: .member(offset: 70),
      archive { $0.add("a/", [1, 2]) } + [0x62]),
    .archive("another mark", .badMemberHeader, at: first, archive { $0.add("a/", mark: "`\r") }),
    .archive(
      "a size in hexadecimal", .badNumber(field: "ar_size", text: "0x10      "), at: first,
      archive { $0.add("a/", size: "0x10") }),
    .archive(
      "a negative size", .badNumber(field: "ar_size", text: "-1        "), at: first,
      archive { $0.add("a/", size: "-1") }),
    .archive(
      "no size", .badNumber(field: "ar_size", text: "          "), at: first,
      archive { $0.add("a/", size: "") }),
    .archive(
      "more contents than there are", .outside(what: "contents", offset: 68, byteCount: 4, fileByteCount: 71),
      at: first, archive { $0.add("a/", [1, 2, 3], size: "4") }),
    .archive(
      "the largest size", .outside(what: "contents", offset: 68, byteCount: 9_999_999_999, fileByteCount: 68),
      at: first, archive { $0.add("a/", size: "9999999999") }),
  ]

  static let names: [Malformation] = [
    .archive(
      "a BSD name's length that is no number", .badNumber(field: "BSD name length", text: "x            "),
      at: first,
      archive { $0.add("#1/x", [1, 2]) }),
    .archive(
      "a BSD name longer than the member",
      .outside(what: "BSD name", offset: 68, byteCount: 3, fileByteCount: 70), at: first,
      archive { $0.add("#1/3", [1, 2]) }),
    .archive(
      "a BSD name in a thin archive", .outside(what: "BSD name", offset: 68, byteCount: 2, fileByteCount: 70),
      at: first, archive(thin: true) { $0.add("#1/2", [1, 2]) }),
    .archive(
      "a GNU name's place that is no number", .badNumber(field: "long name offset", text: "a              "),
      at: first,
      archive { $0.add("/a") }),
    .archive(
      "a GNU name without a table",
      .outOfRange(field: "long name offset", value: 0, allowed: 0...0), at: first, archive { $0.add("/0") }),
    .archive(
      "a GNU name past the table", .outOfRange(field: "long name offset", value: 4, allowed: 0...3),
      at: .member(offset: 72),
      archive {
        $0.add("//", Array("a/\n\n".utf8))
        $0.add("/4")
      }),
    .archive(
      "a GNU name at the largest place",
      .outOfRange(field: "long name offset", value: 999_999_999_999_999, allowed: 0...0), at: first,
      archive { $0.add("/999999999999999") }),
  ]

  static let all = kinds + headers + names

  @Test(arguments: all)
  func `the error is`(malformation: Malformation) {
    #expect(throws: malformation.expected) { try malformation.read(.little) }
  }

  private static let first = ELFError.Place.member(offset: 8)

  private static func archive(thin: Bool = false, _ fill: (inout ArchiveImage) -> Void) -> [UInt8] {
    ArchiveImage.bytes(thin: thin, fill)
  }
}
