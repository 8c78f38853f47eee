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
    let main = try address(of: entry)
    let vector = ArgumentVector(arguments)
    // The program may use its arguments until it is gone.
    let block = try place(vector)
    argumentBlocks.append(block)
    do {
      return try run(main, argc: UInt64(vector.count), argv: block.address.rawValue)
    } catch .lost(.exited(let status)) {
      return status
    } catch {
      throw .executor(error)
    }
  }

  private func run(_ main: Address, argc: UInt64, argv: UInt64) throws(ExecutorError) -> Int32 {
    let startup = try StartupFunctions(in: executor)
    let environment = try addresses(at: startup.environment, count: 1)[0].rawValue
    let (constructors, destructors) = try initializers()
    // Registered before anything else, what ends the program runs after everything that the program registers,
    // the first one last.
    var calls = destructors.reversed().map { FunctionCall(startup.atExit, $0.rawValue, 0, handle.rawValue) }
    calls += constructors.map { FunctionCall($0, argc, argv, environment) }
    let position = calls.count
    calls.append(FunctionCall(main, argc, argv, environment))
    calls.append(FunctionCall(startup.finalize, handle.rawValue))
    return Int32(truncatingIfNeeded: try executor.run(calls)[position])
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
  /// `environ`, the variable.
  var environment: Address

  init(in executor: any ExecutorProcessControl) throws(ExecutorError) {
    let names = ["__cxa_atexit", "__cxa_finalize", "environ"]
    var addresses: [Address] = []
    for (name, found) in zip(names, try executor.lookup(names, in: try executor.loadDylib(nil))) {
      guard let found else { throw .missingService(name: name) }
      addresses.append(found.address)
    }
    atExit = addresses[0]
    finalize = addresses[1]
    environment = addresses[2]
  }
}
