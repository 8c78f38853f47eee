internal import WeldExecutor
internal import WeldMemory

/// What an executor offers by itself, under the names of LLVM 19 (`OrcRTBridge.h`).
///
/// Which services there are is told by their names alone; the protocol has no version.
struct Services: Sendable {
  let connection: Connection
  let options: SimpleRemoteEPC.Options
  let pageSize: Int
  let dispatchFunction: Address
  let dispatchContext: Address
  private let dylibManager: Address
  private let openDylib: Address
  private let lookupSymbols: Address
  private let memoryManager: Address
  private let reserveMemory: Address
  private let finalizeMemory: Address
  private let deallocateMemory: Address
  private let writeBuffers: Address
  private let writeWords: Address
  private let main: Address
  private let voidFunction: Address
  private let intFunction: Address
  private let registerFrames: Address
  private let deregisterFrames: Address

  init(
    _ symbols: [String: Address], _ connection: Connection, _ options: SimpleRemoteEPC.Options, pageSize: Int
  ) throws(ExecutorError) {
    func find(_ name: String) throws(ExecutorError) -> Address {
      guard let found = symbols[name], found != .zero else { throw .missingService(name: name) }
      return found
    }
    self.connection = connection
    self.options = options
    self.pageSize = pageSize
    dispatchFunction = try find("__llvm_orc_SimpleRemoteEPC_dispatch_fn")
    dispatchContext = try find("__llvm_orc_SimpleRemoteEPC_dispatch_ctx")
    dylibManager = try find("__llvm_orc_SimpleExecutorDylibManager_Instance")
    openDylib = try find("__llvm_orc_SimpleExecutorDylibManager_open_wrapper")
    lookupSymbols = try find("__llvm_orc_SimpleExecutorDylibManager_lookup_wrapper")
    memoryManager = try find("__llvm_orc_SimpleExecutorMemoryManager_Instance")
    reserveMemory = try find("__llvm_orc_SimpleExecutorMemoryManager_reserve_wrapper")
    finalizeMemory = try find("__llvm_orc_SimpleExecutorMemoryManager_finalize_wrapper")
    deallocateMemory = try find("__llvm_orc_SimpleExecutorMemoryManager_deallocate_wrapper")
    writeBuffers = try find("__llvm_orc_bootstrap_mem_write_buffers_wrapper")
    writeWords = try find("__llvm_orc_bootstrap_mem_write_uint64s_wrapper")
    main = try find("__llvm_orc_bootstrap_run_as_main_wrapper")
    voidFunction = try find("__llvm_orc_bootstrap_run_as_void_function_wrapper")
    intFunction = try find("__llvm_orc_bootstrap_run_as_int_function_wrapper")
    registerFrames = try find("llvm_orc_registerEHFrameSectionWrapper")
    deregisterFrames = try find("llvm_orc_deregisterEHFrameSectionWrapper")
  }

  /// Calls `function` and reads its result; one that ends too early is none.
  private func call<Value>(
    _ function: Address, to purpose: String, within limit: Duration?, _ write: (inout SPSWriter) -> Void,
    reading read: (inout SPSReader) throws(SPSReader.Truncated) -> Value
  ) throws(ExecutorError) -> Value {
    let result = try connection.call(function, [UInt8](sps: write), to: purpose, within: limit)
    var reader = SPSReader(result)
    do {
      return try read(&reader)
    } catch {
      throw .noResult(call: purpose)
    }
  }

  /// Calls `function`, whose result is a value or an error.
  private func expect<Value>(
    _ function: Address, to purpose: String, _ write: (inout SPSWriter) -> Void,
    reading read: (inout SPSReader) throws(SPSReader.Truncated) -> Value
  ) throws(ExecutorError) -> Value {
    let result = try call(function, to: purpose, within: options.answerLimit, write) {
      reader throws(SPSReader.Truncated) in try reader.expected(read)
    }
    switch result {
    case .value(let value): return value
    case .error(let message): throw .refused(call: purpose, message: message)
    }
  }

  /// Calls `function`, whose result is nothing or an error.
  private func perform(
    _ function: Address, to purpose: String, _ write: (inout SPSWriter) -> Void
  ) throws(ExecutorError) {
    let message = try call(function, to: purpose, within: options.answerLimit, write) {
      reader throws(SPSReader.Truncated) in try reader.error()
    }
    if let message { throw .refused(call: purpose, message: message) }
  }
}

// MARK: - Libraries

extension Services {
  /// Opens a shared library; `nil` for the process itself.
  func open(_ path: String?) throws(ExecutorError) -> DylibHandle {
    try expect(openDylib, to: "open a shared library") { writer in
      writer.append(dylibManager)
      writer.append(path ?? "")
      // The mode, of which only 0 is known.
      writer.append(0 as UInt64)
    } reading: { reader throws(SPSReader.Truncated) in
      DylibHandle(rawValue: try reader.address())
    }
  }

  /// The addresses of `names`, `nil` for those that are not there.
  func lookup(_ names: [String], in dylib: DylibHandle) throws(ExecutorError) -> [Address?] {
    guard !names.isEmpty else { return [] }
    let found = try expect(lookupSymbols, to: "look symbols up") { writer in
      writer.append(dylibManager)
      writer.append(dylib.rawValue)
      writer.append(count: names.count)
      for name in names {
        writer.append(name)
        // Not required: one that is missing would hide the others.
        writer.append(false)
      }
    } reading: { reader throws(SPSReader.Truncated) in
      try reader.sequence(minimum: 10) { entry throws(SPSReader.Truncated) in
        let address = try entry.address()
        // Its flags, which are the same for all.
        _ = try entry.uint8()
        _ = try entry.uint8()
        return address == .zero ? nil : address
      }
    }
    guard found.count == names.count else { throw .noResult(call: "look symbols up") }
    return found
  }
}

