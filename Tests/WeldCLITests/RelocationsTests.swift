import Foundation
import Testing

@Suite("weld relocations")
struct RelocationsTests {
  @Test func `docs/relocations.md is what the command prints`() throws {
    let document = Command.root
      .appending(path: "docs/relocations.md")
    let outcome = try Command.weld(["relocations", "--markdown"])
    #expect(outcome.status == 0)
    #expect(outcome.output == (try String(contentsOf: document, encoding: .utf8)))
  }

  @Test(arguments: [
    ("x86_64", "R_X86_64_PC32", "R_PPC64_REL24"), ("ppc64le", "R_PPC64_REL24", "R_390_64"),
    ("s390x-linux-gnu", "R_390_PC24DBL", "R_X86_64_PC32"),
  ])
  func `one architecture is shown alone`(architecture: String, name: String, other: String) throws {
    let outcome = try Command.weld(["relocations", architecture])
    #expect(outcome.status == 0)
    #expect(outcome.output.contains(name))
    #expect(!outcome.output.contains(other))
  }

  @Test func `formula, field and range of a row`() throws {
    let lines = try Command.weld(["relocations", "s390x"]).output.split(separator: "\n")
    let line = try #require(lines.first { $0.contains(" R_390_PLT32DBL ") })
    let cells = line.split(separator: "  ").map { $0.trimmingCharacters(in: .whitespaces) }.filter {
      !$0.isEmpty
    }
    #expect(
      cells == [
        "20", "R_390_PLT32DBL", "(L + A - P) >> 1", "4 bytes", "-0x100000000...0xfffffffe, multiple of 2",
        "stub",
      ])
  }

  @Test(arguments: ["vax", "aarch64"])
  func `an architecture without a table is an error`(architecture: String) throws {
    let outcome = try Command.weld(["relocations", architecture])
    #expect(outcome.status == 2)
    #expect(outcome.output == "")
    #expect(outcome.errors.hasPrefix("weld: error: "))
    #expect(outcome.errors.contains(architecture))
  }
}
