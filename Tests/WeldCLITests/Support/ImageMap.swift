import Foundation
import Testing

/// `map.json`, with the keys that `docs/weld-command.md` promises.
struct ImageMap: Decodable {
  var machine: String
  var byte_order: String
  var toc_base: String?
  var got_base: String?
  var sections: [Section]
  var symbols: [Symbol]
  var got: [Slot]
  var stubs: [Stub]
  var relocations: [Relocation]

  struct Section: Decodable {
    var file: String
    var index: Int?
    var name, address: String
    var size: Int
    var protection: String
    var bytes: String?
  }

  struct Symbol: Decodable {
    var name, file, address: String
    var section_position: Int?
    var size: UInt64
    var binding, type: String
  }

  struct Slot: Decodable {
    var file, symbol: String
    var addend: Int64
    var kind, address: String
  }

  struct Stub: Decodable {
    var file, section, symbol, kind, address: String
    var size: Int
    var target: String
  }

  struct Relocation: Decodable {
    var file, section: String
    var section_position: Int
    var offset: Int
    var type, symbol: String
    var addend: Int64
    var via, target: String
    var relaxed: Bool
    var inputs: [String: String]
    var change_offset: Int
    var before, after: String
  }
}

/// An image that `weld link` wrote.
struct Image {
  let folder: URL
  let map: ImageMap

  init(at path: String) throws {
    folder = URL(filePath: path)
    map = try JSONDecoder().decode(ImageMap.self, from: Data(contentsOf: folder.appending(path: "map.json")))
  }

  /// The only section of this name, among those of `file` if that is given.
  func section(_ name: String, of file: String? = nil) throws -> ImageMap.Section {
    let found = map.sections.filter { $0.name == name && (file == nil || $0.file == file) }
    try #require(found.count == 1, "\(name): \(found.count) sections")
    return found[0]
  }

  /// The final bytes of a section; none for zeros.
  func bytes(of section: ImageMap.Section) throws -> [UInt8] {
    try section.bytes.map { Array(try Data(contentsOf: folder.appending(path: $0))) } ?? []
  }

  /// The relocation of the only section of this name at `offset`.
  func relocation(_ section: String, at offset: Int) throws -> ImageMap.Relocation {
    let found = map.relocations.filter { $0.section == section && $0.offset == offset }
    try #require(found.count == 1, "\(section)+\(offset): \(found.count) relocations")
    return found[0]
  }

  /// The only symbol of this name.
  func symbol(_ name: String) throws -> ImageMap.Symbol {
    let found = map.symbols.filter { $0.name == name }
    try #require(found.count == 1, "\(name): \(found.count) symbols")
    return found[0]
  }
}

/// The number in a string like `0x1f`.
func number(_ text: String) throws -> UInt64 {
  try #require(text.hasPrefix("0x"))
  return try #require(UInt64(text.dropFirst(2), radix: 16))
}

/// Two digits for each byte.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { String(0x100 + Int($0), radix: 16).dropFirst() }.joined()
}
