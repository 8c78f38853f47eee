public import WeldLink
public import WeldMemory

/// Why the ORC layer could not do what was asked.
public indirect enum OrcError: Error, Equatable, Sendable {
  /// A symbol, and the dylib that defines it or should.
  public struct Symbol: Hashable, Sendable {
    public var name: String
    public var dylib: String

    public init(name: String, dylib: String) {
      self.name = name
      self.dylib = dylib
    }
  }

  /// The session has ended.
  case sessionClosed
  /// The dylib was removed from its session.
  case dylibClosed(dylib: String)
  /// The session has a dylib of this name.
  case duplicateDylib(dylib: String)
  /// The session has no dylib of this name.
  case noSuchDylib(dylib: String)
  /// The dylib, or the tracker of the dylib, belongs to another session.
  case anotherSession(dylib: String)
  /// The tracker is one of another dylib than the one that it was used with.
  case anotherDylib(tracker: String, dylib: String)
  /// The tracker was removed, or what it tracked was transferred to another.
  case resourceTrackerDefunct(dylib: String)
  /// A second strong definition, or one that comes too late to replace a weak one.
  case duplicateDefinition([Symbol])
  /// No definition is to be seen in the dylibs that were searched.
  case symbolsNotFound([String], searched: [String])
  /// They have no address: look them up as weakly referenced.
  case materializationSideEffectsOnly([Symbol])
  /// They are being made; only symbols that nobody asked for and symbols which are ready can be removed.
  case symbolsCouldNotBeRemoved([Symbol])
  /// Symbols that a lookup asked for, or which were about to be made, failed. `cause` is what went wrong first.
  case failedToMaterialize([Symbol], cause: OrcError)
  /// A definition was promised and not given.
  case missingDefinitions([Symbol])
  /// A definition was given and not promised, or given twice.
  case unexpectedDefinitions([Symbol])
  /// Something depends on symbols that are not defined, or not any more.
  case missingDependencies([Symbol])
  /// The obligation is done or has failed; it cannot be done again.
  case responsibilityFulfilled(dylib: String)
  /// Whoever should have made them forgot to say how it went.
  case responsibilityDropped([Symbol])
  /// A generator forgot to say how it went.
  case generationDropped(names: [String], dylib: String)
  /// A common symbol that is in memory has fewer bytes than another object expects it to have.
  case commonTooSmall(symbol: String, byteCount: UInt64, expected: UInt64)
  /// Each is an alias of the next, and the last of the first.
  case aliasCycle([Symbol])
  /// Linking failed.
  case link(LinkError)
  /// The process in which linked code runs failed.
  case executor(ExecutorError)
  /// The folder of an object cache cannot be used.
  case objectCache(path: String, reason: String)
  /// A function of another process cannot be called as one of this process.
  case notInProcess(symbol: String)
  /// What a symbol was looked up as is no `@convention(c)` function type.
  case notAFunctionPointer(type: String)
  /// The user's code failed.
  case other(ForeignError)
  /// Several things went wrong, none because of another.
  case several([OrcError])

  /// What went wrong first: the cause of a failure to materialize, else this error.
  public var firstCause: OrcError {
    if case .failedToMaterialize(_, let cause) = self { return cause.firstCause }
    return self
  }

  /// `error` as one of this type.
  public init(_ error: any Error) {
    switch error {
    case let error as OrcError: self = error
    case let error as LinkError: self = .link(error)
    case let error as ExecutorError: self = .executor(error)
    default: self = .other(ForeignError(error))
    }
  }

  /// `nil`, the only one, or several.
  static func joined(_ errors: [OrcError]) -> OrcError? {
    errors.count > 1 ? .several(errors) : errors.first
  }
}

/// An error of the user's code; equal are two of the same text.
public struct ForeignError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was thrown.
  public let original: any Error
  /// Its text.
  public let description: String

  public init(_ original: any Error) {
    self.original = original
    description = String(describing: original)
  }

  /// An error that is only a text.
  public init(_ text: String) {
    struct Text: Error {}
    original = Text()
    description = text
  }

  public static func == (left: Self, right: Self) -> Bool { left.description == right.description }
}

