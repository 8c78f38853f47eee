internal import Synchronization
internal import WeldELF
internal import WeldExecutor
internal import WeldLink
internal import WeldMemory

/// Memory of an executor for objects that are linked one by one: a window that they share, so that they reach each
/// other, and one below 2 GiB for those that must lie there.
final class SharedMemory: Sendable {
  private let executor: any ExecutorProcessControl
  private let windows = Mutex<[Bool: any MemoryManager]>([:])

  /// Bytes of address space that objects share.
  private static let windowByteCount = 1 << 30
  /// The same below 2 GiB, where there is less.
  private static let lowWindowByteCount = 1 << 28

  init(of executor: any ExecutorProcessControl) { self.executor = executor }

  /// Where `object` is to lie.
  func memory(for object: ObjectFile) throws(MemoryError) -> any MemoryManager {
    // What is wrong with the object, the link says.
    let isLow = (try? AddressNeeds.wantsLowAddresses([object])) ?? false
    let placement: MappedMemory.Placement = isLow ? .low : .nearProcess
    let shared = isLow ? Self.lowWindowByteCount : Self.windowByteCount
    let needed = AddressNeeds.windowByteCount(for: [object])
    guard needed <= shared / 4 else {
      return try executor.makeMemory(for: MemoryNeeds(windowByteCount: needed, placement: placement))
    }
    if let window = windows.withLock({ $0[isLow] }) { return window }
    // Not under the lock, since the executor may be the user's; of two that are made at once the first is kept.
    let new = try executor.makeMemory(for: MemoryNeeds(windowByteCount: shared, placement: placement))
    return windows.withLock { windows in
      if let window = windows[isLow] { return window }
      windows[isLow] = new
      return new
    }
  }
}
