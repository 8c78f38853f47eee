internal import Glibc

/// Calls of wrapper functions in this process: ORC's one form for functions whose arguments and results are
/// serialized, `CWrapperFunctionResult (const char *arguments, size_t byteCount)`.
package enum WrapperFunction {
  /// A result is two words: a union of 8 bytes and pointers, and a size.
  ///
  /// `lldiv_t` has the same members as far as calling conventions are concerned, two integers of 8 bytes.
  private typealias Function = @convention(c) (UnsafeRawPointer?, Int) -> lldiv_t

  /// Calls `function` and returns the bytes of its result.
  package static func call(_ function: Address, _ arguments: [UInt8]) throws(ExecutorError) -> [UInt8] {
    guard let pointer = unsafe UnsafeRawPointer(bitPattern: UInt(function.rawValue)) else {
      throw .noResult(call: "call a wrapper function at address 0")
    }
    // The caller vouches for the function, which uses the arguments only during the call.
    var result = unsafe arguments.withUnsafeBytes { bytes in
      unsafe unsafeBitCast(pointer, to: Function.self)(bytes.baseAddress, bytes.count)
    }
    let byteCount = Int(truncatingIfNeeded: result.rem)
    // The union is a pointer to memory of `malloc`, which is now this function's, if it does not hold the bytes.
    let block = unsafe UnsafeMutableRawPointer(bitPattern: UInt(truncatingIfNeeded: result.quot))
    switch byteCount {
    case 0:
      guard let block = unsafe block else { return [] }
      defer { unsafe free(block) }
      // Without a size it is a text, which says what failed.
      throw .refused(
        call: callDescription(function),
        message: unsafe String(cString: block.assumingMemoryBound(to: CChar.self)))
    case 1...8:
      return unsafe withUnsafeBytes(of: &result.quot) { unsafe Array($0.prefix(byteCount)) }
    default:
      defer { unsafe free(block) }
      return unsafe Array(UnsafeRawBufferPointer(start: block, count: byteCount))
    }
  }

  /// Makes a call whose result is an `Error` of the simple packed serialization: a byte that is not 0 if there is
  /// one, and then its text.
  package static func run(_ call: WrapperCall) throws(ExecutorError) {
    let result = try Self.call(call.function, call.arguments)
    guard let first = result.first else { throw .noResult(call: callDescription(call.function)) }
    guard first != 0 else { return }
    throw .refused(
      call: callDescription(call.function), message: String(decoding: result.dropFirst(9), as: UTF8.self))
  }

  private static func callDescription(_ function: Address) -> String {
    "call the wrapper function at \(function)"
  }
}
