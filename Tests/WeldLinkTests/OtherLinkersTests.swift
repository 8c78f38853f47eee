import Foundation
import Testing
import WeldBytes
import WeldELF
import WeldLink
import WeldMemory

@Suite("Whole archives, linked as other linkers link them")
struct OtherLinkersTests {
  struct Row: Sendable, CustomTestStringConvertible, CustomStringConvertible {
    var archive: String
    var linker: StaticLink.Linker
    var base: UInt64
    var relaxes: Bool

    var testDescription: String { description }
    var description: String {
      "\(archive), \(linker.rawValue), at 0x\(String(base, radix: 16))\(relaxes ? "" : ", as the compiler wrote it")"
    }
  }

  static let low: UInt64 = 0x1000_0000
  static let high: UInt64 = 0x7f00_0000_0000

  /// GNU ld itself refuses to rewrite code at high addresses ("failed to convert GOTPCREL relocation").
  static let rows: [Row] = [
    "libz", "libgmp", "liblua5.4", "liblzma", "libsqlite3", "libcrypto", "libstdc++",
  ].flatMap { archive in
    [
      Row(archive: archive, linker: .lld, base: low, relaxes: true),
      Row(archive: archive, linker: .lld, base: low, relaxes: false),
      Row(archive: archive, linker: .lld, base: high, relaxes: true),
      Row(archive: archive, linker: .gnu, base: low, relaxes: true),
      Row(archive: archive, linker: .gnu, base: high, relaxes: false),
    ]
  }

  @Test(arguments: rows)
  func `archives of Debian, to the byte`(row: Row) throws {
    let inputs = try Inputs(archive: row.archive)
    let comparison = try inputs.compare(by: row.linker, at: row.base, relaxes: row.relaxes)
    print("\(row): \(inputs.description), \(comparison.description)")
    #expect(comparison.problems.isEmpty)
    #expect(comparison.fieldCount > 500)
    // Only GNU ld ever makes `mov` of what Weld and lld make `lea`.
    let reasons: Set<LinkComparison.Reason> =
      row.linker == .gnu && row.relaxes ? [.slot, .immediateMove] : [.slot]
    #expect(reasons.isSuperset(of: comparison.explained.keys))
  }

  /// The same program compiled in different ways by different compilers.
  static let codeModels: [String] = {
    let folder = TestObjects.folder.appending(path: "x86_64/codemodel").path
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasSuffix(".o") && $0 != "sink.o" }.sorted()
  }()

  @Test func `there are objects of every code model`() {
    for model in ["small", "medium", "large"] {
      #expect(Self.codeModels.contains { $0.contains("_\(model)_pic") })
      #expect(Self.codeModels.contains { $0.contains("_\(model)_nopic") })
    }
  }

  @Test(arguments: codeModels, [StaticLink.Linker.lld, .gnu])
  func `code models, to the byte`(file: String, linker: StaticLink.Linker) throws {
    let inputs = try Inputs(objects: ["x86_64/codemodel/\(file)", "x86_64/codemodel/sink.o"])
    let comparison = try inputs.compare(by: linker, at: Self.low, relaxes: true)
    print("\(file), \(linker.rawValue): \(comparison.description)")
    #expect(comparison.problems.isEmpty)
    let reasons: Set<LinkComparison.Reason> =
      linker == .gnu ? [.slot, .base, .immediateMove, .keptLoad] : [.slot, .base]
    #expect(reasons.isSuperset(of: comparison.explained.keys))
  }

  @Test func `a difference would be seen`() throws {
    let inputs = try Inputs(archive: "liblzma")
    let comparison = try inputs.compare(by: .lld, at: Self.low, relaxes: true, relaxesHere: false)
    #expect(comparison.problems.count > 10)
  }
}

/// Objects for both linkers.
private struct Inputs {
  private var objects: [ObjectFile] = []
  private var contents: [[UInt8]] = []
  private var leftOut = 0

  var description: String { "\(objects.count - 1) objects" + (leftOut == 0 ? "" : ", \(leftOut) left out") }

  /// All members of an archive that the system has, but those with thread-local storage.
  init(archive name: String) throws {
    let folder = name == "libstdc++" ? "/usr/lib/gcc/x86_64-linux-gnu/12" : "/usr/lib/x86_64-linux-gnu"
    let data = try Data(contentsOf: URL(filePath: "\(folder)/\(name).a"))
    let archive = try Archive(Bytes(Array(data)), name: name)
    for member in archive.members { try add(Array(data[member.contents])) }
    try addHidden()
  }

  /// Files of `TestObjects`.
  init(objects paths: [String]) throws {
    for path in paths { try add(Array(Data(contentsOf: TestObjects.folder.appending(path: path)))) }
    try addHidden()
  }

  private mutating func add(_ bytes: [UInt8]) throws {
    let object = try ObjectFile(Bytes(bytes), name: "\(objects.count).o")
    guard !object.usesThreadLocalStorage else {
      leftOut += 1
      return
    }
    objects.append(object)
    contents.append(StaticLink.withoutMerging(object, bytes))
  }

  /// Hidden symbols are not looked for outside, so the one that C++ wants is inside.
  private mutating func addHidden() throws {
    var object = ObjectWriter.x86_64
    let data = object.addData([UInt8](repeating: 0, count: 8))
    _ = object.addSymbol("__dso_handle", in: data, visibility: .hidden)
    try add(object.bytes())
  }

  func compare(
    by linker: StaticLink.Linker, at start: UInt64, relaxes: Bool, relaxesHere: Bool? = nil
  ) throws -> LinkComparison {
    try LinkComparison(
      objects, contents: contents, by: linker, at: start, relaxes: relaxes,
      relaxesHere: relaxesHere ?? relaxes)
  }
}

extension ObjectFile {
  /// Whether Weld does not link the object yet.
  fileprivate var usesThreadLocalStorage: Bool {
    for number in 1..<sectionCount {
      let header = section(at: SectionIndex(rawValue: UInt32(number)))
      guard header.type == .rela else { continue }
      let table = relocations(in: header)
      for entry in 0..<table.count {
        if case .threadLocal = RelocationRow.formula(of: table[entry].type) { return true }
      }
    }
    return false
  }
}
