import Foundation
import Testing
import WeldBytes
import WeldELF
import WeldExecutor

@testable import WeldRemote

/// The bytes of the routines are those of an assembler; that they work, the suites of real executors show.
@Suite("Routines of executors")
struct ExecutorRoutinesTests {
  static let targets = ["x86_64", "ppc64le", "s390x"]

  private static func target(_ name: String) throws -> ExecutorTarget {
    let triple = try #require(TargetTriple(name))
    return ExecutorTarget(
      triple: name, machine: triple.machine, byteOrder: triple.byteOrder, pageSize: 4096)
  }

  @Test(arguments: targets)
  func `are what the assembler makes of their sources`(name: String) throws {
    let routines = try #require(ExecutorRoutines.of(try Self.target(name)))
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "TestObjects/executor/\(name).o").path
    let object = try ObjectFile(Bytes([UInt8](Data(contentsOf: URL(filePath: path)))), name: name)
    for (section, bytes) in [
      (".text.call", routines.call), (".text.report", routines.report), (".text.succeed", routines.succeed),
      (".text.start", routines.start),
    ] {
      let index = try #require(
        (1..<object.sectionCount).first {
          object.sectionName(SectionIndex(rawValue: UInt32($0))) == section
        })
      let header = object.section(at: SectionIndex(rawValue: UInt32(index)))
      let contents = try object.bytes.extracting(Int(header.offset)..<Int(header.offset + header.size))
      #expect([UInt8](copying: contents.span) == bytes, "\(section)")
    }
  }

  @Test func `exist for no other machine`() throws {
    for name in ["aarch64", "riscv64", "ppc64", "i386"] {
      #expect(ExecutorRoutines.of(try Self.target(name)) == nil)
    }
  }
}
