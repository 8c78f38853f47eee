internal import Glibc

/// A call to the system that failed.
package struct SystemError: Error, CustomStringConvertible {
  /// What it failed with.
  package var errno: Int32

  package init(errno: Int32) { self.errno = errno }

  package var description: String { systemMessage(errno) }
}

/// What the system says about an `errno`.
package func systemMessage(_ number: Int32) -> String {
  // The text is copied before anybody else can ask.
  guard let text = unsafe strerror(number) else { return "error \(number)" }
  return unsafe String(cString: text)
}

/// Facts about the machine's memory.
public enum SystemMemory {
  /// Bytes in a page, as the system says.
  public static let pageSize: Int = {
    let size = sysconf(Int32(_SC_PAGESIZE))
    return size > 0 ? size : 4096
  }()

  /// Bytes from which on an allocation is laid out for pages of this size, which take one fault instead of
  /// hundreds.
  static let hugePageSize = 1 << 21
}

extension Int {
  /// The least multiple of `alignment`, a power of two, that is not below this; `nil` if there is none.
  package func roundedUp(to alignment: Int) -> Int? {
    let (sum, overflow) = addingReportingOverflow(alignment - 1)
    return overflow ? nil : sum & ~(alignment - 1)
  }
}
