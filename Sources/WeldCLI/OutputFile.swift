import Glibc

/// Files that are written at once.
enum OutputFile {
  /// Writes a file, which must not exist yet.
  static func write(_ bytes: [UInt8], to path: String, mode: mode_t) throws(SystemError) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw SystemError(number: errno) }
    var rest = bytes[...]
    while !rest.isEmpty {
      // The call reads at most the bytes it is given.
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count >= 0 else {
        let number = errno
        close(descriptor)
        throw SystemError(number: number)
      }
      rest = rest.dropFirst(count)
    }
    guard close(descriptor) == 0 else { throw SystemError(number: errno) }
  }
}

/// What a call to the system failed with.
struct SystemError: Error, CustomStringConvertible {
  /// The `errno`.
  var number: Int32

  var description: String {
    // The text is copied before anybody else can ask.
    guard let text = unsafe strerror(number) else { return "error \(number)" }
    return unsafe String(cString: text)
  }
}
