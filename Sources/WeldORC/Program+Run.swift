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
    let vector = ArgumentVector(arguments)
    let argc = UInt64(vector.count)
    // The program may use its arguments until it is gone.
    let block = try place(vector)
    argumentBlocks.append(block)
    let argv = block.argv.rawValue
    do throws(ExecutorError) {
      let library = try StartupFunctions(in: executor)
      let words = [
        main.rawValue, argc, argv, library.environment.rawValue, exits ? library.exit.rawValue : 0,
      ]
      try executor.write(words.flatMap { bytes(of: $0) }, at: block.address)
      let (constructors, destructors) = try initializers()
      let environment = try addresses(at: library.environment, count: 1).first?.rawValue ?? 0
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

  /// Writes the arguments to memory of the executor.
  private func place(_ vector: ArgumentVector) throws(ProgramError) -> ArgumentBlock {
    // With room for what lies around an allocation.
    let byteCount = ArgumentBlock.startByteCount + vector.byteCount
    let needs = MemoryNeeds(windowByteCount: byteCount + 1 << 20, placement: .anywhere)
    let allocation: FinalizedAllocation
    do {
      allocation = try executor.makeMemory(for: needs).allocate([
        SegmentRequest(
          protection: [.read, .write], contentByteCount: byteCount, byteCount: byteCount, alignment: 16)
      ]).finalize(FinalizeWork())
    } catch {
      throw ProgramError(LinkError(error))
    }
    let block = ArgumentBlock(allocation)
    do {
      try executor.write(vector.bytes(at: block.argv, order: executor.target.byteOrder), at: block.argv)
    } catch {
      throw .executor(error)
    }
    return block
  }

  /// The functions that run before and after `main`, in the order in which they do.
  ///
  /// The addresses 0 and -1, which mark the bounds of old-style arrays, are passed over.
  private func initializers() throws(ExecutorError) -> (before: [Address], after: [Address]) {
    let initializers = (try? linker.initializers()) ?? []
    var before: [Address] = []
    for run in initializers.flatMap(\.before) { before += try functions(of: run) }
    var after: [Address] = []
    for run in initializers.flatMap(\.after) { after += try functions(of: run) }
    return (before, after)
  }

  private func functions(of run: Initializers.Run) throws(ExecutorError) -> [Address] {
    let functions = try addresses(at: run.address, count: run.count).filter {
      $0 != .zero && $0.rawValue != .max
    }
    return run.isReversed ? functions.reversed() : functions
  }

  /// The addresses that stand one after another in memory of the executor.
  private func addresses(at address: Address, count: Int) throws(ExecutorError) -> [Address] {
    let bytes = Bytes(try executor.read(count * 8, at: address))
    return (0..<count).compactMap {
      // Inside of what was read.
      (try? bytes.span.load(at: $0 * 8, order: executor.target.byteOrder)).map { Address(rawValue: $0) }
    }
  }
}

/// What one run needs in memory of the executor: the words of ``ExecutorProcessControl/startRoutine``, and the arguments
/// of the program.
final class ArgumentBlock {
  /// Bytes before the arguments.
  static let startByteCount = 48

  private let allocation: FinalizedAllocation

  init(_ allocation: consuming FinalizedAllocation) { self.allocation = allocation }

  /// Where the words are.
  var address: Address { allocation.segments[0].address }

  /// Where the arguments are.
  var argv: Address { address.advanced(by: UInt64(Self.startByteCount)) }
}

/// What the C library of an executor has for programs that start and end.
private struct StartupFunctions {
  /// `__cxa_atexit` (Itanium C++ ABI, section 3.3.6.3).
  var atExit: Address
  /// `__cxa_finalize` (section 3.3.6.4).
  var finalize: Address
  var exit: Address
  /// `environ`, the variable.
  var environment: Address

  init(in executor: any ExecutorProcessControl) throws(ExecutorError) {
    let names = ["__cxa_atexit", "__cxa_finalize", "exit", "environ"]
    var addresses: [Address] = []
    for (name, found) in zip(names, try executor.lookup(names, in: try executor.loadDylib(nil))) {
      guard let found else { throw .missingService(name: name) }
      addresses.append(found.address)
    }
    atExit = addresses[0]
    finalize = addresses[1]
    exit = addresses[2]
    environment = addresses[3]
  }
}
