public import WeldExecutor
internal import WeldELF
public import WeldMemory

/// Another process, perhaps on another machine, as the place where linked code runs.
///
/// It speaks LLVM's SimpleRemoteEPC protocol, whose executor comes with LLVM 19 for every architecture as
/// `llvm-jitlink-executor`; ORC's class of the same name is the model.
///
/// ```swift
/// let executor = try SimpleRemoteEPC(spawning: "llvm-jitlink-executor-19")
/// let program = try Program(linking: [try LinkInput(path: "main.o")], on: executor)
/// let status = try program.run(arguments: ["main"])
/// ```
///
/// One thread of this process reads what the executor sends. All calls wait for their answers, and may be made from
/// any thread; the executor runs them at the same time. Once the executor is lost, by its own fault or not,
/// everything ends in ``ExecutorError/lost(_:)`` with the first cause.
///
/// The protocol does not say who speaks: whoever reaches the descriptors owns the process.
public final class SimpleRemoteEPC: ExecutorProcessControl {
  public let target: ExecutorTarget
  let connection: Connection
  let services: Services
  let options: Options
  /// What the process itself exports.
  let process: DylibHandle
  let library: TargetLibrary
  let routines: PlacedRoutines
  private let child: ExecutorChild?

  /// How to speak with an executor.
  public struct Options: Sendable {
    /// How long the executor may take for what is not the user's code: to begin, to take a message or the rest
    /// of one, to give memory, to find symbols, to end. By default half a minute.
    public var answerLimit: Duration = .seconds(30)
    /// How long calls of the user's code may take; `nil`, the default, for as long as they take.
    public var callLimit: Duration?
    /// The most bytes that a message of the executor may have. By default 1 GiB.
    public var messageByteLimit = 1 << 30

    /// The defaults.
    public init() {}
  }

  /// Starts a process that is an executor.
  ///
  /// - Parameters:
  ///   - command: a program and its arguments, split and expanded as a shell does, without running commands in
  ///     it. `filedescs=IN,OUT` is appended: what it reads from and writes to. Standard streams are this process's.
  ///   - options: how to speak with it.
  public convenience init(spawning command: String, options: Options = Options()) throws(ExecutorError) {
    let (child, channel) = try ExecutorChild.start(command)
    try self.init(channel, child, options)
  }

  /// Connects to an executor that listens (`listen=HOST:PORT`).
  public convenience init(
    connectingTo address: NetworkAddress, options: Options = Options()
  ) throws(ExecutorError) {
    try self.init(try address.connect(within: options.answerLimit), nil, options)
  }

  /// Speaks to an executor through connected descriptors, which are this object's from now on.
  ///
  /// - Parameters:
  ///   - input: what the executor writes arrives here.
  ///   - output: the executor reads what is written here; for a socket, the same.
  ///   - options: how to speak with it.
  public convenience init(input: Int32, output: Int32, options: Options = Options()) throws(ExecutorError) {
    try self.init(try Channel(input: input, output: output), nil, options)
  }

  private init(_ channel: Channel, _ child: ExecutorChild?, _ options: Options) throws(ExecutorError) {
    self.child = child
    self.options = options
    let connection = try Connection(channel, child: child, options: options)
    self.connection = connection
    do throws(ExecutorError) {
      let setup = try connection.setup()
      guard let target = setup.target, let routines = ExecutorRoutines.of(target) else {
        throw ExecutorError.unsupportedTarget(triple: setup.triple)
      }
      self.target = target
      services = try Services(setup.symbols, connection, options, pageSize: target.pageSize)
      process = try services.open(nil)
      library = try TargetLibrary(services, process)
      self.routines = try PlacedRoutines(routines, target, services)
    } catch {
      _ = try? connection.close()
      throw error
    }
  }

  deinit {
    // Nobody hears of what goes wrong now.
    _ = try? connection.close()
  }

  /// The process that was started, if one was.
  public var processIdentifier: Int32? { child?.processIdentifier }

  /// Ends the executor, which gives back everything, and waits until it is gone. Nothing can be done with it
  /// afterwards. It happens by itself with the last reference.
  ///
  /// - Returns: how the process that was started ended; `nil` if none was.
  @discardableResult
  public func disconnect() throws(ExecutorError) -> ExecutorError.Loss? { try connection.close() }
}

// MARK: - Memory

extension SimpleRemoteEPC {
  /// Memory of the executor, which chooses where it lies, but for what must lie low on x86_64. Its size is not limited by
  /// a window.
  public func makeMemory(for needs: MemoryNeeds) -> any MemoryManager {
    RemoteMemory(self, isLow: needs.placement == .low)
  }

  public func read(_ byteCount: Int, at address: Address) throws(ExecutorError) -> [UInt8] {
    guard byteCount >= 0 else { throw .refused(call: "read memory", message: "\(byteCount) bytes") }
    // Each piece comes in a message of its own, with a header and two words, and within the limit of time.
    let pieceByteCount = max(min(options.messageByteLimit, 1 << 20) - Message.headerByteCount - 16, 1)
    var bytes: [UInt8] = []
    while bytes.count < byteCount {
      let count = min(pieceByteCount, byteCount - bytes.count)
      let source = address.advanced(by: UInt64(bytes.count)).rawValue
      let copy = RoutineCall(library.memcpy, [.scratch(0), .value(source), .value(UInt64(count))])
      bytes += try call([copy], scratchByteCount: count, within: options.answerLimit).scratch
    }
    return bytes
  }

