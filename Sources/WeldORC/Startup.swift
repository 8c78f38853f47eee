internal import WeldBytes
internal import WeldExecutor
internal import WeldLink
internal import WeldMemory

// What the starts of programs and of dylibs have in common.

extension ExecutorProcessControl {
  /// The functions of an array, in the order of their calls.
  ///
  /// The addresses 0 and -1, which mark the bounds of old-style arrays, are passed over.
  func functions(of run: Initializers.Run) throws(ExecutorError) -> [Address] {
    let functions = try addresses(at: run.address, count: run.count).filter {
      $0 != .zero && $0.rawValue != .max
    }
    return run.isReversed ? functions.reversed() : functions
  }

  /// The addresses that stand one after another in memory of the executor.
  func addresses(at address: Address, count: Int) throws(ExecutorError) -> [Address] {
    let bytes = Bytes(try read(count * 8, at: address))
    return (0..<count).compactMap {
      // Inside of what was read.
      (try? bytes.span.load(at: $0 * 8, order: target.byteOrder)).map { Address(rawValue: $0) }
    }
  }
}

/// What one run needs in memory of the executor: the words of ``ExecutorProcessControl/startRoutine``, and the arguments
/// of the program.
final class ArgumentBlock: Sendable {
  /// Bytes before the arguments.
  private static let startByteCount = 48

  private let allocation: FinalizedAllocation
  let argc: UInt64

  /// Writes `arguments`, beginning with the program's name, to memory of `executor`.
  init(_ arguments: [String], in executor: any ExecutorProcessControl) throws(LinkError) {
    let vector = ArgumentVector(arguments)
    argc = UInt64(vector.count)
    // With room for what lies around an allocation.
    let byteCount = Self.startByteCount + vector.byteCount
    let needs = MemoryNeeds(windowByteCount: byteCount + 1 << 20, placement: .anywhere)
    do {
      allocation = try executor.makeMemory(for: needs).allocate([
        SegmentRequest(
          protection: [.read, .write], contentByteCount: byteCount, byteCount: byteCount, alignment: 16)
      ]).finalize(FinalizeWork())
    } catch {
      throw LinkError(error)
    }
    do {
      try executor.write(vector.bytes(at: argv, order: executor.target.byteOrder), at: argv)
    } catch {
      throw .executor(error)
    }
  }

  /// Where the words are.
  var address: Address { allocation.segments[0].address }

  /// Where the arguments are.
  var argv: Address { address.advanced(by: UInt64(Self.startByteCount)) }
}

/// What the C library of an executor has for programs that start and end.
struct StartupFunctions: Sendable {
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
