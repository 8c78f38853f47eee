internal import WeldBytes
internal import WeldELF

/// A program that another linker made: its bytes, and where it put the sections of the objects.
struct PeerImage {
  /// Where each section of each object is, and how large; by file, then by name.
  private(set) var places: [String: [String: Place]] = [:]
  /// What formulas call `GOT`.
  private(set) var gotBase: UInt64 = 0
  /// The addresses of the program's symbols.
  private(set) var symbols: [String: UInt64] = [:]
  /// The resolvers whose results the words at these addresses hold.
  private(set) var resolvers: [UInt64: UInt64] = [:]
  /// The end of everything.
  private(set) var end: UInt64 = 0
  private let program: [UInt8]
  private let byteOrder: ByteOrder
  /// What has contents: address, and bytes in the file.
  private var parts: [(address: UInt64, bytes: Range<Int>)] = []
  /// Where sections of objects are, in the order of their addresses.
  private var ranges: [Range<UInt64>] = []

  /// Where a section is.
  struct Place {
    var address: UInt64
    var byteCount: Int
  }

  /// Reads an executable.
  init(program: Bytes, places: [SectionPlaces.Entry], idioms: any Idioms.Type) throws(PeerProblem) {
    self.program = [UInt8](copying: program.span)
    let file: ObjectFile
    do {
      file = try ObjectFile(program, name: "program", accepting: [.executable])
    } catch {
      throw PeerProblem("\(error)")
    }
    byteOrder = file.header.byteOrder
    add(places)
    readSections(file, idioms)
    if let place = self.places[Preparation.externals]?[Preparation.baseSection] {
      gotBase = word(at: place.address) ?? 0
    }
  }

  /// Takes bytes that were read out of a running linker.
  ///
  /// - Parameters:
  ///   - chunks: bytes at their addresses: of sections in `places`, of slots, of stubs.
  ///   - symbols: the addresses of symbols that the linker was told.
  init(
    chunks: [(address: UInt64, bytes: [UInt8])], places: [SectionPlaces.Entry], symbols: [String: UInt64],
    gotBase: UInt64, byteOrder: ByteOrder
  ) {
    var program: [UInt8] = []
    for chunk in chunks {
      parts.append((chunk.address, program.count..<program.count + chunk.bytes.count))
      program += chunk.bytes
      end = max(end, chunk.address &+ UInt64(chunk.bytes.count))
    }
    self.program = program
    self.symbols = symbols
    self.gotBase = gotBase
    self.byteOrder = byteOrder
    add(places)
  }

  private mutating func add(_ entries: [SectionPlaces.Entry]) {
    for entry in entries {
      places[entry.file, default: [:]][entry.section] = Place(
        address: entry.address, byteCount: entry.byteCount)
      end = max(end, entry.address &+ UInt64(entry.byteCount))
    }
    ranges = entries.filter { $0.byteCount > 0 }
      .map { $0.address..<$0.address &+ UInt64($0.byteCount) }.sorted { $0.lowerBound < $1.lowerBound }
  }

  private mutating func readSections(_ file: ObjectFile, _ idioms: any Idioms.Type) {
    for number in 1..<max(file.sectionCount, 1) {
      let section = file.section(at: SectionIndex(rawValue: UInt32(number)))
      if section.type == .rela {
        let table = file.relocations(in: section)
        for entry in 0..<table.count where table[entry].type == idioms.indirectRelocation {
          resolvers[table[entry].offset] = UInt64(bitPattern: table[entry].addend)
        }
      }
      if section.type == .symbolTable { readSymbols(file, section) }
      guard section.flags.contains(.alloc) else { continue }
      end = max(end, section.address &+ section.size)
      if section.type != .nobits { parts.append((section.address, section.fileRange)) }
    }
  }

  /// Reads the static symbol table, whose structure nobody has proven yet.
  private mutating func readSymbols(_ file: ObjectFile, _ table: SectionHeader) {
    guard Int(table.link) < file.sectionCount else { return }
    let names = program[file.section(at: SectionIndex(rawValue: table.link)).fileRange]
    for start in stride(from: table.fileRange.lowerBound, to: table.fileRange.upperBound - 23, by: 24) {
      let name = names.startIndex + Int(program.integer(at: start, byteCount: 4, byteOrder))
      guard name < names.endIndex, program.integer(at: start + 6, byteCount: 2, byteOrder) != 0 else {
        continue
      }
      let text = String(decoding: names[name...].prefix { $0 != 0 }, as: UTF8.self)
      symbols[text] = program.integer(at: start + 8, byteCount: 8, byteOrder)
    }
  }

  /// The bytes at `address`; `nil` where the program has none in its file.
  func bytes(at address: UInt64, count: Int) -> [UInt8]? {
    for part in parts where part.address <= address && part.bytes.count >= count {
      guard address - part.address <= UInt64(part.bytes.count - count) else { continue }
      let start = part.bytes.lowerBound + Int(address - part.address)
      return Array(program[start..<start + count])
    }
    return nil
  }

  /// The word of 8 bytes at `address`.
  func word(at address: UInt64) -> UInt64? {
    bytes(at: address, count: 8)?.integer(at: 0, byteCount: 8, byteOrder)
  }

  /// Whether a section of an object has the byte at `address`.
  func isFromObject(_ address: UInt64) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].lowerBound <= address { low = middle + 1 } else { high = middle }
    }
    return low > 0 && ranges[low - 1].contains(address)
  }
}
