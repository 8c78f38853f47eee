import Foundation
import Testing
import WeldCheck
import WeldLink
import WeldMemory

/// The sources in `TestObjects/ppc64le` and `TestObjects/s390x`, which say themselves what must come of them.
@Suite("Test objects: what their sources say about them")
struct TestObjectChecksTests {
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "TestObjects")
    .resolvingSymlinksInPath()

  /// The sources' names without extension.
  private static let names: [String] = ["ppc64le", "s390x"].flatMap { machine in
    let files =
      (try? FileManager.default.contentsOfDirectory(atPath: folder.appending(path: machine).path)) ?? []
    return files.filter { $0.hasSuffix(".s") }.sorted().map { machine + "/" + $0.dropLast(2) }
  }

  @Test func `there are sources`() { #expect(Self.names.count > 30) }

  @Test(arguments: names)
  func `every check holds`(name: String) throws {
    let path = Self.folder.appending(path: name).path
    var options = ImageLinker.Options()
    // One in reach of nothing but 64 bits, and a number.
    options.absoluteSymbols = [
      "far": Address(rawValue: 0x7fff_1234_5678), "number": Address(rawValue: 0x1234_9abc),
    ]
    try expectChecks(in: path + ".s", linking: [LinkInput(path: path + ".o")], options: options)
  }
}
