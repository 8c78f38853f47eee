internal import WeldExecutor
internal import WeldMemory

/// What Weld calls in the C library of an executor.
struct TargetLibrary: Sendable {
  let malloc: Address
  let free: Address
  let memcpy: Address
  let mmap: Address
  let munmap: Address
  let mprotect: Address
  let getauxval: Address
  let atExit: Address
  let finalizeExitHandlers: Address
  let getpid: Address
  /// Only the C library of GNU has it.
  let dladdr1: Address?

  init(_ services: Services, _ process: DylibHandle) throws(ExecutorError) {
    let names = [
      "malloc", "free", "memcpy", "mmap", "munmap", "mprotect", "getauxval", "__cxa_atexit", "__cxa_finalize",
      "getpid", "dladdr1",
    ]
    let found = try services.lookup(names, in: process)
    func find(_ position: Int) throws(ExecutorError) -> Address {
      guard let address = found[position] else { throw .missingService(name: names[position]) }
      return address
    }
    malloc = try find(0)
    free = try find(1)
    memcpy = try find(2)
    mmap = try find(3)
    munmap = try find(4)
    mprotect = try find(5)
    getauxval = try find(6)
    atExit = try find(7)
    finalizeExitHandlers = try find(8)
    getpid = try find(9)
    dladdr1 = found[10]
  }
}
