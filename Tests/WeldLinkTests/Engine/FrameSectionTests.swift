import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("LSB: frame descriptions")
struct FrameSectionTests {
  /// An empty common record (CIE), and one that refers to the record `distance` bytes before its second word.
  private static let common: [UInt8] = [4, 0, 0, 0, 0, 0, 0, 0]
  private static func description(_ distance: UInt8) -> [UInt8] {
    [12, 0, 0, 0, distance, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
  }
  private static let extended: [UInt8] =
    [0xff, 0xff, 0xff, 0xff] + [4, 0, 0, 0, 0, 0, 0, 0] + [0, 0, 0, 0]

  private func object(_ file: String, _ frames: [UInt8]) throws -> ObjectFile {
    var object = ObjectWriter.x86_64
    _ = object.addSection(".eh_frame", flags: [.alloc], alignment: 8, contents: frames)
    return try object.object(file)
  }

  @Test(arguments: [
    common, common + common, common + description(12), common + description(12) + description(28), extended,
    extended + common, extended + description(20),
  ])
  func `records follow each other by their lengths`(frames: [UInt8]) throws {
    let image = try LinkedImage([object("a.o", frames)])
    try image.resolve()
    #expect(try image.contents(".eh_frame") == frames)
  }

  @Test(arguments: [4, 8, 12])
  func `what ends the frames of an object does not end those of all`(zeros: Int) throws {
    let end = [UInt8](repeating: 0, count: zeros)
    let image = try LinkedImage([
      object("a.o", Self.common + end), object("end.o", end),
      object("b.o", Self.common + Self.description(12)),
      object("empty.o", []),
    ])
    try image.resolve()
    let sections = try image.sections(".eh_frame")
    #expect(sections.map(\.file) == ["a.o", "b.o"])
    #expect(sections[1].address.rawValue == sections[0].address.rawValue + 8)
    #expect(try image.contents(".eh_frame", of: "a.o") == Self.common)
    #expect(try image.contents(".eh_frame", of: "b.o") == Self.common + Self.description(12))
  }

  @Test(
    arguments: [
      // Cut short: in the length, in the record, and a length that counts too much.
      ([1], 0), ([4, 0, 0, 0], 0), ([4, 0, 0, 0, 0, 0, 0], 0), (common + [12, 0, 0, 0, 12, 0, 0, 0], 8),
      (common + [0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0], 8), ([0xff, 0xff, 0xff, 0xff, 4, 0, 0, 0], 0),
      ([0xff, 0xff, 0xff, 0xff] + [UInt8](repeating: 0xff, count: 8) + [0, 0, 0, 0], 0),
      // Too short to say what they are.
      ([2, 0, 0, 0, 0, 0], 0), ([3, 0, 0, 0, 0, 0, 0], 0),
      // References to what is no common record, or lies outside.
      (common + description(16), 8), (common + description(11), 8),
      (common + description(12) + description(20), 24),
      (description(4), 0),
      // An end in the middle.
      (common + [0, 0, 0, 0] + common, 8),
    ] as [([UInt8], Int)])
  func `what an unwinder would run over or into is refused`(frames: [UInt8], offset: Int) throws {
    let problem = LinkError.SectionProblem.malformedFrames(offset: offset)
    #expect(throws: LinkError.section(problem, file: "a.o", section: ".eh_frame")) {
      try LinkedImage([object("a.o", frames)]).resolve()
    }
  }

  @Test func `frames of several objects lie together`() throws {
    let objects = try ["a.o", "b.o"].map { try Assembler.object($0, ".cfi_startproc\nret\n.cfi_endproc") }
    let image = try LinkedImage(objects)
    let sections = try image.sections(".eh_frame")
    #expect(sections.map(\.file) == ["a.o", "b.o"])
    #expect(sections[1].address.rawValue == sections[0].address.rawValue + UInt64(sections[0].byteCount))
  }
}