extension OrcError.Symbol: CustomStringConvertible {
  public var description: String { "'\(name)' of \(dylib)" }
}

extension OrcError: CustomStringConvertible {
  private static func list(_ items: [some CustomStringConvertible]) -> String {
    let shown = items.prefix(10).map(\.description).joined(separator: ", ")
    return items.count > 10 ? "\(shown) and \(items.count - 10) more" : shown
  }

  private static func list(names: [String]) -> String { list(names.map { "'\($0)'" }) }

  public var description: String {
    switch self {
    case .sessionClosed: "the session has ended; make another"
    case .dylibClosed(let dylib): "\(dylib): the dylib was removed from its session; make another"
    case .duplicateDylib(let dylib):
      "\(dylib): the session has a dylib of this name; choose another name or find it with dylib(named:)"
    case .noSuchDylib(let dylib): "\(dylib): there is no dylib of this name; make it first"
    case .anotherSession(let dylib): "\(dylib): belongs to another session; use what this session made"
    case .anotherDylib(let tracker, let dylib):
      "\(dylib): got a tracker of \(tracker); expected one of its own makeTracker()"
    case .resourceTrackerDefunct(let dylib):
      "\(dylib): the resource tracker was removed or transferred; what it tracked must be given up"
    case .duplicateDefinition(let symbols):
      "duplicate definition of \(Self.list(symbols)): expected one strong definition, and a weak one to be "
        + "replaced only before it is looked up; remove one or make it weak"
    case .symbolsNotFound(let names, let searched):
      "symbols not found: \(Self.list(names: names)); searched: "
        + (searched.isEmpty ? "no dylib" : Self.list(searched))
        + "; define them, add a generator or look in another dylib"
    case .materializationSideEffectsOnly(let symbols):
      "\(Self.list(symbols)): exist for the side effects of making them and have no address; "
        + "look them up as weakly referenced"
    case .symbolsCouldNotBeRemoved(let symbols):
      "cannot remove \(Self.list(symbols)) while they are being made; wait, or remove their resource tracker"
    case .failedToMaterialize(let symbols, let cause): "cannot make \(Self.list(symbols)): \(cause)"
    case .missingDefinitions(let symbols):
      "promised but not defined: \(Self.list(symbols)); resolve every symbol before notifyEmitted"
    case .unexpectedDefinitions(let symbols):
      "defined but not promised, or defined twice: \(Self.list(symbols)); "
        + "claim symbols with defineMaterializing, and resolve each once"
    case .missingDependencies(let symbols):
      "depends on \(Self.list(symbols)), which are not defined or were removed in the meantime"
    case .responsibilityFulfilled(let dylib):
      "\(dylib): the materialization is done or has failed already; expected one answer"
    case .responsibilityDropped(let symbols):
      "the materializer of \(Self.list(symbols)) ended without an answer; "
        + "call notifyEmitted or failMaterialization"
    case .generationDropped(let names, let dylib):
      "\(dylib): a generator asked for \(Self.list(names: names)) ended without an answer; "
        + "call finish or fail of the request"
    case .commonTooSmall(let symbol, let byteCount, let expected):
      "the common symbol '\(symbol)' is in memory with \(byteCount) bytes; expected \(expected), "
        + "so link the object with the largest one first"
    case .aliasCycle(let symbols):
      "aliases of each other, with no definition: \(Self.list(symbols)); define one of them"
    case .link(let error): "\(error)"
    case .executor(let error): "\(error)"
    case .objectCache(let path, let reason):
      "\(path): cannot be used as an object cache: \(reason); name a folder that can be written"
    case .notInProcess(let symbol):
      "'\(symbol)' is in another process; look up its address, and call it with run of the executor"
    case .notAFunctionPointer(let type):
      "cannot make a function of type '\(type)' of an address; expected a @convention(c) function type"
    case .other(let error): error.description
    case .several(let errors): errors.map(\.description).joined(separator: "\n")
    }
  }
}
