internal import Glibc

/// Makes every core that runs this process forget instructions that it has fetched but not executed.
///
/// Processors see that code changes where it is executed. A change through another address they need not see before they
/// execute a serializing instruction (Intel SDM, volume 3, section 10.1.3 "Handling Self- and Cross-Modifying Code"; Power
/// ISA 3.1B, book II, section 1.7). The system call `membarrier` makes all cores do so (Linux 4.16).
struct CoreSynchronization: Sendable {
  private let isAvailable: Bool

  /// That of the system, if it has one.
  init() {
    let register = 1 << 6
    isAvailable = Self.membarrier(register)
  }

  /// None, as on older systems.
  static let unavailable = Self(isAvailable: false)

  private init(isAvailable: Bool) { self.isAvailable = isAvailable }

  /// Whether it was done.
  func synchronize() -> Bool {
    let synchronize = 1 << 5
    return isAvailable && Self.membarrier(synchronize)
  }

  private static func membarrier(_ command: Int) -> Bool {
    #if arch(x86_64)
      let number = 324
    #elseif arch(powerpc64le)
      let number = 365
    #elseif arch(s390x)
      let number = 356
    #else
      let number = 283
    #endif
    return systemCall(number, command, 0, 0) == 0
  }
}

/// The system's calls by number; those used here take numbers.
@_extern(c, "syscall")
private func systemCall(_ number: Int, _ first: Int, _ second: Int, _ third: Int) -> Int
