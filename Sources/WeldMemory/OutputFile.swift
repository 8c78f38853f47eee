internal import Glibc
internal import Synchronization

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

  /// Writes a file, or replaces it: others see all of the old one or all of the new one.
  package static func replace(_ bytes: [UInt8], at path: String) throws(SystemError) {
    let number = replacementCount.add(1, ordering: .relaxed).newValue
    // In the same folder, so that it can be moved without being copied.
    let new = "\(path).\(getpid()).\(number).new"
    do throws(SystemError) {
      try write(bytes, to: new)
      // The paths are texts that end with a zero byte, for the length of the calls.
      guard unsafe rename(new, path) == 0 else { throw SystemError(errno: errno) }
    } catch {
      unsafe unlink(new)
      throw error
    }
  }

  /// Makes a folder, unless it is there.
  package static func makeFolder(_ path: String) throws(SystemError) {
    // The path is a text that ends with a zero byte, for the length of the calls.
    guard unsafe mkdir(path, 0o777) != 0 else { return }
    guard errno == EEXIST else { throw SystemError(errno: errno) }
    var status = stat()
    // The call writes only to `status`.
    guard unsafe stat(path, &status) == 0 else { throw SystemError(errno: errno) }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw SystemError(errno: ENOTDIR) }
  }
}

/// Tells the files of the threads of this process apart.
private let replacementCount = Atomic(0)
