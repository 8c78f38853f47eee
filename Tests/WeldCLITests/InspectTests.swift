import Foundation
import Testing

@Suite("weld inspect")
struct InspectTests {
  private struct Report: Decodable {
    var kind: String
    var index: [Index]?
    var objects: [Object]

    struct Index: Decodable { var symbol, member: String }
    struct Object: Decodable {
      var file, machine, byteOrder: String
      var sections: [Section]
      var symbols: [Symbol]
      var relocations: [Relocation]
      var groups: [Group]
    }
    struct Section: Decodable { var name, type, flags: String }
    struct Symbol: Decodable { var name, binding, type, place: String }
    struct Relocation: Decodable { var section, type, symbol: String }
    struct Group: Decodable {
      var signature: String
      var isCOMDAT: Bool
      var members: [String]
    }
  }

  private func report(_ file: String) throws -> Report {
    let outcome = try Command.weld(["inspect", "--json", file])
    try #require(outcome.status == 0, "\(outcome.errors)")
    return try JSONDecoder().decode(Report.self, from: Data(outcome.output.utf8))
  }

  @Test(arguments: [
    "sieve.o", "cxx/exceptions.o", "reject/s390x.o", "reject/powerpc64le.o", "reject/aarch64.o",
  ])
  func `relocations are those that readelf shows`(file: String) throws {
    let object = try #require(try report(file).objects.first)
    let listing = try Command.run("readelf", ["-rW", file], in: Command.objects).output
    let names = listing.split(separator: "\n").compactMap { line -> String? in
      let words = line.split(separator: " ")
      return words.count > 2 && words[2].hasPrefix("R_") ? String(words[2]) : nil
    }
    #expect(!names.isEmpty)
    if object.machine == "aarch64" {
      // Its relocation types have numbers only.
      #expect(object.relocations.count == names.count)
    } else {
      #expect(object.relocations.map(\.type) == names)
    }
  }

  @Test func `sections, symbols and groups are there`() throws {
    let object = try #require(try report("cxx/exceptions.o").objects.first)
    #expect(object.machine == "x86_64" && object.byteOrder == "little")
    #expect(object.sections.contains { $0.name == ".eh_frame" && $0.flags == "A" })
    #expect(object.symbols.contains { $0.name == "main" && $0.binding == "global" && $0.type == "func" })
    #expect(object.groups.contains { $0.isCOMDAT && $0.signature.hasPrefix("_Z") && !$0.members.isEmpty })
  }

  @Test func `an archive shows its index and members`() throws {
    let report = try report("/usr/lib/x86_64-linux-gnu/libz.a")
    #expect(report.kind == "archive")
    #expect(report.index?.contains { $0.symbol == "inflate" && $0.member == "inflate.o" } == true)
    #expect(report.objects.contains { $0.file == "/usr/lib/x86_64-linux-gnu/libz.a(inflate.o)" })
  }

  @Test func `columns name everything`() throws {
    let outcome = try Command.weld(["inspect", "sieve.o"])
    #expect(outcome.status == 0)
    for word in ["Sections (", "Symbols (", "Relocations (", "R_X86_64_PLT32", ".text.startup", "printf"] {
      #expect(outcome.output.contains(word))
    }
  }

  @Test func `a file that cannot be read is an error`() throws {
    let outcome = try Command.weld(["inspect", "reject/text.txt"])
    #expect(outcome.status == 1)
    #expect(outcome.output == "")
    #expect(outcome.errors.hasPrefix("weld: error: reject/text.txt: not an ELF file but text"))
  }
}
