internal import Synchronization
internal import WeldBytes
internal import WeldExecutor
internal import WeldMemory

/// Trampolines of an executor, made many at a time and used again. Whoever calls one asks a handler of this process where
/// to go.
final class TrampolinePool: Sendable {
  private struct State {
    /// The next to be used is last.
    var free: [Address] = []
    /// The address of each is what its handler is known by.
    var blocks: [PlacedCode] = []
  }

  private let memory: IndirectionMemory
  private let failure: Address
  private let capabilities: UInt64
  private let state: Mutex<State>

  /// - Parameter failure: where calls go that get no answer.
  init(_ memory: IndirectionMemory, failure: Address) throws(OrcError) {
    self.memory = memory
    self.failure = failure
    capabilities = try Self.capabilities(of: memory.executor)
    state = Mutex(State())
  }

  deinit {
    for block in state.withLock({ $0.blocks }) { memory.executor.setDispatchHandler(for: block.code, nil) }
  }

  /// The processor's capabilities, as the executor's kernel says them; 0 if it does not.
  private static func capabilities(of executor: any ExecutorProcessControl) throws(OrcError) -> UInt64 {
    let hardwareCapabilities: UInt64 = 16
    do throws(ExecutorError) {
      let found = try executor.lookup(["getauxval"], in: try executor.loadDylib(nil))
      guard let getauxval = found.first ?? nil else { return 0 }
      return try executor.run([FunctionCall(getauxval.address, hardwareCapabilities)]).first ?? 0
    } catch {
      throw .executor(error)
    }
  }

  /// Takes `count` trampolines.
  ///
  /// - Parameter handler: is asked where a call of a trampoline is to go; the same for all.
  func take(
    _ count: Int, answeredBy handler: @escaping @Sendable (Address) -> Address?
  ) throws(OrcError) -> [Address] {
    while true {
      let taken = state.withLock { state -> [Address]? in
        guard state.free.count >= count else { return nil }
        defer { state.free.removeLast(count) }
        return state.free.suffix(count).reversed()
      }
      if let taken { return taken }
      // Another thread may do the same, or take these; then it begins anew.
      try grow(answeredBy: handler)
    }
  }

  /// Lets others have `trampolines`, which nobody calls any more.
  func giveBack(_ trampolines: [Address]) { state.withLock { $0.free += trampolines.reversed() } }

  /// Makes trampolines that fill two pages with the code that they lead to.
  private func grow(answeredBy handler: @escaping @Sendable (Address) -> Address?) throws(OrcError) {
    let code = memory.code
    let firstOffset = (ResolverBlock.byteCount + code.resolver.count + 15) & ~15
    let codeByteCount = 2 * memory.pageSize
    var made: [Address] = []
    let block = try memory.place(codeByteCount: codeByteCount, dataByteCount: 0) { start, _ in
      let count = (codeByteCount - firstOffset) / code.trampolineByteCount
      made = (0..<count).map { number in
        start.advanced(by: UInt64(firstOffset + number * code.trampolineByteCount))
      }
      return bytes(at: start, trampolines: made, firstOffset: firstOffset)
    }
    let order = memory.executor.target.byteOrder
    memory.executor.setDispatchHandler(for: block.code) { arguments in
      guard arguments.count == 8, let target = handler(Address(word: arguments, order)) else { return [] }
      var result: [UInt8] = []
      result.append(target.rawValue, order: order)
      return result
    }
    state.withLock { state in
      state.blocks.append(block)
      state.free.insert(contentsOf: made.reversed(), at: 0)
    }
  }

  /// What a resolver reads, the resolver, and trampolines that lead to it.
  private func bytes(at start: Address, trampolines: [Address], firstOffset: Int) -> [UInt8] {
    let block = ResolverBlock(
      dispatch: memory.executor.dispatch, tag: start, failure: failure, capabilities: capabilities)
    var bytes: [UInt8] = []
    for word in block.words { bytes.append(word, order: memory.executor.target.byteOrder) }
    bytes += memory.code.resolver
    bytes += [UInt8](repeating: 0, count: firstOffset - bytes.count)
    let resolver = start.advanced(by: UInt64(ResolverBlock.byteCount))
    for trampoline in trampolines { bytes += memory.code.trampoline(at: trampoline, resolver: resolver) }
    return bytes
  }
}

extension Address {
  /// The address that is stored as `word`, of 8 bytes.
  fileprivate init(word: [UInt8], _ order: ByteOrder) {
    let bytes = order == .big ? word : word.reversed()
    self.init(rawValue: bytes.reduce(0) { $0 << 8 | UInt64($1) })
  }
}
