internal import WeldBytes
internal import WeldExecutor
internal import WeldLink
internal import WeldMemory

extension Program {
  /// Runs the program once: constructors, the function called `entry` with `argc`, `argv` and the
  /// environment, exit handlers, destructors.
  ///
  /// A program that calls `exit` ends its process, after its exit handlers and destructors. If that is another
  /// process, what it gave `exit` is returned, and nothing else can be done there.
  ///
  /// - Parameters:
  ///   - entry: the name of the function to call.
  ///   - arguments: the arguments, beginning with the program's name.
  /// - Returns: what the function returned.
  public func run(entry: String = "main", arguments: [String]) throws(ProgramError) -> Int32 {
    try run(entry, arguments) { startup, handle, status throws(ExecutorError) in
      _ = try executor.run([FunctionCall(startup.finalize, handle.rawValue)])
      return status
    }
  }

  /// Runs the program as ``run(entry:arguments:)`` does, and then ends its process, as C does: `exit(main(…))`. So it
  /// ends as it would by itself, with its threads and with what it registered with the process.
  ///
  /// In this process it does not return.
  ///
  /// - Returns: the exit status of the other process.
  public func runToExit(entry: String = "main", arguments: [String]) throws(ProgramError) -> Int32 {
    try run(entry, arguments) { startup, _, status throws(ExecutorError) in
      _ = try executor.run([FunctionCall(startup.exit, UInt64(bitPattern: Int64(status)))])
      return status
    }
  }

  /// Runs the program up to the end of `main`, and then `ending`.
  private func run(
    _ entry: String, _ arguments: [String],
    ending: (StartupFunctions, Address, Int32) throws(ExecutorError) -> Int32
  ) throws(ProgramError) -> Int32 {
    let main = try address(of: entry)
    // The support object defines it, unless an object of the program does.
    let handle = try address(of: "__dso_handle")
    let vector = ArgumentVector(arguments)
    // The program may use its arguments until it is gone.
    let block = try place(vector)
    argumentBlocks.append(block)
    let argc = UInt64(vector.count)
    let argv = block.address.rawValue
    do throws(ExecutorError) {
      let startup = try StartupFunctions(in: executor)
      func environment() throws(ExecutorError) -> UInt64 {
        try addresses(at: startup.environment, count: 1).first?.rawValue ?? 0
      }
      let (constructors, destructors) = try initializers()
      // Registered before anything else, what ends the program runs after everything that the program registers,
      // the first one last.
      var calls = destructors.reversed().map { FunctionCall(startup.atExit, $0.rawValue, 0, handle.rawValue) }
      let initial = try environment()
      calls += constructors.map { FunctionCall($0, argc, argv, initial) }
      if !calls.isEmpty { _ = try executor.run(calls) }
      // Constructors may have changed it.
      let results = try executor.run([FunctionCall(main, argc, argv, try environment())])
      return try ending(startup, handle, Int32(truncatingIfNeeded: results.first ?? 0))
    } catch .lost(.exited(let status)) {
      return status
    } catch {
      throw .executor(error)
    }
  }

  /// Writes the arguments to memory of the executor.
  private func place(_ vector: ArgumentVector) throws(ProgramError) -> ArgumentBlock {
    // With room for what lies around an allocation.
    let needs = MemoryNeeds(windowByteCount: vector.byteCount + 1 << 20, placement: .anywhere)
    let allocation: FinalizedAllocation
    do {
      allocation = try executor.makeMemory(for: needs).allocate([
        SegmentRequest(
          protection: [.read, .write], contentByteCount: vector.byteCount, byteCount: vector.byteCount,
          alignment: 16)
      ]).finalize(FinalizeWork())
    } catch {
      throw ProgramError(LinkError(error))
    }
    let address = allocation.segments[0].address
    do {
      try executor.write(vector.bytes(at: address, order: executor.target.byteOrder), at: address)
    } catch {
      throw .executor(error)
    }
    return ArgumentBlock(allocation)
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

/// The arguments of one run, where the program sees them.
final class ArgumentBlock {
  private let allocation: FinalizedAllocation

  init(_ allocation: consuming FinalizedAllocation) { self.allocation = allocation }

  /// `argv`.
  var address: Address { allocation.segments[0].address }
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
