import Foundation
import Testing
import WeldBytes
import WeldELF

@Suite("Damaged files give a value or an error")
struct HostileInputTests {
  /// Files whose damage is tried exhaustively, small but with one of everything.
  static let samples: [TestFile] =
    [ByteOrder.little, .big].flatMap { order in
      [true, false].map { headersFirst in
        TestFile(
          name: "sample, \(order) endian, headers \(headersFirst ? "first" : "last")",
          contents: Sample.image(order, headersFirst: headersFirst).bytes())
      }
    }
  static let archives: [TestFile] = [
    ArchiveImage.gnu(wide: false), ArchiveImage.gnu(wide: true), ArchiveImage.bsd(.little),
    ArchiveImage.bsd(.big),
    ArchiveImage.bsd(.little, wide: true), ArchiveImage.thin(),
  ]

  /// Whether everything is tried with every test object (`WELD_EXHAUSTIVE=1`); best in a release build, in
  /// minutes.
  static let isExhaustive = ProcessInfo.processInfo.environment["WELD_EXHAUSTIVE"] != nil

  /// Every `n`-th of `count` ways to damage `object`, so that reading it takes a few hundredths of a second
  /// at most.
  static func sampled(_ count: Int, of object: ObjectFile, named name: String, work: Int) -> StrideTo<Int> {
    let limit = max(work / (object.sectionCount + object.symbolCount), 20)
    guard !isExhaustive, count > limit else { return stride(from: 0, to: count, by: 1) }
    // An odd stride meets every bit of a byte and every byte of a field; each file begins elsewhere.
    let step = count / limit | 1
    return stride(from: name.utf8.reduce(0) { $0 &* 31 &+ Int($1) } & 0xffff % step, to: count, by: step)
  }

  @Test func `there are test objects`() {
    #expect(!TestFile.objects.isEmpty)
    #expect(!TestFile.archives.isEmpty)
  }

  @Test(arguments: samples + archives + TestFile.all)
  func `every file that is cut short`(file: TestFile) {
    // What is needed of an object: up to the end of its headers and of every section's contents.
    var needed = 0
    if let object = try? file.object() {
      needed = Region.all(of: object)[1].range.upperBound
      for number in 0..<object.sectionCount {
        needed = max(needed, object.section(at: SectionIndex(rawValue: UInt32(number))).fileRange.upperBound)
      }
    }
    let whole = DamagedFile(file.contents, name: file.name)
    // Large ones in steps: every error costs a backtrace, which Swift Testing takes.
    let step = Self.isExhaustive || file.contents.count <= 16_384 ? 1 : 11
    for count in stride(from: 0, to: file.contents.count, by: step) {
      // Small ones are copied to memory of their size, where a sanitizer sees what is read behind it.
      let error =
        file.contents.count <= 4096
        ? DamagedFile(Array(file.contents[..<count]), name: file.name).read("\(count) bytes")
        : whole.read(first: count, "\(count) bytes")
      if error == nil, count < needed { Issue.record("\(file.name) is accepted when cut to \(count) bytes") }
    }
  }

  @Test(arguments: samples + TestFile.objects)
  func `every field at 0, 1 and its maximum`(file: TestFile) throws {
    let object = try file.object()
    let damaged = DamagedFile(file.contents, name: file.name)
    let order = object.header.byteOrder
    let regions = Region.all(of: object)
    let header = Field.fileHeader.count
    let others = Self.sampled(regions.fieldCount - header, of: object, named: file.name, work: 6_000)
    for number in Array(0..<header) + others.map({ header + $0 }) {
      guard let (field, at) = regions.field(number) else { continue }
      for value in [0, 1, UInt64.max] {
        damaged.read(
          replacing: at, with: words(order, (value, field.byteCount)),
          "\(field.name) at byte \(at) is \(value)")
      }
    }
  }

  @Test(arguments: samples)
  func `every bit of headers and tables`(file: TestFile) throws {
    let damaged = DamagedFile(file.contents, name: file.name)
    for region in Region.all(of: try file.object()) {
      for bit in region.range.lowerBound * 8..<region.range.upperBound * 8 { damaged.read(flipping: bit) }
    }
  }

  @Test(arguments: TestFile.objects)
  func `single bits of headers and tables`(file: TestFile) throws {
    let object = try file.object()
    let damaged = DamagedFile(file.contents, name: file.name)
    let regions = Region.all(of: object)
    for number in Self.sampled(regions.byteCount * 8, of: object, named: file.name, work: 15_000) {
      guard let byte = regions.byte(number / 8) else { continue }
      damaged.read(flipping: byte * 8 + number % 8)
    }
  }

  @Test(arguments: archives)
  func `every bit of an archive`(file: TestFile) {
    let damaged = DamagedFile(file.contents, name: file.name)
    for bit in 0..<file.contents.count * 8 { damaged.read(flipping: bit) }
  }

  @Test(arguments: archives + TestFile.archives)
  func `every field of every member's header with other text`(file: TestFile) throws {
    let archive = try Archive(Bytes(file.contents), name: file.name)
    let damaged = DamagedFile(file.contents, name: file.name)
    let texts = [
      "", "0", "1", "9999999999999999", "-1", "/", "//", "/0", "/999999999999999", "/SYM64/", "#1/", "#1/9",
      "#1/9999999999999",
    ]
    // The first header, of an index or a member, and those of all members.
    for header in [8] + archive.members.map(\.headerOffset) {
      for (offset, count) in [(0, 16), (16, 12), (28, 6), (34, 6), (40, 8), (48, 10), (58, 2)] {
        for text in texts {
          let padded =
            Array(text.utf8.prefix(count)) + [UInt8](repeating: 0x20, count: max(count - text.utf8.count, 0))
          damaged.read(replacing: header + offset, with: padded, "'\(text)' at byte \(header + offset)")
        }
      }
    }
  }

  @Test func `single bits of a shared library`() throws {
    let library = TestFile(name: "library.so", contents: try SharedLibrary.make())
    let types: [FileType] = [.sharedObject]
    let object = try ObjectFile(Bytes(library.contents), name: library.name, accepting: types)
    let damaged = DamagedFile(library.contents, name: library.name, accepting: types)
    #expect(damaged.read("nothing changed") == nil)
    let regions = Region.all(of: object)
    for number in Self.sampled(regions.byteCount * 8, of: object, named: library.name, work: 50_000) {
      guard let byte = regions.byte(number / 8) else { continue }
      damaged.read(flipping: byte * 8 + number % 8)
    }
  }

  @Test func `random bytes behind each magic number`() {
    var random = SplitMix64(state: 2)
    let sample = Sample.image(.little).bytes()
    for magic in [Array(sample[..<20]), Array("!<arch>\n".utf8), Array("!<thin>\n".utf8)] {
      for count in 0..<200 {
        let file = magic + (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        DamagedFile(file, name: "random").read("\(file)")
      }
    }
  }
}

/// Numbers that look random and are the same in every run.
private struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 31
  }
}
