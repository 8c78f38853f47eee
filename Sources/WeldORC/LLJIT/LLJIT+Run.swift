internal import WeldBytes
internal import WeldExecutor
internal import WeldLink
internal import WeldMemory

extension LLJIT {
  /// Runs a function of the dylib as `main`, once: constructors, the function with `argc`, `argv` and the environment, exit
  /// handlers, destructors.
  ///
  /// A program that calls `exit` ends its process, after its exit handlers; destructors run then only with
  /// ``runToExit(_:arguments:in:)``.
  ///
  /// - Parameters:
  ///   - entry: its name.
  ///   - arguments: the arguments, beginning with the program's name. Constructors get those of the
  ///     ``Builder/arguments``.
  ///   - dylib: by default ``mainDylib``.
  /// - Returns: what the function returned, or what another process was ended with.
  /// - Throws: as ``lookup(_:in:)-(String,_)`` and ``initialize(_:)``.
  public func runAsMain(
    _ entry: String = "main", arguments: [String], in dylib: JITDylib? = nil
  ) throws(OrcError) -> Int32 {
    let main = try lookup(entry, in: dylib).address
    return try ended { () throws(OrcError) in
      try initialize(dylib)
      let status = try start(main, arguments, exits: false)
      try deinitialize(dylib)
      return status
    }
  }

  /// As ``runAsMain(_:arguments:in:)``, but ends the process as C does: `exit(main(…))`. Destructors are registered to run
  /// at the exit, whoever calls it, if the platform is the default one.
  ///
  /// In this process it does not return.
  ///
  /// - Returns: the exit status of the other process.
  public func runToExit(
    _ entry: String = "main", arguments: [String], in dylib: JITDylib? = nil
  ) throws(OrcError) -> Int32 {
    let main = try lookup(entry, in: dylib).address
    return try ended { () throws(OrcError) in
      if let native = currentPlatform as? NativePlatform {
        try native.initialize(dylib ?? mainDylib, endsWithProcess: true)
      } else {
        try initialize(dylib)
      }
      return try start(main, arguments, exits: true)
    }
  }

  /// The status that a process which ended was ended with is one of the program.
  private func ended(_ body: () throws(OrcError) -> Int32) throws(OrcError) -> Int32 {
    do {
      return try body()
    } catch .executor(.lost(.exited(let status))) {
      return status
    } catch {
      throw error
    }
  }

  private func start(_ main: Address, _ arguments: [String], exits: Bool) throws(OrcError) -> Int32 {
    let executor = session.executor
    let block: ArgumentBlock
    do {
      block = try ArgumentBlock(arguments, in: executor)
    } catch {
      if case .executor(let error) = error { throw .executor(error) }
      throw .link(error)
    }
    // The program may use its arguments until it is gone.
    keep(block)
    do throws(ExecutorError) {
      let library = try StartupFunctions(in: executor)
      var words: [UInt8] = []
      for word in [
        main.rawValue, block.argc, block.argv.rawValue, library.environment.rawValue,
        exits ? library.exit.rawValue : 0,
      ] { words.append(word, order: executor.target.byteOrder) }
      try executor.write(words, at: block.address)
      let results = try executor.run([FunctionCall(executor.startRoutine, block.address.rawValue)])
      return Int32(truncatingIfNeeded: results[0])
    } catch {
      throw .executor(error)
    }
  }
}
