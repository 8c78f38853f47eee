/// Makes stores to memory visible to instruction fetch, on processors that need to be told.
///
/// A memory manager calls it for memory that it makes executable. What is written elsewhere, and executed
/// there, is the business of whoever copies it.
public struct InstructionCache: Sendable {
  private let synchronizing: @Sendable (Address, Int) -> Void

  /// A cache that `synchronize` keeps up to date: it is given where the code is, and how many bytes it has.
  public init(_ synchronize: @escaping @Sendable (Address, Int) -> Void) { synchronizing = synchronize }

  /// That of this process's processor.
  ///
  /// On Power the lines are written back and their copies invalidated (Power ISA 3.1B, book II, section
  /// 4.3.2.1 "Instruction Cache Instructions"); x86_64 and s390x see stores by themselves.
  public static let host = InstructionCache { address, byteCount in
    #if arch(powerpc64le)
      guard let start = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address.rawValue)) else { return }
      // The caller names memory that is mapped; the routine only touches its cache lines.
      unsafe clearCache(start, start + byteCount)
    #endif
  }

  /// Makes the code at `address` visible to instruction fetch.
  public func synchronize(at address: Address, byteCount: Int) { synchronizing(address, byteCount) }
}

#if arch(powerpc64le)
  /// Of the compiler's run-time library.
  @_extern(c, "__clear_cache")
  private func clearCache(_ start: UnsafeMutableRawPointer, _ end: UnsafeMutableRawPointer)
#endif
