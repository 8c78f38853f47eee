internal import WeldBytes
public import WeldExecutor
public import WeldMemory

/// Where the routines of Weld are in an executor. They go with it.
struct PlacedRoutines: Sendable {
  let call: Address
  let report: Address
  let succeed: Address
  let start: Address
  /// ``ExecutorRoutines/lowMappingFlags``.
  let lowMappingFlags: UInt64?

  init(_ routines: ExecutorRoutines, _ target: ExecutorTarget, _ services: Services) throws(ExecutorError) {
    var code: [UInt8] = []
    func place(_ routine: [UInt8], at base: Address) -> Address {
      // On any machine a function may begin at a multiple of 16.
      code += [UInt8](repeating: 0, count: -code.count & 15)
      defer { code += routine }
      return base.advanced(by: UInt64(code.count))
    }
    let base = try services.reserve(target.pageSize)
    call = place(routines.call, at: base)
    report = place(routines.report, at: base)
    succeed = place(routines.succeed, at: base)
    start = place(routines.start, at: base)
    lowMappingFlags = routines.lowMappingFlags
    try services.finalize(
      [
        RemoteSegment(
          protection: [.read, .execute], address: base, byteCount: target.pageSize, contents: code)
      ], [])
  }
}

/// A call by ``ExecutorRoutines/call``.
struct RoutineCall {
  var function: Address
  var arguments: [Argument]

  enum Argument {
    case value(UInt64)
    /// The address of this byte of the scratch memory that comes back with the results.
    case scratch(Int)
  }

  init(_ function: Address, _ arguments: [Argument]) {
    self.function = function
    self.arguments = arguments
  }

  init(_ call: FunctionCall) { self.init(call.function, call.arguments.map { .value($0) }) }
}

/// What calls returned.
struct RoutineResults {
  var values: [UInt64]
  var scratch: [UInt8]
  var order: ByteOrder

  /// The word at `offset` in the scratch memory.
  func word(inScratchAt offset: Int) -> UInt64 { Self.word(scratch[...], at: offset, order) }

  static func word(_ bytes: ArraySlice<UInt8>, at offset: Int, _ order: ByteOrder) -> UInt64 {
    let word = bytes.dropFirst(offset).prefix(8)
    return order == .big
      ? word.reduce(0) { $0 << 8 | UInt64($1) } : word.reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }
}

extension SimpleRemoteEPC {
  /// Makes calls one after another, with `scratchByteCount` bytes of memory that they may fill.
  func call(
    _ calls: [RoutineCall], scratchByteCount: Int = 0, within limit: Duration?
  ) throws(ExecutorError) -> RoutineResults {
    let purpose = "call functions"
    let order = target.byteOrder
    let valuesByteCount = calls.count * 8
    // One word more than asked for, so that the result is never so small that it has another form.
    let (resultByteCount, overflow) = (valuesByteCount + 8).addingReportingOverflow(scratchByteCount)
    guard !overflow, scratchByteCount >= 0 else {
      throw .refused(call: purpose, message: "no memory has \(scratchByteCount) bytes")
    }
    var arguments: [UInt8] = []
    arguments.append(library.malloc.rawValue, order: order)
    arguments.append(UInt64(resultByteCount), order: order)
    for call in calls {
      arguments.append(call.function.rawValue, order: order)
      for number in 0..<FunctionCall.argumentLimit {
        let argument = number < call.arguments.count ? call.arguments[number] : .value(0)
        let (mask, value): (UInt64, UInt64) =
          switch argument {
          case .value(let value): (0, value)
          case .scratch(let offset): (.max, UInt64(valuesByteCount + offset))
          }
        arguments.append(mask, order: order)
        arguments.append(value, order: order)
      }
    }
    let result = try connection.call(routines.call, arguments, to: purpose, within: limit)
    guard result.count == resultByteCount else { throw .noResult(call: purpose) }
    return RoutineResults(
      values: calls.indices.map { RoutineResults.word(result[...], at: $0 * 8, order) },
      scratch: Array(result[valuesByteCount..<valuesByteCount + scratchByteCount]), order: order)
  }

  public var startRoutine: Address { routines.start }

  public func run(_ functions: [FunctionCall]) throws(ExecutorError) -> [UInt64] {
    for call in functions { try call.prove() }
    let calls = functions.map { RoutineCall($0) }
    // The system tells how a process of its own ends.
    guard !connection.knowsProcess else { return try call(calls, within: options.callLimit).values }
    // Should a program exit in one of them, it says so as the last thing it does.
    let block = try makeReportBlock()
    let handle: RoutineCall.Argument = .value(block.rawValue)
    connection.setHandler(for: block) { [connection, order = target.byteOrder] payload in
      let status = (order == .little ? payload.first : payload.last).map { Int32($0) }
      connection.note(exitStatus: status, of: block)
      return []
    }
    let begin = RoutineCall(library.atExit, [.value(routines.report.rawValue), handle, handle])
    let end = RoutineCall(library.finalizeExitHandlers, [handle])
    let results = try call(
      [begin] + calls + [end, RoutineCall(library.free, [handle])], within: options.callLimit)
    // It said so, too, when the handler was taken back.
    connection.note(exitStatus: nil, of: block)
    connection.setHandler(for: block, nil)
    return Array(results.values.dropFirst().prefix(functions.count))
  }

  /// What ``ExecutorRoutines/report`` is given for one run, a word each: the function to call, its context, the tag, which
  /// is the block's address, the address of `getpid`, and the process that may report: not one that it forked.
  private func makeReportBlock() throws(ExecutorError) -> Address {
    let limit = options.answerLimit
    let questions = [RoutineCall(library.malloc, [.value(40)]), RoutineCall(library.getpid, [])]
    let answers = try call(questions, within: limit).values
    guard answers[0] != 0 else { throw .refused(call: "run a program", message: "it has no memory left") }
    var block: [UInt8] = []
    for word in [
      services.dispatchFunction.rawValue, services.dispatchContext.rawValue, answers[0],
      library.getpid.rawValue, answers[1],
    ] {
      block.append(word, order: target.byteOrder)
    }
    let address = Address(rawValue: answers[0])
    try services.write([(address, block)])
    return address
  }
}