  public func write(_ bytes: [UInt8], at address: Address) throws(ExecutorError) {
    try services.write([(address, bytes)])
  }

  public func write(words: [ExecutorWord]) throws(ExecutorError) {
    for word in words { try word.prove() }
    try services.write(words: words)
  }
}

// MARK: - Symbols

extension SimpleRemoteEPC {
  public func loadDylib(_ path: String?) throws(ExecutorError) -> DylibHandle {
    guard let path else { return process }
    do {
      return try services.open(path)
    } catch .refused(_, let message) {
      throw .libraryNotLoaded(path: path, message: message)
    }
  }

  public func lookup(_ names: [String], in dylib: DylibHandle) throws(ExecutorError) -> [ResolvedSymbol?] {
    let addresses = try services.lookup(names, in: dylib)
    let areFunctions = try areFunctions(addresses.compactMap { $0 })
    var next = areFunctions.makeIterator()
    return addresses.map { address in
      address.map { ResolvedSymbol(address: $0, isFunction: next.next() ?? false) }
    }
  }

  /// Whether the symbols at `addresses` are functions, as far as the executor's dynamic loader knows.
  private func areFunctions(_ addresses: [Address]) throws(ExecutorError) -> [Bool] {
    guard let dladdr1 = library.dladdr1, !addresses.isEmpty else { return addresses.map { _ in false } }
    // For each address room for a `Dl_info` and a pointer to the symbol.
    let informationByteCount = 32
    let stride = informationByteCount + 8
    let wantsSymbol: UInt64 = 1
    let questions = addresses.enumerated().map { number, address in
      RoutineCall(
        dladdr1,
        [
          .value(address.rawValue), .scratch(number * stride),
          .scratch(number * stride + informationByteCount), .value(wantsSymbol),
        ])
    }
    let answers = try call(
      questions, scratchByteCount: addresses.count * stride, within: options.answerLimit)
    let symbols = addresses.indices.map { number -> Address? in
      guard answers.values[number] & 0xffff_ffff != 0 else { return nil }
      let symbol = answers.word(inScratchAt: number * stride + informationByteCount)
      return symbol == 0 ? nil : Address(rawValue: symbol)
    }
    // An `Elf64_Sym`, whose type is in the lower half of its fifth byte.
    let known = symbols.indices.filter { symbols[$0] != nil }
    guard !known.isEmpty else { return addresses.map { _ in false } }
    let copies = known.enumerated().map { place, number in
      RoutineCall(
        library.memcpy,
        [.scratch(place), .value((symbols[number] ?? .zero).advanced(by: 4).rawValue), .value(1)])
    }
    let types = try call(copies, scratchByteCount: known.count, within: options.answerLimit).scratch
    var found = addresses.map { _ in false }
    for (place, number) in known.enumerated() {
      let type = types[place] & 15
      found[number] = type == 2 || type == 10
    }
    return found
  }
}

// MARK: - Calls

extension SimpleRemoteEPC {
  public func runAsMain(_ function: Address, arguments: [String]) throws(ExecutorError) -> Int32 {
    try FunctionCall(function).prove()
    return try services.runAsMain(function, arguments)
  }

  public func runAsVoidFunction(_ function: Address) throws(ExecutorError) -> Int32 {
    try FunctionCall(function).prove()
    return try services.runAsVoidFunction(function, within: options.callLimit)
  }

  public func runAsIntFunction(_ function: Address, _ argument: Int32) throws(ExecutorError) -> Int32 {
    try FunctionCall(function).prove()
    return try services.runAsIntFunction(function, argument)
  }

  public func callWrapper(_ function: Address, _ arguments: [UInt8]) throws(ExecutorError) -> [UInt8] {
    try FunctionCall(function).prove()
    return try connection.call(
      function, arguments, to: "call the wrapper function at \(function)", within: options.callLimit)
  }

  /// Calls a wrapper function. `completion` is called once, on any thread, with the bytes of the result. It may call
  /// the executor in turn.
  public func callWrapper(
    _ function: Address, _ arguments: [UInt8],
    completion: @escaping @Sendable (Result<[UInt8], ExecutorError>) -> Void
  ) {
    // The thread that reads must not wait for what only it can read; nor must it be the last to hold what would.
    let held = HeldCompletion(completion)
    do {
      try FunctionCall(function).prove()
    } catch {
      held.take()?(.failure(error))
      return
    }
    connection.call(function, arguments) { result in
      if !DetachedThread.start({ held.take()?(result) }) { held.take()?(result) }
    }
  }

  /// Calls a wrapper function, and lets other tasks run until its result is there.
  public func callWrapper(_ function: Address, _ arguments: [UInt8]) async throws(ExecutorError) -> [UInt8] {
    try FunctionCall(function).prove()
    let result = await withCheckedContinuation { continuation in
      connection.call(function, arguments) { continuation.resume(returning: $0) }
    }
    return try result.get()
  }

  public var dispatch: (function: Address, context: Address) {
    (services.dispatchFunction, services.dispatchContext)
  }

  public func setDispatchHandler(for tag: Address, _ handler: (@Sendable ([UInt8]) -> [UInt8])?) {
    connection.setHandler(for: tag, handler)
  }
}
