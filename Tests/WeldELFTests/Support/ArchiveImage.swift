import WeldBytes
import WeldELF

/// An archive put together byte by byte, right or wrong.
struct ArchiveImage {
  var bytes: [UInt8]

  init(thin: Bool = false) { bytes = Array((thin ? "!<thin>\n" : "!<arch>\n").utf8) }

  /// An archive with the members that `fill` adds.
  static func bytes(thin: Bool = false, _ fill: (inout ArchiveImage) -> Void) -> [UInt8] {
    var image = ArchiveImage(thin: thin)
    fill(&image)
    return image.bytes
  }

  /// Adds a header and, unless the archive is thin, contents; returns where the header begins.
  @discardableResult
  mutating func add(
    _ label: String, _ contents: [UInt8] = [], size: String? = nil, mark: String = "`\n"
  ) -> Int {
    if bytes.count % 2 == 1 { bytes.append(0x0a) }
    let start = bytes.count
    for (text, count) in [
      (label, 16), ("0", 12), ("0", 6), ("0", 6), ("644", 8), (size ?? String(contents.count), 10), (mark, 2),
    ] {
      bytes +=
        Array(text.utf8.prefix(count)) + [UInt8](repeating: 0x20, count: max(count - text.utf8.count, 0))
    }
    bytes += contents
    return start
  }

  /// Adds an integer.
  mutating func store(_ value: UInt64, byteCount: Int, at offset: Int, _ order: ByteOrder) {
    bytes.replaceSubrange(offset..<offset + byteCount, with: words(order, (value, byteCount)))
  }

  /// Contents of the two members of the archives below; the first has an odd size.
  static let contents: [[UInt8]] = [Array("odd".utf8), Array("even".utf8)]
  /// Their names, a short and a long one.
  static let names = ["short.o", "a_name_of_more_than_fifteen_bytes.o"]

  /// GNU's format, with an index of 32 or 64 bits: `first` in member 0, `second` and `third` in member 1.
  static func gnu(wide: Bool) -> TestFile {
    var image = ArchiveImage()
    let width = wide ? 8 : 4
    let names = Array("first\0second\0third\0".utf8)
    let index = image.add(wide ? "/SYM64/" : "/", [UInt8](repeating: 0, count: 4 * width) + names)
    image.add("//", Array("\(Self.names[1])/\n".utf8))
    let first = image.add("\(Self.names[0])/", contents[0])
    let second = image.add("/0", contents[1])
    for (number, value) in [3, first, second, second].enumerated() {
      image.store(UInt64(value), byteCount: width, at: index + 60 + number * width, .big)
    }
    return TestFile(name: wide ? "gnu64.a" : "gnu.a", contents: image.bytes)
  }

  /// BSD's format with the same members and symbols.
  static func bsd(_ order: ByteOrder, wide: Bool = false) -> TestFile {
    var image = ArchiveImage()
    let width = wide ? 8 : 4
    let label = wide ? "__.SYMDEF_64" : "__.SYMDEF SORTED"
    let names = Array("first\0second\0third\0".utf8)
    let table = image.add(label, [UInt8](repeating: 0, count: 8 * width) + names) + 60
    let first = image.add("\(Self.names[0])", contents[0])
    let second = image.add("#1/36", Array(Self.names[1].utf8) + [0] + contents[1])
    let pairs = [0, first, 6, second, 13, second]
    for (number, value) in ([pairs.count * width] + pairs + [names.count]).enumerated() {
      image.store(UInt64(value), byteCount: width, at: table + number * width, order)
    }
    return TestFile(name: "bsd\(wide ? "64" : ""), \(order) endian.a", contents: image.bytes)
  }

  /// A thin archive of the same members, without an index.
  static func thin() -> TestFile {
    var image = ArchiveImage(thin: true)
    image.add("//", Array("\(Self.names[0])/\n\(Self.names[1])/\n".utf8))
    image.add("/0", size: "3")
    image.add("/9", size: "4")
    return TestFile(name: "thin.a", contents: image.bytes)
  }
}

extension [UInt8] {
  /// So many zero bytes.
  static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}
