import FoundationEssentials
import Glibc
import Weld

/// A file or folder that is written under another name, beside the one that it will have, so that it appears
/// whole or not at all.
struct StagedOutput {
  /// Where it will be, as errors call it.
  private let path: String
  /// The same without symbolic links.
  private let destination: String
  /// Where it is until then, in the same folder.
  let temporary: String
  private var isPublished = false

  /// Names an output; nothing is written yet.
  private init(path: String) {
    self.path = path
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    // The result is the caller's to free.
    if let resolved = unsafe realpath(path, nil) {
      path = unsafe String(cString: resolved)
      unsafe free(resolved)
    }
    destination = path
    let name = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
    temporary = path[..<name] + ".\(path[name...]).weld-\(getpid())"
  }

  /// Writes a file that may be executed.
  init(executable bytes: [UInt8], at path: String) throws(OutputError) {
    self.init(path: path)
    if let mode = Self.mode(of: destination), mode & S_IFMT != S_IFREG { throw .notRegular(path: path) }
    do {
      try OutputFile.write(bytes, to: temporary, mode: 0o777)
    } catch {
      discard()
      throw .notWritten(path: path, errno: error.errno)
    }
  }

  /// Writes a folder of files.
  ///
  /// - Parameter mayReplace: whether a folder with files of these names may be replaced.
  init(
    folder files: [(name: String, bytes: [UInt8])], at path: String, mayReplace: (Set<String>) -> Bool
  ) throws(OutputError) {
    self.init(path: path)
    if let mode = Self.mode(of: destination) {
      guard mode & S_IFMT == S_IFDIR else { throw .notFolder(path: path) }
      let names = Set((try? FileManager.default.contentsOfDirectory(atPath: destination)) ?? [])
      guard names.isEmpty || mayReplace(names) else { throw .inUse(path: path) }
    }
    do throws(SystemError) {
      guard unsafe mkdir(temporary, 0o777) == 0 else { throw SystemError(errno: errno) }
      for file in files { try OutputFile.write(file.bytes, to: temporary + "/" + file.name, mode: 0o666) }
    } catch {
      discard()
      throw .notWritten(path: path, errno: error.errno)
    }
  }

  private static func mode(of path: String) -> mode_t? {
    var status = stat()
    // The call fills in the structure.
    return unsafe stat(path, &status) == 0 ? status.st_mode : nil
  }

  /// Puts the output where it was wanted, in place of what is there.
  mutating func publish() throws(OutputError) {
    let old = temporary + "-old"
    // A folder can only take the place of an empty one, so what is there makes room.
    let hadFolder = Self.mode(of: destination).map { $0 & S_IFMT == S_IFDIR } ?? false
    if hadFolder, unsafe rename(destination, old) != 0 { throw .notWritten(path: path, errno: errno) }
    guard unsafe rename(temporary, destination) == 0 else {
      let number = errno
      if hadFolder { _ = unsafe rename(old, destination) }
      throw .notWritten(path: path, errno: number)
    }
    isPublished = true
    if hadFolder { try? FileManager.default.removeItem(atPath: old) }
  }

  /// Removes what was written.
  func discard() {
    try? FileManager.default.removeItem(atPath: isPublished ? destination : temporary)
  }
}
