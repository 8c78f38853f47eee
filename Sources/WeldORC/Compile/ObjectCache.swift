public import WeldBytes
internal import WeldMemory

/// Keeps objects that took long to compile. LLVM's `ObjectCache`.
///
/// May be asked by several threads at once. A cache has no way to fail: what it cannot keep or find is compiled.
public protocol ObjectCache: Sendable {
  /// The object under `key`, if it is there, whole, and the one that was stored.
  func object(for key: [UInt8]) -> Bytes?
  /// Keeps `object`, or does not.
  func store(_ object: Bytes, for key: [UInt8])
}

/// Objects in files of a folder, one each.
///
/// Files are written under another name and then moved to their own, so that nobody ever sees half of one, and
/// carry their key, their length, a checksum and the version of their format; what does not agree with all of that counts
/// as not there, and is replaced when the object was compiled. Several processes may share a folder. Nothing is ever deleted.
public struct DiskObjectCache: ObjectCache {
  private let folder: String
  private let report: @Sendable (String) -> Void

  /// - Parameters:
  ///   - folder: where the files are; made if it is not there.
  ///   - report: told why something could not be stored.
  /// - Throws: ``OrcError/objectCache(path:reason:)`` if there is no such folder and none can be made.
  public init(
    folder: String, report: @escaping @Sendable (String) -> Void = { _ in }
  ) throws(OrcError) {
    self.folder = folder
    self.report = report
    do {
      try OutputFile.makeFolder(folder)
    } catch {
      throw .objectCache(path: folder, reason: systemMessage(error.errno))
    }
  }

  public func object(for key: [UInt8]) -> Bytes? {
    guard let file = try? MappedFile.open(path(of: key)) else { return nil }
    return CacheEntry.contents(of: file, for: key)
  }

  public func store(_ object: Bytes, for key: [UInt8]) {
    let path = path(of: key)
    do throws(SystemError) {
      try OutputFile.replace(CacheEntry.bytes(of: object, for: key), at: path)
    } catch {
      report("\(path): \(systemMessage(error.errno)); the object is not kept")
    }
  }

  private func path(of key: [UInt8]) -> String {
    let hash = String(CacheEntry.checksum(of: key), radix: 16)
    return "\(folder)/\(String(repeating: "0", count: 16 - hash.count))\(hash).o"
  }
}

/// A file of a ``DiskObjectCache``: a mark with the version of the format, lengths of key and object, a checksum of both, the
/// key, the object; integers in little-endian order.
enum CacheEntry {
  private static let mark = Array("WeldObj1".utf8)
  private static let headerByteCount = 32

  static func bytes(of object: Bytes, for key: [UInt8]) -> [UInt8] {
    var bytes = mark
    bytes.append(UInt64(key.count), order: .little)
    bytes.append(UInt64(object.count), order: .little)
    let contents = [UInt8](copying: object.span)
    bytes.append(checksum(of: key + contents), order: .little)
    return bytes + key + contents
  }

  /// The object in `file`, if it is one for `key` and nothing is missing or changed.
  static func contents(of file: Bytes, for key: [UInt8]) -> Bytes? {
    // Views of bytes are only passed on: where they live across branches, Swift 6.3.1 without optimization releases the
    // owner of the bytes once too often.
    guard file.count >= headerByteCount + key.count, isSound([UInt8](copying: file.span), for: key) else {
      return nil
    }
    return try? file.extracting(headerByteCount + key.count..<file.count)
  }

  private static func isSound(_ bytes: [UInt8], for key: [UInt8]) -> Bool {
    let rest = bytes[headerByteCount...]
    return bytes.starts(with: mark) && integer(at: 8, of: bytes) == UInt64(key.count)
      && integer(at: 16, of: bytes) == UInt64(rest.count - key.count) && rest.starts(with: key)
      && integer(at: 24, of: bytes) == checksum(of: rest)
  }

  private static func integer(at offset: Int, of bytes: [UInt8]) -> UInt64 {
    bytes[offset..<offset + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// FNV-1a, 64 bits: against torn and damaged files, not against forgery.
  static func checksum(of bytes: some Sequence<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }
}
