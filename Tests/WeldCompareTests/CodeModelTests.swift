import Foundation
import Testing
import WeldBytes
import WeldCompare
import WeldELF

@Suite("The same program from different compilers in all code models")
struct CodeModelTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "TestObjects/x86_64/codemodel")

  static let files: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return files.filter { $0.hasSuffix(".o") && $0 != "sink.o" }.sorted()
  }()

  @Test func `there are objects of every code model`() {
    for model in ["small", "medium", "large"] {
      #expect(Self.files.contains { $0.contains("_\(model)_pic") })
      #expect(Self.files.contains { $0.contains("_\(model)_nopic") })
    }
  }

  @Test(arguments: files, [Peer.lld, .gnu])
  func `code models, to the byte`(file: String, peer: Peer) throws {
    let objects = try [file, "sink.o"].map { name in
      try ObjectFile(Bytes(Array(Data(contentsOf: Self.folder.appending(path: name)))), name: name)
    }
    let comparison = try Comparison.run(objects, with: [peer])
    let findings = try #require(comparison.results.first?.findings, "\(comparison.results)")
    #expect(findings.differences.isEmpty)
    let reasons: Set<Explanation> =
      peer == .gnu ? [.otherSlot, .immediateMove, .notRewritten] : [.otherSlot]
    #expect(reasons.isSuperset(of: findings.explanations.keys))
  }
}
