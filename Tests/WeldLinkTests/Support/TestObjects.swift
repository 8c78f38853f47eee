import Foundation
import WeldBytes
import WeldELF

/// The folder `TestObjects` of the package.
enum TestObjects {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "TestObjects")
    .resolvingSymlinksInPath()

  /// The object at `path` of the folder.
  static func object(_ path: String) throws -> ObjectFile {
    try ObjectFile(Bytes(Array(Data(contentsOf: folder.appending(path: path)))), name: path)
  }
}
