import ArgumentParser
import Glibc
import Weld

/// `weld run`: links and calls `main`.
struct RunCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Link objects and archives into this process, or another one, and run them.",
    usage: "weld run [<options>] <object> ... [-- <argument> ...]",
    discussion: """
      Objects always take part, members of archives as needed, in any order. Definitions in objects and archives \
      win over the process; then come the libraries, in order, then what the process itself exports.

      With --executor or --connect the program runs in another process, perhaps on another machine, for which it is \
      linked. Its standard streams, its libraries and its environment are those of that process.

      Each of --lazy, --jit-linker, --threads, --dylib, --link-order, --compiler and --dump has the program linked by an \
      ORC session, object by object instead of as a whole; what it does is the same.

      Exit status: the program's; 125 if it could not be linked or loaded, or the executor failed; 128 + N if it died \
      of signal N.
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

  @Flag(help: "Show no progress of long links, which is shown on terminals only.")
  var quiet = false

  @OptionGroup(title: "Sessions")
  var session: SessionOptions

  @OptionGroup(title: "Other Processes")
  var executor: ExecutorOptions

  @Argument(help: ArgumentHelp("Objects and archives.", valueName: "object"))
  var inputs: [String]

  /// What follows `--` on the command line, which the parser does not see.
  var arguments: [String] = []

  // `arguments` is none of the parser's.
  private enum CodingKeys: CodingKey {
    case entry, argv0, libraries, absoluteSymbols, aliases, wholeArchive, showMap, quiet, session, executor,
      inputs
  }

  func validate() throws {
    guard !files.isEmpty else { throw ValidationError("no input; expected an object or an archive") }
    guard !showMap || !usesSession else {
      throw ValidationError("--show-map is for programs that are linked as a whole; use --dump in a session")
    }
  }

  func run() throws {
    if let executor = try executor.start() {
      try run(in: executor)
    } else {
      try runHere()
    }
  }

  private func runHere() throws {
    if usesSession { Glibc.exit(try runSession(on: InProcessExecutor())) }
    let program = try link(for: InProcessExecutor())
    FatalSignals.becomeExitStatuses()
    Glibc.exit(try program.runToExit(entry: entry, arguments: programArguments))
  }

  private func run(in executor: SimpleRemoteEPC) throws {
    if let process = executor.processIdentifier { ForwardedSignals.forward(to: process) }
    do {
      if usesSession { throw ExitCode(try runSession(on: executor) & 0xff) }
      let program = try link(for: executor)
      let status = try program.runToExit(entry: entry, arguments: programArguments)
      throw ExitCode(status & 0xff)
    } catch ProgramError.executor(.lost(.killed(let signal))) {
      Diagnostics.report(ExecutorError.lost(.killed(signal: signal)).description)
      throw ExitCode(128 + signal)
    }
  }

  /// The program, of which nothing has run; it is known to have the function to call.
  private func link(for executor: any ExecutorProcessControl) throws -> Program {
    let inputs = try inputs.map { try LinkInput(path: $0) }
    let program = try Program(linking: inputs, on: executor, options: options)
    if showMap { Diagnostics.write(ProgramMap.text(of: program)) }
    _ = try program.address(of: entry)
    return program
  }

  var programArguments: [String] { [argv0 ?? files[0]] + arguments }

  var options: Program.Options {
    var options = Program.Options()
    options.libraries = libraries
    options.absoluteSymbols = Dictionary(absoluteSymbols.map { ($0.name, $0.address) }) { _, last in last }
    options.aliases = aliases.map(\.alias)
    options.wholeArchives = wholeArchive
    options.entries = [entry]
    return options
  }
}
