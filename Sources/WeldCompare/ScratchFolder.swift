internal import Glibc
internal import WeldBytes
internal import WeldMemory

/// A folder for the files of another program, gone when nobody needs it any more.
final class ScratchFolder: Sendable {
  /// Its path.
  let path: String

  init() throws(PeerProblem) {
    // The text is copied before anybody else can change the environment.
    let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/weld-compare-XXXXXX".utf8CString)
    // The call changes only the last characters of the template.
    guard unsafe mkdtemp(&template) != nil else { throw PeerProblem("\(parent): \(systemMessage(errno))") }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    // The stream and its entries are only used here.
    if let stream = unsafe opendir(path) {
      while let entry = unsafe readdir(stream) {
        // Names end with a zero byte; those of this folder and its parent cannot be removed.
        let name = unsafe withUnsafePointer(to: &entry.pointee.d_name.0) { unsafe String(cString: $0) }
        unsafe unlink("\(path)/\(name)")
      }
      unsafe closedir(stream)
    }
    unsafe rmdir(path)
  }

  /// Writes a file, in place of an earlier one.
  func write(_ bytes: [UInt8], to name: String) throws(PeerProblem) {
    // The text lives as long as the call.
    unsafe unlink("\(path)/\(name)")
    do {
      try OutputFile.write(bytes, to: "\(path)/\(name)")
    } catch {
      throw PeerProblem("\(path)/\(name): \(error)")
    }
  }

  /// The contents of a file.
  func read(_ name: String) throws(PeerProblem) -> Bytes {
    do {
      return try MappedFile.open("\(path)/\(name)")
    } catch {
      throw PeerProblem("\(error)")
    }
  }
}

/// Why another linker gave no program to compare with.
struct PeerProblem: Error {
  /// One line.
  var text: String

  init(_ text: String) { self.text = text }
}
