internal import Glibc

/// Files that are written at once.
package enum OutputFile {
  /// Writes a file, which must not exist yet.
  package static func write(
    _ bytes: [UInt8], to path: String, mode: UInt32 = 0o666
  ) throws(SystemError) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw SystemError(errno: errno) }
    var rest = bytes[...]
    while !rest.isEmpty {
      // The call reads at most the bytes it is given.
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
      guard count >= 0 else {
        let number = errno
        close(descriptor)
        throw SystemError(errno: number)
      }
      rest = rest.dropFirst(count)
    }
    guard close(descriptor) == 0 else { throw SystemError(errno: errno) }
  }
}
