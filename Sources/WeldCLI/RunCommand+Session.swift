import ArgumentParser
import Glibc
import Synchronization
import Weld

extension RunCommand {
  /// Whether the program is linked by a session.
  var usesSession: Bool { session.isUsed || words.contains { if case .dylib = $0 { true } else { false } } }

  private var words: [Input] { inputs.map(Input.init) }

  /// The files among the inputs.
  var files: [String] {
    words.compactMap { if case .file(let path) = $0 { path } else { nil } }
  }

  /// Links the program in a session, and runs it in `executor`.
  func runSession(on executor: any ExecutorProcessControl) throws -> Int32 {
    let progress = LinkProgress(isQuiet: quiet)
    let reported = ReportedErrors()
    do {
      let program = try makeSession(on: executor, progress, reported)
      try program.link(entry: entry)
      progress?.end()
      if session.dump { Diagnostics.put(program.jit.session.dump()) }
      if executor is InProcessExecutor { FatalSignals.becomeExitStatuses() }
      return try program.runToExit(entry: entry, arguments: programArguments)
    } catch let error as OrcError {
      progress?.end()
      if case .executor(let error) = error.firstCause { throw ProgramError.executor(error) }
      guard !reported.contains(error.firstCause) else { throw ExitCode(Self.failureStatus) }
      throw error.firstCause
    }
  }

  private func makeSession(
    on executor: any ExecutorProcessControl, _ progress: LinkProgress?, _ reported: ReportedErrors
  ) throws -> SessionProgram {
    var options = try session.programOptions(arguments: programArguments)
    options.builder.executor = executor
    options.libraries = libraries
    options.absoluteSymbols = self.options.absoluteSymbols
    options.aliases = self.options.aliases
    options.wholeArchives = wholeArchive
    if session.isLazy {
      // What fails once the program runs is thrown to nobody.
      options.builder.errorReporter = { error in reported.report(error) }
    }
    if let progress {
      options.builder.notifyCreated = { jit throws(OrcError) in
        jit.objectLayer.transform = { object throws(OrcError) in
          progress.count()
          return object
        }
      }
    }
    let dylibs = try dylibs()
    if let command = session.compiler {
      let isLLVMIR = dylibs.flatMap(\.sources).allSatisfy { $0.name.hasSuffix(".ll") }
      options.compiler = ExternalCompiler(["sh", "-c", command], isLLVMIR: isLLVMIR)
    }
    return try SessionProgram(of: dylibs, options: options)
  }

  /// The dylibs with their inputs; `main` is among them.
  private func dylibs() throws -> [SessionProgram.Dylib] {
    var dylibs = [SessionProgram.Dylib("main")]
    var current = 0
    for word in words {
      switch word {
      case .dylib(let name):
        guard !name.isEmpty else { throw ValidationError("--dylib: expected a name") }
        if let known = dylibs.firstIndex(where: { $0.name == name }) {
          current = known
        } else {
          current = dylibs.count
          dylibs.append(SessionProgram.Dylib(name))
        }
      case .file(let path):
        if session.compiler != nil, let source = try source(at: path) {
          dylibs[current].sources.append(source)
        } else {
          dylibs[current].inputs.append(try LinkInput(path: path))
        }
      }
    }
    for order in session.linkOrders {
      guard let position = dylibs.firstIndex(where: { $0.name == order.name }) else {
        throw OrcError.noSuchDylib(dylib: order.name)
      }
      dylibs[position].linkOrder = order.others
    }
    return dylibs
  }

  /// The file, if it is neither an object nor an archive.
  private func source(at path: String) throws -> SourceText? {
    let bytes: Bytes
    do {
      bytes = try MappedFile.open(path)
    } catch {
      throw LinkError.memory(error)
    }
    switch FileKind(of: bytes.span) {
    case .elf, .archive, .thinArchive: return nil
    default: return SourceText([UInt8](copying: bytes.span), name: path)
    }
  }
}

/// What was written as an error, and is not to be once more if it is thrown, too.
private final class ReportedErrors: Sendable {
  private let errors = Mutex<[OrcError]>([])

  func report(_ error: OrcError) {
    errors.withLock { $0.append(error) }
    Diagnostics.report(error.description)
  }

  func contains(_ error: OrcError) -> Bool { errors.withLock { $0.contains(error) } }
}
