import Testing
import WeldBytes
import WeldELF
import WeldLink

@testable import WeldCompare

@Suite("Differences between linkers are found")
struct DifferenceTests {
  /// An object whose data are an address and four bytes.
  private static func object(
    _ architecture: DebianArchive.Architecture, addend: Int64 = 0, byte: UInt8 = 1
  ) throws -> ObjectFile {
    let machine: Machine = [.amd64: .x86_64, .ppc64el: .ppc64, .s390x: .s390][architecture] ?? .x86_64
    let order: ByteOrder = architecture == .s390x ? .big : .little
    var writer = ObjectWriter(machine: machine, byteOrder: order)
    writer.flags = machine == .ppc64 ? 2 : 0
    let data = writer.addSection(
      ".data", flags: [.alloc, .write], alignment: 8,
      contents: [UInt8](repeating: 0, count: 8) + [byte, 2, 3, 4])
    writer.addRelocation(
      machine.idioms.wordRelocation, in: data, at: 0, to: writer.addUndefinedSymbol("there"), addend: addend)
    return try ObjectFile(Bytes(writer.bytes()), name: "data.o")
  }

  private static func findings(
    _ ours: ObjectFile, _ theirs: ObjectFile, peer: Peer
  ) throws -> Comparison.Findings {
    let options = Comparison.Options()
    let program = try #require(peer.program(for: ours.header.machine))
    let image = try peer.link(Preparation([theirs], definesWeak: true), with: program, options)
    var comparison = ImageComparison(Preparation([ours], definesWeak: true), image, options)
    return try comparison.run()
  }

  @Test(arguments: DebianArchive.Architecture.allCases, [Peer.lld, .gnu, .rtdyld])
  func `another value of a field is a difference`(architecture: DebianArchive.Architecture, peer: Peer) throws
  {
    let findings = try Self.findings(
      Self.object(architecture), Self.object(architecture, addend: 4), peer: peer)
    #expect(findings.differences.count == 1)
    let difference = try #require(findings.differences.first)
    #expect(difference.file == "data.o")
    #expect(difference.section == ".data")
    #expect(difference.offset == 0)
    #expect(difference.relocation?.symbol == "there")
    #expect(difference.ours.count == 8)
    #expect(difference.theirMeaning != difference.ourMeaning)
  }

  @Test(arguments: DebianArchive.Architecture.allCases, [Peer.lld, .gnu, .rtdyld])
  func `another byte outside of fields is a difference`(
    architecture: DebianArchive.Architecture, peer: Peer
  ) throws {
    let findings = try Self.findings(
      Self.object(architecture), Self.object(architecture, byte: 9), peer: peer)
    let expected = Comparison.Difference(
      file: "data.o", section: ".data", offset: 8, relocation: nil, ours: [1], theirs: [9], ourMeaning: "",
      theirMeaning: "", ourCode: [], theirCode: [])
    #expect(findings.differences == [expected])
  }

  @Test(arguments: DebianArchive.Architecture.allCases, [Peer.lld, .gnu, .rtdyld])
  func `the same object is the same`(architecture: DebianArchive.Architecture, peer: Peer) throws {
    let findings = try Self.findings(Self.object(architecture), Self.object(architecture), peer: peer)
    #expect(findings.differences.isEmpty)
    #expect(findings.fieldCount == 1)
  }

  @Test func `a linker that refuses the objects says why, and the others go on`() throws {
    let comparison = try Comparison.run([Self.object(.s390x)], with: [.jitlink, .lld])
    guard case .refused(_, let reason) = comparison.results[0].outcome else {
      Issue.record("\(comparison.results[0])")
      return
    }
    #expect(reason.contains("Unsupported target machine architecture"))
    #expect(comparison.results[1].findings?.fieldCount == 1)
    #expect(comparison.isSame)
  }
}
