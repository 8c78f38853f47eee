internal import Glibc
internal import Synchronization
public import WeldMemory

/// Calls of linked code in this process to handlers, in the form in which code in another process makes them.
extension InProcessExecutor {
  public var dispatch: (function: Address, context: Address) {
    let function = unsafe unsafeBitCast(dispatchCall, to: UnsafeRawPointer.self)
    return (Address(rawValue: UInt64(UInt(bitPattern: function))), .zero)
  }

  public func setDispatchHandler(for tag: Address, _ handler: (@Sendable ([UInt8]) -> [UInt8])?) {
    // Given back after the lock is: it may be the last to hold anything.
    let earlier = handlers.withLock { handlers -> (@Sendable ([UInt8]) -> [UInt8])? in
      defer { handlers[tag] = handler }
      return handlers[tag]
    }
    withExtendedLifetime(earlier) {}
  }
}

/// Handlers by their tags, which are addresses of this process, so that nobody has another's.
private let handlers = Mutex<[Address: @Sendable ([UInt8]) -> [UInt8]]>([:])

/// The dispatch function. Its result is two words, as those of all wrapper functions: up to 8 bytes, or a pointer to memory
/// of `malloc`; and how many. `lldiv_t` has the same members as far as calling conventions are concerned.
private let dispatchCall:
  @convention(c) (UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?, Int) -> lldiv_t = {
    _, tag, arguments, byteCount in
    // The caller may be about to look at it: to them, nothing was called.
    let callersError = errno
    defer { errno = callersError }
    let tag = Address(rawValue: UInt64(UInt(bitPattern: tag)))
    let handler = handlers.withLock { $0[tag] }
    // The caller vouches for its arguments.
    let bytes = unsafe Array(UnsafeRawBufferPointer(start: arguments, count: byteCount))
    let result = handler?(bytes) ?? []
    var answer = lldiv_t(quot: 0, rem: Int64(result.count))
    guard result.count > 8 else {
      // Eight bytes have room for it.
      unsafe withUnsafeMutableBytes(of: &answer.quot) { unsafe $0.copyBytes(from: result) }
      return answer
    }
    guard let block = unsafe malloc(result.count) else { return lldiv_t(quot: 0, rem: 0) }
    // As large as what is copied to it; whoever gets the answer frees it.
    unsafe block.copyMemory(from: result, byteCount: result.count)
    answer.quot = Int64(Int(bitPattern: block))
    return answer
  }
