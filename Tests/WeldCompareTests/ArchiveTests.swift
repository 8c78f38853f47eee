import Foundation
import Testing
import WeldCompare
import WeldELF
import WeldMemory

@Suite("Whole archives, linked as other linkers link them")
struct ArchiveTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var archive: DebianArchive
    var peer: Peer
    var base: UInt64 = ArchiveTests.low
    var relaxes = true

    var testDescription: String {
      "\(archive), \(peer.rawValue), at 0x\(String(base, radix: 16))\(relaxes ? "" : ", as the compiler wrote it")"
    }
  }

  static let low: UInt64 = 0x1000_0000
  static let high: UInt64 = 0x7f00_0000_0000

  static let small = ["libz", "liblzma", "liblua5.4", "libgmp", "libsqlite3"]
  static let large = ["libstdc++", "libcrypto", "libc"]

  /// Each archive with each linker, and the small ones in all ways; with `WELD_EXHAUSTIVE`, all of them.
  static let rows: [Row] = {
    let isExhaustive = ProcessInfo.processInfo.environment["WELD_EXHAUSTIVE"] != nil
    return DebianArchive.Architecture.allCases.flatMap { architecture in
      (small + large).flatMap { name in
        let archive = DebianArchive(name: name, architecture: architecture)
        var rows = [Row(archive: archive, peer: .lld), Row(archive: archive, peer: .gnu)]
        guard isExhaustive || small.contains(name) else { return rows }
        rows += [
          Row(archive: archive, peer: .lld, relaxes: false), Row(archive: archive, peer: .lld, base: high),
          Row(archive: archive, peer: .gnu, base: high, relaxes: false),
        ]
        // On amd64 GNU ld itself refuses to rewrite code at high addresses: "failed to convert GOTPCREL
        // relocation".
        if architecture != .amd64 { rows.append(Row(archive: archive, peer: .gnu, base: high)) }
        return rows
      }
    }
  }()

  @Test(arguments: rows)
  func `archives of Debian, to the byte`(row: Row) throws {
    let findings = try compare(row)
    #expect(findings.differences.isEmpty)
    #expect(findings.fieldCount > 500)
    #expect(Self.reasons(for: row).isSuperset(of: findings.explanations.keys))
    #expect(findings.leftOut.keys.allSatisfy { $0 == .frames })
  }

  /// Why bytes may differ; anything else would be new.
  static func reasons(for row: Row) -> Set<Explanation> {
    var reasons: Set<Explanation> = [.otherSlot, .stub, .indirectFunction]
    // Thread-local code is rewritten by static linkers in any case, other code not.
    if !row.relaxes { reasons.insert(.rewritten) }
    switch (row.archive.architecture, row.peer) {
    case (.amd64, .gnu): reasons.formUnion(row.relaxes ? [.immediateMove] : [])
    case (.ppc64el, .gnu): reasons.formUnion([.absoluteTOC, .threadLocal, .undefinedWeak, .notRewritten])
    case (.ppc64el, _): reasons.formUnion([.omittedHighHalf, .undefinedWeak, .notRewritten])
    case (.s390x, _), (.amd64, _): reasons.formUnion(row.relaxes ? [.notRewritten] : [])
    }
    return reasons
  }

  /// LLVM's JIT linkers know fewer relocations, and not s390x or the TOC of more than one object.
  @Test(arguments: ["libz", "liblzma", "libgmp"], [Peer.jitlink, .rtdyld])
  func `archives of amd64 as LLVM's JIT linkers link them`(name: String, peer: Peer) throws {
    let findings = try compare(
      Row(archive: DebianArchive(name: name, architecture: .amd64), peer: peer))
    #expect(findings.differences.isEmpty)
    #expect(findings.fieldCount > 500)
    #expect(Set([.otherSlot, .stub, .notRewritten]).isSuperset(of: findings.explanations.keys))
  }

  private func compare(_ row: Row) throws -> Comparison.Findings {
    let objects = try row.archive.objects()
    var options = Comparison.Options()
    options.baseAddress = Address(rawValue: row.base)
    options.relaxes = row.relaxes
    let comparison = try Comparison.run(objects, with: [row.peer], options: options)
    let findings = try #require(comparison.results.first?.findings, "\(comparison.results)")
    let reasons = findings.explanations.sorted { $0.value > $1.value }.map { "\($1) \($0.rawValue)" }
    print(
      "\(row.testDescription): \(objects.count) objects, \(findings.sectionCount) sections,",
      "\(findings.fieldCount) fields, \(findings.differenceCount) different",
      reasons.isEmpty ? "" : "(\(reasons.joined(separator: ", ")))")
    return findings
  }
}
