internal import Glibc
public import WeldMemory

/// Why the process could not do what was asked.
public enum ExecutorError: Error, Equatable, Sendable {
  /// A shared library that the dynamic loader refused, with its words.
  case libraryNotLoaded(path: String, message: String)
}

extension ExecutorError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .libraryNotLoaded(let path, let message): "\(path): the library cannot be loaded: \(message)"
    }
  }
}

/// This process, as a place where linked code runs: its symbols, its shared libraries, and calls into code.
@safe
public final class InProcessExecutor: Sendable {
  // Handles of the dynamic loader, only passed back to it.
  nonisolated(unsafe) private let libraries: [UnsafeMutableRawPointer]

  /// The process with the shared libraries at `paths` loaded. They stay loaded.
  public init(libraries paths: [String] = []) throws(ExecutorError) {
    var handles: [UnsafeMutableRawPointer] = unsafe []
    for path in paths {
      guard let handle = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
        let message = unsafe dlerror().map { unsafe String(cString: $0) } ?? "unknown reason"
        throw .libraryNotLoaded(path: path, message: message)
      }
      unsafe handles.append(handle)
    }
    unsafe libraries = handles
  }

  /// Finds `name` in the libraries, in their order, then in what the process itself exports.
  public func symbol(named name: String) -> (address: Address, isFunction: Bool)? {
    if let found = librarySymbol(named: name) { return found }
    return unsafe dlsym(nil, name).map { unsafe Self.describe($0) }
  }

  /// Finds `name` in the libraries, in their order, and in those that they need, but not in the rest of the
  /// process.
  public func librarySymbol(named name: String) -> (address: Address, isFunction: Bool)? {
    for position in unsafe libraries.indices {
      if let address = unsafe dlsym(libraries[position], name) { return unsafe Self.describe(address) }
    }
    return nil
  }

  private static func describe(_ address: UnsafeMutableRawPointer) -> (address: Address, isFunction: Bool) {
    // `Dl_info`: four words. The symbol is an `Elf64_Sym`, whose type is in the lower half of its fifth byte.
    var information: (UInt, UInt, UInt, UInt) = (0, 0, 0, 0)
    var symbol: UnsafeRawPointer?
    let wantsSymbol: Int32 = 1
    let found = unsafe withUnsafeMutablePointer(to: &information) { information in
      unsafe dynamicLoaderAddress(address, information, &symbol, wantsSymbol)
    }
    var isFunction = false
    if found != 0, let symbol = unsafe symbol {
      let type = unsafe symbol.load(fromByteOffset: 4, as: UInt8.self) & 15
      isFunction = type == 2 || type == 10
    }
    return (Address(rawValue: UInt64(UInt(bitPattern: address))), isFunction)
  }
}

@_extern(c, "dladdr1")
private func dynamicLoaderAddress(
  _ address: UnsafeRawPointer, _ information: UnsafeMutableRawPointer,
  _ symbol: UnsafeMutablePointer<UnsafeRawPointer?>, _ flags: Int32
) -> Int32

// MARK: - Calls

extension InProcessExecutor {
  /// Calls `int main(int argc, char **argv, char **envp)`.
  public func runAsMain(_ function: Address, _ arguments: ProgramArguments) -> Int32 {
    guard let pointer = unsafe UnsafeRawPointer(bitPattern: UInt(function.rawValue)) else { return 0 }
    // The caller vouches for the function; the arguments live as long as it runs.
    return unsafe unsafeBitCast(pointer, to: MainFunction.self)(
      arguments.count, arguments.vector, environment)
  }

  /// Calls the functions whose addresses stand one after another in memory.
  ///
  /// Each gets the arguments of `main`, as glibc passes them to constructors. The addresses 0 and -1, which
  /// mark the bounds of old-style arrays, are passed over.
  ///
  /// - Parameters:
  ///   - array: where the first address is.
  ///   - count: how many there are.
  ///   - reversed: whether to begin with the last one.
  ///   - arguments: the arguments of `main`.
  public func callAll(in array: Address, count: Int, reversed: Bool, _ arguments: ProgramArguments) {
    for number in reversed ? Array((0..<count).reversed()) : Array(0..<count) {
      guard let slot = unsafe UnsafePointer<UInt>(bitPattern: UInt(array.rawValue) + UInt(number) * 8) else {
        continue
      }
      // The caller vouches for the array, which it linked.
      let value = unsafe slot.pointee
      guard value != 0, value != .max, let pointer = unsafe UnsafeRawPointer(bitPattern: value) else {
        continue
      }
      _ = unsafe unsafeBitCast(pointer, to: MainFunction.self)(arguments.count, arguments.vector, environment)
    }
  }

  /// Lets `action` run when the process exits or ``runExitHandlers(of:)`` is called for `handle`, after
  /// everything that is registered for it later.
  public func atExit(of handle: Address, _ action: @escaping @Sendable () -> Void) {
    let box = unsafe Unmanaged.passRetained(ExitAction(action)).toOpaque()
    unsafe registerExitHandler(runExitAction, box, UnsafeRawPointer(bitPattern: UInt(handle.rawValue)))
  }

  /// Runs what was registered for `handle`, by the program or by ``atExit(of:_:)``, last first, and forgets
  /// it.
  public func runExitHandlers(of handle: Address) {
    unsafe finalizeExitHandlers(UnsafeRawPointer(bitPattern: UInt(handle.rawValue)))
  }
}

/// `main`, whose result constructors leave undefined.
private typealias MainFunction =
  @convention(c) (
    Int32, UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
  ) -> Int32

/// The environment as it is now.
private var environment: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? {
  // The C library's variable, which programs change through its functions only.
  unsafe environ
}

/// An action that waits for the end of a program.
private final class ExitAction: Sendable {
  let action: @Sendable () -> Void
  init(_ action: @escaping @Sendable () -> Void) { self.action = action }
}

private let runExitAction: @convention(c) (UnsafeMutableRawPointer?) -> Void = { box in
  guard let box = unsafe box else { return }
  // Retained when it was registered; handlers run once.
  unsafe Unmanaged<ExitAction>.fromOpaque(box).takeRetainedValue().action()
}

@_extern(c, "__cxa_atexit")
@discardableResult
private func registerExitHandler(
  _ handler: @convention(c) (UnsafeMutableRawPointer?) -> Void, _ argument: UnsafeMutableRawPointer?,
  _ handle: UnsafeRawPointer?
) -> Int32

@_extern(c, "__cxa_finalize")
private func finalizeExitHandlers(_ handle: UnsafeRawPointer?)
