import Foundation
import WeldBytes
import WeldELF

/// Objects as GNU ld or LLVM's lld link them into a program, and where it put each of their sections.
struct StaticLink {
  enum Linker: String, Sendable {
    case gnu = "ld"
    case lld = "ld.lld-19"
  }

  /// A section of an input file.
  struct Input: Hashable {
    var file: String
    var section: String
  }

  /// Where the sections of each name are, in the order of their file: address and size, in bytes; none without bytes.
  private(set) var places: [Input: [(address: UInt64, byteCount: Int)]] = [:]
  /// The parts of the program that have contents: address, and bytes in the file.
  private var parts: [(address: UInt64, bytes: Range<Int>)] = []
  private let program: [UInt8]

  /// Links `objects`, called 0.o, 1.o and so on, into a program that begins at `base`.
  init(_ objects: [[UInt8]], by linker: Linker, at base: UInt64, relaxes: Bool) throws {
    let folder = try TemporaryFolder()
    for (number, object) in objects.enumerated() { try folder.write(object, to: "\(number).o") }
    try folder.write(Array(objects.indices.map { "\($0).o\n" }.joined().utf8), to: "objects")
    let start = "0x" + String(base, radix: 16)
    var arguments = ["-static", "-z", "norelro", "-e", "0", "-Map=map", "-o", "program", "@objects"]
    arguments.append(linker == .gnu ? "-Ttext-segment=\(start)" : "--image-base=\(start)")
    // Without -O0 lld merges equal strings; GNU ld always does, hence `withoutMerging`.
    if linker == .lld { arguments.append("-O0") }
    if !relaxes { arguments.append("--no-relax") }
    try Tool(linker.rawValue)(arguments, in: folder)
    program = try folder.read("program")
    let map = try folder.read("map")
    switch linker {
    case .gnu: readGNU(map)
    case .lld: readLLD(map)
    }
    let file = try ObjectFile(Bytes(program), name: "program", accepting: [.executable])
    for number in 1..<file.sectionCount {
      let section = file.section(at: SectionIndex(rawValue: UInt32(number)))
      guard section.flags.contains(.alloc), section.type != .nobits else { continue }
      parts.append((section.address, section.fileRange))
    }
  }

  /// Where the first section of this name of a file is.
  func address(of section: String, of file: String) throws -> UInt64 {
    guard let place = places[Input(file: file, section: section)]?.first else {
      throw LinkedImage.NoSection(name: section, file: file)
    }
    return place.address
  }

  /// The bytes that the program has at `address`; `nil` where it has none in its file.
  func bytes(at address: UInt64, count: Int) -> [UInt8]? {
    for part in parts where part.address <= address && part.bytes.count >= count {
      guard address - part.address <= UInt64(part.bytes.count - count) else { continue }
      let start = part.bytes.lowerBound + Int(address - part.address)
      return Array(program[start..<start + count])
    }
    return nil
  }

  /// Reads lld's map: address, load address, size, alignment, and eight blanks before `file:(section)`.
  private mutating func readLLD(_ map: [UInt8]) {
    for line in map.split(separator: UInt8(ascii: "\n")) where line.last == UInt8(ascii: ")") {
      let words = line.split(separator: UInt8(ascii: " "))
      guard words.count == 5, let colon = words[4].firstIndex(of: UInt8(ascii: ":")) else { continue }
      add(words[4][..<colon], words[4][(colon + 2)...].dropLast(), words[0], words[2])
    }
  }

  /// Reads GNU ld's map: a blank, then section, address, size and file; long names are on lines of their own.
  private mutating func readGNU(_ map: [UInt8]) {
    let blank = UInt8(ascii: " ")
    var section: ArraySlice<UInt8> = []
    for line in map.split(separator: UInt8(ascii: "\n")) where line.first == blank {
      var words = line.split(separator: blank)
      if line.dropFirst().first != blank {
        section = words.removeFirst()
        // A section without bytes or address of its own, or the name of one that goes on in the next line.
        guard words.count == 3 else { continue }
      }
      guard words.count == 3, words[0].starts(with: Array("0x".utf8)),
        words[2].suffix(2) == Array(".o".utf8)[...]
      else { continue }
      add(words[2], section, words[0].dropFirst(2), words[1].dropFirst(2))
    }
  }

  private mutating func add(
    _ file: ArraySlice<UInt8>, _ section: ArraySlice<UInt8>, _ address: ArraySlice<UInt8>,
    _ size: ArraySlice<UInt8>
  ) {
    func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }
    guard let address = UInt64(text(address), radix: 16), let byteCount = Int(text(size), radix: 16),
      byteCount > 0, address > 0
    else { return }
    places[Input(file: text(file), section: text(section)), default: []].append((address, byteCount))
  }

  /// A copy of an object whose strings and constants stay where they are: without `SHF_MERGE` and `SHF_STRINGS`.
  static func withoutMerging(_ object: ObjectFile, _ bytes: [UInt8]) -> [UInt8] {
    var changed = bytes
    for number in 0..<object.sectionCount {
      let flags = object.section(at: SectionIndex(rawValue: UInt32(number))).flags.subtracting([
        .merge, .strings,
      ])
      let header = Int(object.header.sectionHeaderOffset) + number * SectionHeader.byteCount
      changed.replace(at: header + 8, flags.rawValue, byteCount: 8)
    }
    return changed
  }
}
