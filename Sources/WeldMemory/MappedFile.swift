internal import Glibc
public import WeldBytes

/// Files mapped into memory, read-only.
public enum MappedFile {
  /// Maps the whole of the file at `path`. It stays mapped for as long as the bytes, or a part of them, are
  /// kept.
  ///
  /// A file that somebody shortens while it is mapped ends the process when the missing part is read, as for
  /// any mapped file.
  public static func open(_ path: String) throws(MemoryError) -> Bytes {
    let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .unreadable(path: path, errno: errno) }
    defer { close(descriptor) }
    var status = stat()
    guard unsafe fstat(descriptor, &status) == 0 else { throw .unreadable(path: path, errno: errno) }
    guard status.st_mode & S_IFMT != S_IFDIR else { throw .isDirectory(path: path) }
    guard status.st_mode & S_IFMT == S_IFREG else { return try read(descriptor, path) }
    let count = Int(status.st_size)
    // A file that only looks empty, as those of /proc do, still has something to read.
    guard count > 0 else { return try read(descriptor, path) }
    // A file of ordinary size comes cheaper at once than by a fault for each page; of a large archive much
    // may never be needed.
    let populate = count <= 32 << 20 ? Int32(MAP_POPULATE) : 0
    let address = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE | populate, descriptor, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw .unreadable(path: path, errno: errno)
    }
    // The mapping lives as long as its owner, and nobody writes to it.
    return unsafe Bytes(
      unsafeStart: UnsafeRawPointer(address), count: count, owner: Mapping(address: address, count: count))
  }

  /// Reads what cannot be mapped: a pipe, a terminal.
  private static func read(_ descriptor: Int32, _ path: String) throws(MemoryError) -> Bytes {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // The call writes at most as many bytes as the array has.
      let count = unsafe Glibc.read(descriptor, &chunk, chunk.count)
      guard count >= 0 else { throw .unreadable(path: path, errno: errno) }
      guard count > 0 else { return Bytes(bytes) }
      bytes.append(contentsOf: chunk[..<count])
    }
  }
}

/// A mapping that is undone with its last reference.
@safe
private final class Mapping: Sendable {
  // Only passed to `munmap`.
  nonisolated(unsafe) private let address: UnsafeMutableRawPointer
  private let count: Int

  init(address: UnsafeMutableRawPointer, count: Int) {
    unsafe self.address = address
    self.count = count
  }

  deinit {
    unsafe munmap(address, count)
  }
}
