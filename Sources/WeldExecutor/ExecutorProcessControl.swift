public import WeldMemory

/// The process in which linked code runs: its memory, its symbols and libraries, and calls into it.
///
/// ORC's class of the same name is the model. ``InProcessExecutor`` is this process; `SimpleRemoteEPC` is
/// another one, perhaps on another machine. Everything here may be called from any thread, and waits until it is
/// done.
public protocol ExecutorProcessControl: Sendable {
  /// What the process is made for.
  var target: ExecutorTarget { get }

  /// Memory of the process for code to be linked into.
  func makeMemory(for needs: MemoryNeeds) throws(MemoryError) -> any MemoryManager

  /// Loads a shared library, which stays loaded.
  ///
  /// - Parameter path: where the process finds it; `nil` for what the process itself exports.
  func loadDylib(_ path: String?) throws(ExecutorError) -> DylibHandle

  /// Finds symbols that a library, or one that it needs, exports.
  ///
  /// - Returns: an answer for each of `names`, in the same order, `nil` where there is none.
  func lookup(_ names: [String], in dylib: DylibHandle) throws(ExecutorError) -> [ResolvedSymbol?]

  /// The names that a shared library, or with `nil` the process, exports, as far as they can be had; for error
  /// messages.
  func exportedNames(of path: String?) -> [String]

  /// Calls `functions` one after another, and returns what each of them returned.
  ///
  /// A program may end the process in one of them. For another process that is
  /// ``ExecutorError/lost(_:)`` with ``ExecutorError/Loss/exited(status:)``; this process is gone.
  func run(_ functions: [FunctionCall]) throws(ExecutorError) -> [UInt64]

  /// A function of the process that starts programs: `int start(const uint64_t block[5])` calls `block[0]` as `main` with
  /// `block[1]` (`argc`), `block[2]` (`argv`) and what is then in the variable at `block[3]` (`environ`). If `block[4]` is
  /// not 0, it is called with the result, and is `exit`: so a program that forks ends in both processes.
  var startRoutine: Address { get }

  /// Calls `int main(int argc, char **argv)`. The first of `arguments` is the program's name.
  func runAsMain(_ function: Address, arguments: [String]) throws(ExecutorError) -> Int32

  /// Calls `int function(void)`.
  func runAsVoidFunction(_ function: Address) throws(ExecutorError) -> Int32

  /// Calls `int function(int)`.
  func runAsIntFunction(_ function: Address, _ argument: Int32) throws(ExecutorError) -> Int32

  /// Calls `CWrapperFunctionResult function(const char *arguments, size_t byteCount)`, the one form in which ORC
  /// calls functions whose arguments and results are serialized, and returns the bytes of the result.
  func callWrapper(_ function: Address, _ arguments: [UInt8]) throws(ExecutorError) -> [UInt8]

  /// Copies memory of the process, which must be readable there.
  func read(_ byteCount: Int, at address: Address) throws(ExecutorError) -> [UInt8]

  /// Writes to memory of the process, which must be writable there.
  func write(_ bytes: [UInt8], at address: Address) throws(ExecutorError)

  /// Writes words of 8 bytes, in the order of the process, to multiples of 8 that are writable there.
  ///
  /// Each is written at once: code that runs meanwhile reads what was there or what is there now. LLVM's `MemoryAccess`
  /// has `writeUInt64s`.
  func write(words: [ExecutorWord]) throws(ExecutorError)

  /// What code in the process calls to reach handlers of this one, `CWrapperFunctionResult function(void *context,
  /// const void *tag, const char *arguments, size_t byteCount)`, and its context. ORC's JIT dispatch.
  var dispatch: (function: Address, context: Address) { get }

  /// Lets `handler` answer the calls that code in the process makes to `tag`, on any thread and several at a time; `nil`
  /// for nobody any more, so that results are empty.
  func setDispatchHandler(for tag: Address, _ handler: (@Sendable ([UInt8]) -> [UInt8])?)
}

extension ExecutorProcessControl {
  /// None.
  public func exportedNames(of _: String?) -> [String] { [] }
}

/// A word of 8 bytes in the memory of an executor.
public struct ExecutorWord: Hashable, Sendable {
  /// Where it is: a multiple of 8.
  public var address: Address
  /// What it is.
  public var value: UInt64

  /// The word `value` at `address`.
  public init(_ value: UInt64, at address: Address) {
    self.address = address
    self.value = value
  }

  /// Throws if it cannot be written at once.
  package func prove() throws(ExecutorError) {
    guard address.rawValue & 7 == 0 else {
      throw .refused(call: "write a word", message: "\(address) is no multiple of 8")
    }
  }
}

/// A shared library of an executor.
public struct DylibHandle: Hashable, Sendable {
  /// What the executor calls it: a handle of its dynamic loader.
  public var rawValue: Address

  /// The library with this handle.
  public init(rawValue: Address) { self.rawValue = rawValue }
}

/// A call of a C function whose arguments are integers or pointers.
public struct FunctionCall: Equatable, Sendable {
  /// The function.
  public var function: Address
  /// Its arguments, at most ``argumentLimit``.
  public var arguments: [UInt64]

  /// How many arguments there may be.
  public static let argumentLimit = 6

  /// Throws if there is nothing to call.
  package func prove() throws(ExecutorError) {
    guard function != .zero else { throw .refused(call: "call a function", message: "its address is 0") }
    guard arguments.count <= Self.argumentLimit else {
      throw .refused(
        call: "call a function",
        message: "\(arguments.count) arguments; expected at most \(Self.argumentLimit)")
    }
  }

  /// A call of `function`. Arguments that it does not take do no harm.
  public init(_ function: Address, _ arguments: UInt64...) {
    self.function = function
    self.arguments = arguments
  }
}
