import ArgumentParser
import FoundationEssentials
import Weld

/// `weld inspect`: shows what is in an object or archive.
struct InspectCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Show what is in an object or archive.",
    discussion: """
      Header, sections, symbols, relocations and groups of each object, of any 64-bit machine and either byte order. \
      For an archive, its members and what its symbol index says, then each member.
      """)

  static let failureStatus: Int32 = 1

  @Flag(help: "Print one JSON document instead of columns.")
  var json = false

  @Argument(help: ArgumentHelp("An object or archive.", valueName: "file"))
  var file: String

  func run() throws {
    let report = try FileReport(of: LinkInput(path: file))
    if json {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      print(String(decoding: try encoder.encode(report), as: UTF8.self))
    } else {
      print(InspectionText.text(of: report))
    }
  }
}
