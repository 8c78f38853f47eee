import ArgumentParser
import Weld

/// How a program is linked by an ORC session: one of these, and `weld run` uses one.
struct SessionOptions: ParsableArguments {
  /// A layer that links objects.
  enum JITLinker: String, ExpressibleByArgument, CaseIterable {
    /// Each object by itself.
    case rtdyld
    /// Objects that are needed together in batches.
    case jitlink
  }

  /// `NAME=A,B`.
  struct LinkOrder: ExpressibleByArgument {
    var name: String
    var others: [String]

    init?(argument: String) {
      guard let (name, list) = splitAtEquals(argument) else { return nil }
      self.name = name
      others = list.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard !others.contains("") else { return nil }
    }
  }

  @Flag(name: .customLong("lazy"), help: "Link functions when they are first called.")
  var isLazy = false

  @Option(help: "The layer that links: each object by itself (rtdyld), or in batches (jitlink).")
  var jitLinker: JITLinker?

  @Option(help: ArgumentHelp("Link with so many threads. (default: the one that asks)", valueName: "count"))
  var threads: Int?

  // Only for the help, and for an error if the name is missing: see `Input`.
  @Option(
    name: .customLong("dylib"), parsing: .singleValue,
    help: ArgumentHelp(
      "Put the inputs that follow into the dylib of this name. May be repeated. (default: main)",
      valueName: "name"))
  var dylibs: [String] = []

  @Option(
    name: .customLong("link-order"), parsing: .singleValue,
    help: ArgumentHelp(
      "Where the code of a dylib finds symbols, after itself. May be repeated. (default: in all dylibs, in order)",
      valueName: "name=dylib,..."))
  var linkOrders: [LinkOrder] = []

  @Option(
    help: ArgumentHelp(
      "Compile inputs that are neither objects nor archives.",
      discussion:
        "A command of the shell; it reads the source from its input and writes the object to its output.",
      valueName: "command"))
  var compiler: String?

  @Option(
    help: ArgumentHelp(
      "Keep what --compiler makes in this folder, and take it from there when command and source are the same.",
      valueName: "folder"))
  var objectCache: String?

  @Flag(help: "Write to standard error what the session holds when the program is about to start.")
  var dump = false

  func validate() throws {
    if let threads, threads < 1 { throw ValidationError("--threads \(threads): expected at least one") }
    guard objectCache == nil || compiler != nil else {
      throw ValidationError("--object-cache keeps what is compiled; expected --compiler with it")
    }
  }

  /// Whether a session is asked for.
  var isUsed: Bool {
    isLazy || jitLinker != nil || threads != nil || !linkOrders.isEmpty || compiler != nil || dump
  }

  /// What the options say about the program.
  func programOptions(arguments: [String]) throws(OrcError) -> SessionProgram.Options {
    var options = SessionProgram.Options()
    options.isLazy = isLazy
    options.builder.arguments = arguments
    if let threads { options.builder.dispatcher = .pool(threadCount: threads) }
    switch jitLinker {
    case nil: break
    case .rtdyld?:
      options.builder.objectLinkingLayer = { session throws(OrcError) in try RTDyldObjectLinkingLayer(session)
      }
    case .jitlink?:
      options.builder.objectLinkingLayer = { session throws(OrcError) in try ObjectLinkingLayer(session) }
    }
    if let objectCache {
      options.objectCache = try DiskObjectCache(folder: objectCache) { Diagnostics.write("weld: \($0)") }
    }
    return options
  }
}

/// An input on the command line of `weld run`, or what says to which dylib those after it belong.
///
/// The parser does not tell how options and inputs follow each other. So `--dylib NAME` is made an input before it sees the
/// words: the name after a character that no word of a command line has.
enum Input {
  case file(String)
  case dylib(String)

  init(_ word: String) {
    self = word.hasPrefix("\0") ? .dylib(String(word.dropFirst())) : .file(word)
  }

  /// The words with each `--dylib NAME` as one.
  static func marking(_ words: some Sequence<String>) -> [String] {
    let option = "--dylib"
    var marked: [String] = []
    var rest = Array(words)[...]
    while let word = rest.popFirst() {
      if word == option, let name = rest.first, !name.hasPrefix("-") {
        marked.append("\0" + name)
        rest.removeFirst()
      } else if word.hasPrefix(option + "=") {
        marked.append("\0" + word.dropFirst(option.count + 1))
      } else {
        marked.append(word)
      }
    }
    return marked
  }
}
