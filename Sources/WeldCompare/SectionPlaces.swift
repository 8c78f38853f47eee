internal import WeldBytes

/// Reads the map files of static linkers.
enum SectionPlaces {
  /// Where a linker put a section of an object.
  struct Entry {
    var file: String
    var section: String
    var address: UInt64
    var byteCount: Int
  }

  private static let blank = UInt8(ascii: " ")
  private static let newline = UInt8(ascii: "\n")

  /// Reads lld's map: address, load address, size, alignment, and eight blanks before `file:(section)`.
  static func readLLD(_ map: [UInt8]) -> [Entry] {
    var entries: [Entry] = []
    for line in map.split(separator: newline) where line.last == UInt8(ascii: ")") {
      let words = line.split(separator: blank)
      guard words.count == 5, let colon = words[4].firstIndex(of: UInt8(ascii: ":")) else { continue }
      add(words[4][..<colon], words[4][(colon + 2)...].dropLast(), words[0], words[2], to: &entries)
    }
    return entries
  }

  /// Reads GNU ld's map: a blank, then section, address, size and file; long names are on lines of their own.
  static func readGNU(_ map: [UInt8]) -> [Entry] {
    var entries: [Entry] = []
    var section: ArraySlice<UInt8> = []
    for line in map.split(separator: newline) where line.first == blank {
      var words = line.split(separator: blank)
      if line.dropFirst().first != blank {
        section = words.removeFirst()
        // A section without bytes or address of its own, or the name of one that goes on in the next line.
        guard words.count == 3 else { continue }
      }
      guard words.count == 3, words[0].starts(with: "0x".utf8) else { continue }
      add(words[2], section, words[0].dropFirst(2), words[1].dropFirst(2), to: &entries)
    }
    return entries
  }

  /// What lies at address 0 is not loaded, or was dropped.
  private static func add(
    _ file: ArraySlice<UInt8>, _ section: ArraySlice<UInt8>, _ address: ArraySlice<UInt8>,
    _ size: ArraySlice<UInt8>, to entries: inout [Entry]
  ) {
    func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
    guard file.suffix(2).elementsEqual(".o".utf8), let address = UInt64(text(address), radix: 16),
      let byteCount = Int(text(size), radix: 16), address > 0
    else { return }
    entries.append(Entry(file: text(file), section: text(section), address: address, byteCount: byteCount))
  }
}
