import Foundation
import WeldBytes
import WeldELF

/// Static libraries of Debian, as the system or `Tests/install-sysroots` installed them.
struct DebianArchive: Sendable, CustomStringConvertible {
  enum Architecture: String, CaseIterable, Sendable {
    case amd64
    case ppc64el
    case s390x

    /// What GNU calls the machine.
    var triple: String {
      switch self {
      case .amd64: "x86_64-linux-gnu"
      case .ppc64el: "powerpc64le-linux-gnu"
      case .s390x: "s390x-linux-gnu"
      }
    }
  }

  var name: String
  var architecture: Architecture

  var description: String { "\(architecture.rawValue) \(name)" }

  private var path: String {
    let package = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let root = architecture == .amd64 ? "" : package.path + "/.build-sysroots/\(architecture.rawValue)"
    let folder = name.hasPrefix("libstdc++") ? "gcc/\(architecture.triple)/12" : architecture.triple
    return "\(root)/usr/lib/\(folder)/\(name).a"
  }

  /// All members.
  func objects() throws -> [ObjectFile] {
    let archive = try Archive(Bytes(Array(Data(contentsOf: URL(filePath: path)))), name: name)
    return try archive.members.map { try archive.object(of: $0) }
  }
}