// MARK: - Memory

/// A segment as it is sent.
struct RemoteSegment {
  var protection: Protection
  var address: Address
  var byteCount: Int
  var contents: [UInt8]
}

extension Services: RemoteSource {
  func reserve(_ byteCount: Int) throws(ExecutorError) -> Address {
    let address = try expect(reserveMemory, to: "reserve \(byteCount) bytes of memory") { writer in
      writer.append(memoryManager)
      writer.append(UInt64(byteCount))
    } reading: { reader throws(SPSReader.Truncated) in
      try reader.address()
    }
    let isUsable = address.rawValue & UInt64(pageSize - 1) == 0 && address != .zero
    guard isUsable, !address.rawValue.addingReportingOverflow(UInt64(byteCount)).overflow else {
      throw .refused(call: "reserve \(byteCount) bytes of memory", message: "it is said to lie at \(address)")
    }
    return address
  }

  /// What is to be called first in each of `actions` must be there, unless it is the last one so must what undoes it.
  func finalize(_ segments: [RemoteSegment], _ actions: [AllocationAction]) throws(ExecutorError) {
    try perform(finalizeMemory, to: "finalize memory") { writer in
      writer.reserve(segments.reduce(1024) { $0 + $1.contents.count + 32 })
      writer.append(memoryManager)
      writer.append(count: segments.count)
      for segment in segments {
        // The protocol's bits are those of `Protection`.
        writer.append(segment.protection.rawValue)
        writer.append(segment.address)
        writer.append(UInt64(segment.byteCount))
        writer.append(segment.contents)
      }
      writer.append(count: actions.count)
      for action in actions {
        for call in [action.finalize, action.deallocate] {
          writer.append(call ?? WrapperCall(function: .zero, arguments: []))
        }
      }
    }
  }

  func deallocate(_ address: Address) throws(ExecutorError) {
    try perform(deallocateMemory, to: "give memory back") { writer in
      writer.append(memoryManager)
      writer.append(count: 1)
      writer.append(address)
    }
  }

  /// Writes bytes to memory that is writable there.
  func write(_ pieces: [(address: Address, bytes: [UInt8])]) throws(ExecutorError) {
    let arguments = [UInt8](sps: { writer in
      writer.append(count: pieces.count)
      for piece in pieces {
        writer.append(piece.address)
        writer.append(piece.bytes)
      }
    })
    // It has no result, not even of failure.
    _ = try connection.call(writeBuffers, arguments, to: "write memory", within: options.answerLimit)
  }

  /// Writes words, each by one store.
  func write(words: [ExecutorWord]) throws(ExecutorError) {
    let arguments = [UInt8](sps: { writer in
      writer.append(count: words.count)
      for word in words {
        writer.append(word.address)
        writer.append(word.value)
      }
    })
    _ = try connection.call(writeWords, arguments, to: "write memory", within: options.answerLimit)
  }

  /// Makes a call whose result is nothing or an error.
  func run(_ call: WrapperCall) throws(ExecutorError) {
    let purpose = "call the wrapper function at \(call.function)"
    let result = try connection.call(call.function, call.arguments, to: purpose, within: options.answerLimit)
    var reader = SPSReader(result)
    do {
      guard let message = try reader.error() else { return }
      throw ExecutorError.refused(call: purpose, message: message)
    } catch let error as ExecutorError {
      throw error
    } catch {
      throw .noResult(call: purpose)
    }
  }

  /// What makes the unwinder know frame descriptions for as long as their memory is there.
  func action(for frames: FinalizeWork.Frames) -> AllocationAction {
    let range = [UInt8](sps: { writer in
      writer.append(frames.address)
      writer.append(frames.address.advanced(by: UInt64(bitPattern: Int64(frames.byteCount))))
    })
    return AllocationAction(
      finalize: WrapperCall(function: registerFrames, arguments: range),
      deallocate: WrapperCall(function: deregisterFrames, arguments: range))
  }
}

// MARK: - Calls of the user's code

extension Services {
  func runAsMain(_ function: Address, _ arguments: [String]) throws(ExecutorError) -> Int32 {
    try call(main, to: "call a function as main", within: options.callLimit) { writer in
      writer.append(function)
      writer.append(count: arguments.count)
      for argument in arguments { writer.append(argument) }
    } reading: { reader throws(SPSReader.Truncated) in
      Int32(truncatingIfNeeded: try reader.uint64())
    }
  }

  /// - Parameter limit: how long it may take; `nil` for as long as it takes.
  func runAsVoidFunction(_ function: Address, within limit: Duration?) throws(ExecutorError) -> Int32 {
    try call(voidFunction, to: "call a function without arguments", within: limit) { writer in
      writer.append(function)
    } reading: { reader throws(SPSReader.Truncated) in
      try reader.int32()
    }
  }

  func runAsIntFunction(_ function: Address, _ argument: Int32) throws(ExecutorError) -> Int32 {
    try call(intFunction, to: "call a function of an integer", within: options.callLimit) { writer in
      writer.append(function)
      writer.append(argument)
    } reading: { reader throws(SPSReader.Truncated) in
      try reader.int32()
    }
  }
}
