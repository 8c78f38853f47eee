internal import Synchronization
internal import WeldELF
internal import WeldExecutor
internal import WeldLink
internal import WeldMemory

/// Memory of an executor for what a layer links: windows that all of it shares, so that it reaches each other, and windows
/// below 2 GiB for what must lie there.
final class SharedMemory: Sendable {
  /// Near the libraries of the process.
  private let near: any MemoryManager
  private let low: any MemoryManager

  init(of executor: any ExecutorProcessControl) {
    near = GrowingMemory(of: executor, MemoryNeeds(windowByteCount: 1 << 30, placement: .nearProcess))
    low = GrowingMemory(of: executor, MemoryNeeds(windowByteCount: 1 << 28, placement: .low))
  }

  /// One memory for everything.
  init(_ memory: any MemoryManager) {
    near = memory
    low = memory
  }

  func manager(wantsLowAddresses isLow: Bool) -> any MemoryManager { isLow ? low : near }
}

/// A window of an executor's memory, made when it is needed, and another one when it is full.
private final class GrowingMemory: MemoryManager {
  private let executor: any ExecutorProcessControl
  private let needs: MemoryNeeds
  /// The last one is used.
  private let windows = Mutex<[GrownWindow]>([])

  /// - Parameter needs: of a window; larger ones are made for what does not fit in one.
  init(of executor: any ExecutorProcessControl, _ needs: MemoryNeeds) {
    self.executor = executor
    self.needs = needs
  }

  var machine: Machine? { executor.target.machine }

  func allocate(_ segments: [SegmentRequest]) throws(MemoryError) -> Allocation {
    let (last, count) = windows.withLock { ($0.last, $0.count) }
    if let last {
      do throws(MemoryError) {
        return try last.memory.allocate(segments)
      } catch .windowFull {
        // Another window has room.
      }
    }
    return try addWindow(for: segments, after: count).allocate(segments)
  }

  private func addWindow(
    for segments: [SegmentRequest], after count: Int
  ) throws(MemoryError) -> any MemoryManager {
    // With room for alignment; no segment is larger than 2^47 bytes, nor aligned to more.
    let needed = segments.reduce(0) { $0 + UInt64($1.byteCount) + 2 * UInt64($1.alignment) }
    let isLarge = needed > needs.windowByteCount / 4
    var needs = needs
    if isLarge { needs.windowByteCount += Int(clamping: needed) }
    // Not under the lock, since the executor may be the user's; of two that are made at once the first is kept.
    let new = GrownWindow(try executor.makeMemory(for: needs))
    return windows.withLock { windows in
      if windows.count > count, !isLarge { return windows[windows.count - 1].memory }
      windows.append(new)
      return new.memory
    }
  }
}

/// A window, of which a copy costs one reference.
private final class GrownWindow: Sendable {
  let memory: any MemoryManager
  init(_ memory: any MemoryManager) { self.memory = memory }
}
