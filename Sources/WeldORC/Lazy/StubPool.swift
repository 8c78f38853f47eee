internal import Synchronization
internal import WeldExecutor
internal import WeldMemory

/// Stubs of an executor, made many at a time and used again.
final class StubPool: Sendable {
  struct Stub: Hashable {
    var address: Address
    /// The word that says where it leads.
    var slot: Address
  }

  private struct State {
    /// The next to be used is last.
    var free: [Stub] = []
    var blocks: [PlacedCode] = []
  }

  private let memory: IndirectionMemory
  private let state = Mutex(State())

  init(_ memory: IndirectionMemory) { self.memory = memory }

  /// Takes a stub to each of `targets`.
  func take(_ targets: [Address]) throws(OrcError) -> [Stub] {
    let stubs = try takeUnset(targets.count)
    do {
      try set(zip(stubs, targets).map { ($0, $1) })
    } catch {
      giveBack(stubs)
      throw error
    }
    return stubs
  }

  /// Lets stubs lead elsewhere.
  func set(_ targets: [(stub: Stub, target: Address)]) throws(OrcError) {
    do {
      try memory.executor.write(
        words: targets.map { ExecutorWord($0.target.rawValue, at: $0.stub.slot) })
    } catch {
      throw .executor(error)
    }
  }

  /// Lets others have `stubs`, which nobody calls any more.
  func giveBack(_ stubs: [Stub]) { state.withLock { $0.free += stubs.reversed() } }

  private func takeUnset(_ count: Int) throws(OrcError) -> [Stub] {
    while true {
      let (stubs, missing) = state.withLock { state -> ([Stub], Int) in
        guard state.free.count >= count else { return ([], count - state.free.count) }
        defer { state.free.removeLast(count) }
        return (state.free.suffix(count).reversed(), 0)
      }
      guard missing > 0 else { return stubs }
      // Another thread may do the same, or take these; then it begins anew.
      try grow(by: missing)
    }
  }

  /// Makes at least `count` stubs, as many as their slots fill pages.
  private func grow(by count: Int) throws(OrcError) {
    let code = memory.code
    let perPage = memory.pageSize / Self.slotByteCount
    let count = (count + perPage - 1) / perPage * perPage
    var made: [Stub] = []
    let block = try memory.place(
      codeByteCount: count * code.stubByteCount, dataByteCount: count * Self.slotByteCount
    ) { start, data in
      made = (0..<count).map { number in
        Stub(
          address: start.advanced(by: UInt64(number * code.stubByteCount)),
          slot: data.advanced(by: UInt64(number * Self.slotByteCount)))
      }
      return made.flatMap { code.stub(at: $0.address, slot: $0.slot) }
    }
    state.withLock { state in
      state.blocks.append(block)
      state.free.insert(contentsOf: made.reversed(), at: 0)
    }
  }

  private static let slotByteCount = 8
}
