internal import Synchronization
internal import WeldExecutor
internal import WeldLink
internal import WeldMemory

/// Where a layer's memory comes from: windows of an executor, made when they are needed.
final class LinkMemory: Sendable {
  private struct Windows: Sendable {
    var near: (any MemoryManager)?
    var low: (any MemoryManager)?
  }

  private let executor: any ExecutorProcessControl
  private let fixed: (any MemoryManager)?
  private let windows = Mutex(Windows())

  /// - Parameter fixed: what is used for everything instead.
  init(on executor: any ExecutorProcessControl, fixed: (any MemoryManager)?) {
    self.executor = executor
    self.fixed = fixed
  }

  /// Memory below 2 GiB, or near the libraries of the process.
  func manager(wantsLowAddresses: Bool) throws(LinkError) -> any MemoryManager {
    if let fixed { return fixed }
    let known = windows.withLock { wantsLowAddresses ? $0.low : $0.near }
    if let known { return known }
    let needs = MemoryNeeds(
      windowByteCount: wantsLowAddresses ? 1 << 28 : 1 << 30,
      placement: wantsLowAddresses ? .low : .nearProcess)
    let made: any MemoryManager
    do {
      made = try executor.makeMemory(for: needs)
    } catch {
      throw LinkError(error)
    }
    // Another thread may have been quicker.
    return windows.withLock { windows in
      if wantsLowAddresses {
        windows.low = windows.low ?? made
        return windows.low ?? made
      }
      windows.near = windows.near ?? made
      return windows.near ?? made
    }
  }
}
