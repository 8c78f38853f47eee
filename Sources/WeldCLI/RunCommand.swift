import ArgumentParser
import Glibc
import Weld

/// `weld run`: links and calls `main`.
struct RunCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Link objects and archives into this process and run them.",
    usage: "weld run [<options>] <object> ... [-- <argument> ...]",
    discussion: """
      Objects always take part, members of archives as needed, in any order. Definitions in objects and archives \
      win over the process; then come the libraries, in order, then what the process itself exports.

      Exit status: the program's; 125 if it could not be linked or loaded; 128 + N if it died of signal N.
      """)

  static let failureStatus: Int32 = 125

  @Option(help: ArgumentHelp("The function to call.", valueName: "name"))
  var entry = "main"

  @Option(help: ArgumentHelp("The program's name, argv[0]. (default: the first input)", valueName: "name"))
  var argv0: String?

  @Option(
    name: .customLong("library"), parsing: .singleValue,
    help: ArgumentHelp(
      "A shared library that undefined symbols may come from. May be repeated.", valueName: "path"))
  var libraries: [String] = []

  @Option(
    name: .customLong("absolute"), parsing: .singleValue,
    help: ArgumentHelp("Define a symbol at an address. May be repeated.", valueName: "name=address"))
  var absoluteSymbols: [AbsoluteSymbol] = []

  @Option(
    name: .customLong("alias"), parsing: .singleValue,
    help: ArgumentHelp("Give a symbol a second name. May be repeated.", valueName: "new=old"))
  var aliases: [AliasArgument] = []

  @Flag(help: "Link all members of archives, needed or not.")
  var wholeArchive = false

  @Flag(help: "Write to standard error where everything was placed.")
  var showMap = false

  @Argument(help: ArgumentHelp("Objects and archives.", valueName: "object"))
  var inputs: [String]

  /// What follows `--` on the command line, which the parser does not see.
  var arguments: [String] = []

  // `arguments` is none of the parser's.
  private enum CodingKeys: CodingKey {
    case entry, argv0, libraries, absoluteSymbols, aliases, wholeArchive, showMap, inputs
  }

  func run() throws {
    let program = try Program(linking: try inputs.map { try LinkInput(path: $0) }, options: options)
    if showMap { Diagnostics.write(ProgramMap.text(of: program)) }
    // An unknown entry is an error before anything of the program runs.
    _ = try program.address(of: entry)
    FatalSignals.becomeExitStatuses()
    let status = try program.run(entry: entry, arguments: [argv0 ?? inputs[0]] + arguments)
    // Threads of the program may still run in its memory.
    withExtendedLifetime(program) { Glibc.exit(status) }
  }

  private var options: Program.Options {
    var options = Program.Options()
    options.libraries = libraries
    options.absoluteSymbols = Dictionary(absoluteSymbols.map { ($0.name, $0.address) }) { _, last in last }
    options.aliases = aliases.map(\.alias)
    options.wholeArchives = wholeArchive
    options.entries = [entry]
    return options
  }
}
