import Foundation
import Testing
import WeldBytes
import WeldELF

/// A file that tests read: one of `TestObjects`, or one that the tests made.
struct TestFile: Sendable, CustomTestStringConvertible {
  /// What errors call it: the path from `TestObjects`.
  var name: String
  /// The whole of it.
  var contents: [UInt8]

  var testDescription: String { name }

  /// Where a file of `TestObjects` is.
  var path: String { Self.folder.appending(path: name).path }

  /// Whether it is an ELF file of 64 bits.
  var isELF64: Bool { contents.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2]) }

  func object() throws(ELFError) -> ObjectFile { try ObjectFile(Bytes(contents), name: name) }
}

extension TestFile {
  /// The folder `TestObjects` of the package.
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "TestObjects")
    .resolvingSymlinksInPath()

  /// Every `.o` and `.a` of `TestObjects`, whatever is in it.
  static let all: [TestFile] = {
    guard let paths = FileManager.default.enumerator(atPath: folder.path) else { return [] }
    return paths.compactMap { $0 as? String }.filter { $0.hasSuffix(".o") || $0.hasSuffix(".a") }.sorted()
      .compactMap { path in
        let data = try? Data(contentsOf: folder.appending(path: path))
        return data.map { TestFile(name: path, contents: Array($0)) }
      }
  }()

  /// The ELF64 objects among them; of those that must be refused, only what is an object all the same.
  static let objects = all.filter {
    $0.isELF64 && (!$0.name.contains("/reject/") || (try? $0.object()) != nil)
  }

  /// The archives among them that are whole.
  static let archives = all.filter { (try? Archive(Bytes($0.contents), name: $0.name)) != nil }
}
