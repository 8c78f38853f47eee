internal import Glibc
internal import Synchronization
public import WeldMemory

/// This process, as a place where linked code runs.
@safe
public struct InProcessExecutor: ExecutorProcessControl {
  /// This process.
  public init() {}

  public var target: ExecutorTarget { .host }

  public func makeMemory(for needs: MemoryNeeds) throws(MemoryError) -> any MemoryManager {
    try MappedMemory(windowByteCount: needs.windowByteCount, placement: needs.placement)
  }
}

// MARK: - Symbols

extension InProcessExecutor {
  public func loadDylib(_ path: String?) throws(ExecutorError) -> DylibHandle {
    guard let path else { return DylibHandle(rawValue: .zero) }
    guard let handle = unsafe dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
      let message = unsafe dlerror().map { unsafe String(cString: $0) } ?? "unknown reason"
      throw .libraryNotLoaded(path: path, message: message)
    }
    return DylibHandle(rawValue: Address(rawValue: UInt64(UInt(bitPattern: handle))))
  }

  public func lookup(_ names: [String], in dylib: DylibHandle) throws(ExecutorError) -> [ResolvedSymbol?] {
    // A handle of the dynamic loader, which is given back to it; 0 is the process itself.
    let handle = unsafe UnsafeMutableRawPointer(bitPattern: UInt(dylib.rawValue.rawValue))
    return names.map { name in unsafe dlsym(handle, name).map { unsafe Self.describe($0) } }
  }

  public func exportedNames(of path: String?) -> [String] {
    path.map { SharedLibraries.names(exportedBy: $0) } ?? SharedLibraries.exportedNames()
  }

  private static func describe(_ address: UnsafeMutableRawPointer) -> ResolvedSymbol {
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
    return ResolvedSymbol(
      address: Address(rawValue: UInt64(UInt(bitPattern: address))), isFunction: isFunction)
  }
}

@_extern(c, "dladdr1")
private func dynamicLoaderAddress(
  _ address: UnsafeRawPointer, _ information: UnsafeMutableRawPointer,
  _ symbol: UnsafeMutablePointer<UnsafeRawPointer?>, _ flags: Int32
) -> Int32

// MARK: - Calls

extension InProcessExecutor {
  private typealias Function =
    @convention(c) (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) -> UInt64

  public func run(_ functions: [FunctionCall]) throws(ExecutorError) -> [UInt64] {
    for call in functions { try call.prove() }
    var results: [UInt64] = []
    for call in functions {
      let pointer = unsafe UnsafeRawPointer(bitPattern: UInt(call.function.rawValue))
      var arguments: [6 of UInt64] = [0, 0, 0, 0, 0, 0]
      for (position, argument) in call.arguments.enumerated() { arguments[position] = argument }
      // The caller vouches for the function. What it does not take stays in registers that it does not read.
      results.append(
        unsafe unsafeBitCast(pointer, to: Function.self)(
          arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]))
    }
    return results
  }

  public var startRoutine: Address {
    Address(rawValue: UInt64(UInt(bitPattern: unsafe unsafeBitCast(startProgram, to: UnsafeRawPointer.self))))
  }

  public func runAsMain(_ function: Address, arguments: [String]) throws(ExecutorError) -> Int32 {
    let vector = ArgumentVector(arguments)
    let block = UnsafeMutableRawPointer.allocate(byteCount: vector.byteCount, alignment: 16)
    defer { unsafe block.deallocate() }
    let address = Address(rawValue: UInt64(UInt(bitPattern: block)))
    try write(vector.bytes(at: address, order: target.byteOrder), at: address)
    return try status(of: FunctionCall(function, UInt64(vector.count), address.rawValue))
  }

  public func runAsVoidFunction(_ function: Address) throws(ExecutorError) -> Int32 {
    try status(of: FunctionCall(function))
  }

  public func runAsIntFunction(_ function: Address, _ argument: Int32) throws(ExecutorError) -> Int32 {
    try status(of: FunctionCall(function, UInt64(bitPattern: Int64(argument))))
  }

  /// What a function that returns an `int` returned.
  private func status(of call: FunctionCall) throws(ExecutorError) -> Int32 {
    Int32(truncatingIfNeeded: try run([call])[0])
  }

  public func callWrapper(_ function: Address, _ arguments: [UInt8]) throws(ExecutorError) -> [UInt8] {
    try WrapperFunction.call(function, arguments)
  }
}

// MARK: - Memory

extension InProcessExecutor {
  public func read(_ byteCount: Int, at address: Address) throws(ExecutorError) -> [UInt8] {
    // The caller vouches for the memory.
    unsafe Array(
      UnsafeRawBufferPointer(
        start: UnsafeRawPointer(bitPattern: UInt(address.rawValue)), count: byteCount))
  }

  public func write(_ bytes: [UInt8], at address: Address) throws(ExecutorError) {
    // The caller vouches for the memory.
    unsafe UnsafeMutableRawPointer(bitPattern: UInt(address.rawValue))?.copyMemory(
      from: bytes, byteCount: bytes.count)
  }

  public func write(words: [ExecutorWord]) throws(ExecutorError) {
    for word in words { try word.prove() }
    for word in words {
      // The caller vouches for the memory; it is aligned, and as large as the atomic value that it is seen as.
      let place = unsafe UnsafeMutablePointer<Atomic<UInt64>>(bitPattern: UInt(word.address.rawValue))
      unsafe place?.pointee.store(word.value, ordering: .releasing)
    }
  }
}

/// ``ExecutorProcessControl/startRoutine`` of this process.
private let startProgram: @convention(c) (UnsafePointer<UInt64>?) -> Int32 = { block in
  // Whoever calls it has made the block, with a function that they vouch for.
  guard let block = unsafe block,
    let main = unsafe UnsafeRawPointer(bitPattern: UInt(block[0])),
    let environment = unsafe UnsafePointer<UInt64>(bitPattern: UInt(block[3]))
  else { return 0 }
  let result = unsafe unsafeBitCast(main, to: (@convention(c) (UInt64, UInt64, UInt64) -> Int32).self)(
    block[1], block[2], environment.pointee)
  if let exit = unsafe UnsafeRawPointer(bitPattern: UInt(block[4])) {
    unsafe unsafeBitCast(exit, to: (@convention(c) (Int32) -> Void).self)(result)
  }
  return result
}
