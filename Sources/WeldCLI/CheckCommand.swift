import ArgumentParser
import Weld
import WeldCheck

/// `weld check`: links in memory and evaluates expressions about what came of it.
struct CheckCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Link objects at chosen addresses and check what their memory looks like.",
    discussion: """
      Objects always take part, members of archives as needed. Nothing is run, so the machine of the objects may be \
      any that Weld links. Without a check the command says whether the link succeeds.

      Exit status: 0 if all checks hold; 1 if one is false or cannot be evaluated; 2 if the link failed or the command \
      line is wrong.
      """)

  static let failureStatus: Int32 = 2

  /// The exit status if a check does not hold.
  private static let falseStatus: Int32 = 1

  @Option(
    name: .customLong("check-file"), parsing: .singleValue,
    help: ArgumentHelp(
      "Evaluate the checks in the comments of this file. May be repeated.", valueName: "path"))
  var checkFiles: [String] = []

  @Option(help: ArgumentHelp("What a comment must begin with to be a check.", valueName: "name"))
  var checkPrefix = CheckFile.defaultPrefix

  @Option(
    name: .customLong("check"), parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Evaluate this check. May be repeated.", valueName: "expression"))
  var expressions: [String] = []

  @Option(
    help: ArgumentHelp(
      "The llvm-mc to have instructions decoded by, with arguments if need be. (default: one on the search path)",
      valueName: "command"))
  var disassembler: String?

  @OptionGroup var image: ImageOptions

  func run() throws {
    let checks =
      try checkFiles.flatMap { try CheckFile(path: $0, prefix: checkPrefix).checks }
      + expressions.enumerated().map { Check($1, file: "<command line>", line: $0 + 1) }
    let map = try image.link()
    let decoder = disassembler.map { Disassembler(command: $0.split(separator: " ").map(String.init)) }
    let results = Checker(map, disassembler: decoder ?? Disassembler()).results(of: checks)
    for result in results where !result.holds { Diagnostics.write(result.description) }
    guard results.allSatisfy(\.holds) else { throw ExitCode(Self.falseStatus) }
  }
}
