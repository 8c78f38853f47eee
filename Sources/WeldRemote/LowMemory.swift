internal import Synchronization
internal import WeldExecutor
internal import WeldMemory

/// Where one allocation of a ``RemoteMemory`` comes from.
protocol RemoteSource: Sendable {
  /// Reserves `byteCount` bytes, a multiple of the page size.
  func reserve(_ byteCount: Int) throws(ExecutorError) -> Address

  /// Fills and protects segments, the first of which begins where reserved memory does, and then makes the calls
  /// of `actions`. If it fails, the memory goes back.
  func finalize(_ segments: [RemoteSegment], _ actions: [AllocationAction]) throws(ExecutorError)

  /// Gives back what was reserved, after the calls that go with it.
  func deallocate(_ address: Address) throws(ExecutorError)
}

/// Memory of an executor below 2 GiB, where code for some machines must lie that was compiled with neither
/// `-fPIC` nor `-fPIE`.
///
/// The executor's memory manager takes what the system gives, so the C library is called for it. One object is for one
/// allocation.
final class LowMemory: RemoteSource {
  private let executor: SimpleRemoteEPC
  private let state = Mutex(State())

  private struct State {
    var byteCount = 0
    /// What is called before the memory goes back, the last one first.
    var undoing: [WrapperCall] = []
  }

  private let flags: UInt64

  /// Low memory of `executor`; `nil` if its machine has no code that must lie there.
  init?(_ executor: SimpleRemoteEPC) {
    guard let flags = executor.routines.lowMappingFlags else { return nil }
    self.executor = executor
    self.flags = flags
  }

  func reserve(_ byteCount: Int) throws(ExecutorError) -> Address {
    // PROT_READ | PROT_WRITE
    let protection: UInt64 = 3
    let call = RoutineCall(
      executor.library.mmap,
      [.value(0), .value(UInt64(byteCount)), .value(protection), .value(flags), .value(.max), .value(0)])
    let address = try executor.call([call], within: executor.options.answerLimit).values[0]
    let isUsable = address != 0 && address & UInt64(executor.target.pageSize - 1) == 0
    // Nothing lies above 4 GiB, and no sum can overflow.
    guard isUsable, address < 1 << 32, byteCount < 1 << 32 else {
      throw .refused(
        call: "reserve \(byteCount) bytes of memory below 2 GiB", message: "mmap failed; compile with -fPIC")
    }
    state.withLock { $0.byteCount = byteCount }
    return Address(rawValue: address)
  }

  func finalize(_ segments: [RemoteSegment], _ actions: [AllocationAction]) throws(ExecutorError) {
    guard let start = segments.first?.address else {
      throw .refused(call: "finalize memory", message: "there is none for the actions to go with")
    }
    do {
      try executor.services.write(segments.map { ($0.address, $0.contents) })
      try executor.protect(segments.map { ($0.address, $0.byteCount, $0.protection) })
      for action in actions {
        if let call = action.finalize { try executor.services.run(call) }
        if let call = action.deallocate { state.withLock { $0.undoing.append(call) } }
      }
    } catch {
      try? deallocate(start)
      throw error
    }
  }

  func deallocate(_ address: Address) throws(ExecutorError) {
    let (undoing, byteCount) = state.withLock { state in
      defer { state = State() }
      return (state.undoing, state.byteCount)
    }
    for call in undoing.reversed() { try? executor.services.run(call) }
    let call = RoutineCall(executor.library.munmap, [.value(address.rawValue), .value(UInt64(byteCount))])
    _ = try executor.call([call], within: executor.options.answerLimit)
  }
}

extension SimpleRemoteEPC {
  /// Gives ranges of pages their protections.
  func protect(_ ranges: [(Address, Int, Protection)]) throws(ExecutorError) {
    // The bits of a protection are those of Linux.
    let calls = ranges.map { address, byteCount, protection in
      RoutineCall(
        library.mprotect,
        [.value(address.rawValue), .value(UInt64(byteCount)), .value(UInt64(protection.rawValue))])
    }
    let results = try call(calls, within: options.answerLimit).values
    guard results.allSatisfy({ UInt32(truncatingIfNeeded: $0) == 0 }) else {
      throw .refused(call: "protect memory", message: "mprotect failed")
    }
  }
}
