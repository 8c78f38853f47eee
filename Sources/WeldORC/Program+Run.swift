internal import WeldBytes
internal import WeldExecutor
internal import WeldLink
internal import WeldMemory

extension Program {
  /// Runs the program once: constructors, the function called `entry` with `argc`, `argv` and the
  /// environment, exit handlers, destructors.
  ///
  /// A program that calls `exit` ends its process, after its exit handlers and destructors. If that is another
  /// process, what it gave `exit` is returned, and nothing else can be done there. A process that the program forks must
  /// not return from `main`, which only ``runToExit(entry:arguments:)`` makes the end of it.
  ///
  /// - Parameters:
  ///   - entry: the name of the function to call.
  ///   - arguments: the arguments, beginning with the program's name.
  /// - Returns: what the function returned.
  public func run(entry: String = "main", arguments: [String]) throws(ProgramError) -> Int32 {
    try run(entry, arguments, exits: false)
  }

  /// Runs the program as ``run(entry:arguments:)`` does, but ends its process, as C does: `exit(main(…))`. So it ends
  /// as it would by itself, with its threads, with the processes that it forked, and with what it registered.
  ///
  /// In this process it does not return.
  ///
  /// - Returns: the exit status of the other process.
  public func runToExit(entry: String = "main", arguments: [String]) throws(ProgramError) -> Int32 {
    try run(entry, arguments, exits: true)
  }

  private func run(_ entry: String, _ arguments: [String], exits: Bool) throws(ProgramError) -> Int32 {
    let main = try address(of: entry)
    // The support object defines it, unless an object of the program does.
    let handle = try address(of: "__dso_handle").rawValue
    let block: ArgumentBlock
    do {
      block = try ArgumentBlock(arguments, in: executor)
    } catch {
      throw ProgramError(error)
    }
    // The program may use its arguments until it is gone.
    argumentBlocks.append(block)
    let argc = block.argc
    let argv = block.argv.rawValue
    do throws(ExecutorError) {
      let library = try StartupFunctions(in: executor)
      let words = [
        main.rawValue, argc, argv, library.environment.rawValue, exits ? library.exit.rawValue : 0,
      ]
      try executor.write(words.flatMap { bytes(of: $0) }, at: block.address)
      let (constructors, destructors) = try initializers()
      let environment = try executor.addresses(at: library.environment, count: 1).first?.rawValue ?? 0
      // Registered before anything else, what ends the program runs after everything that the program registers,
      // the first one last.
      var calls = destructors.reversed().map { FunctionCall(library.atExit, $0.rawValue, 0, handle) }
      calls += constructors.map { FunctionCall($0, argc, argv, environment) }
      let position = calls.count
      calls.append(FunctionCall(executor.startRoutine, block.address.rawValue))
      calls.append(FunctionCall(library.finalize, handle))
      return Int32(truncatingIfNeeded: try executor.run(calls)[position])
    } catch .lost(.exited(let status)) {
      return status
    } catch {
      throw .executor(error)
    }
  }

  private func bytes(of word: UInt64) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(word, order: executor.target.byteOrder)
    return bytes
  }

  /// The functions that run before and after `main`, in the order in which they do.
  private func initializers() throws(ExecutorError) -> (before: [Address], after: [Address]) {
    let initializers = (try? linker.initializers()) ?? []
    var before: [Address] = []
    for run in initializers.flatMap(\.before) { before += try executor.functions(of: run) }
    var after: [Address] = []
    for run in initializers.flatMap(\.after) { after += try executor.functions(of: run) }
    return (before, after)
  }
}
