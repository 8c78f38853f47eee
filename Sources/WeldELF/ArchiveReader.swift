internal import WeldBytes

/// Walks the members of an archive and reads its symbol index.
struct ArchiveReader {
  let name: String
  let isThin: Bool
  var members: [Archive.Member] = []
  var longNames: Range<Int> = 0..<0
  private var index: (kind: IndexKind, contents: Range<Int>)?

  init(name: String, isThin: Bool) {
    self.name = name
    self.isThin = isThin
  }

  /// How a symbol index is written.
  private enum IndexKind {
    /// Member `/`: big endian, 32 bits.
    case gnu32
    /// Member `/SYM64/`: big endian, 64 bits.
    case gnu64
    /// Member `__.SYMDEF`: pairs of 32 bits, in the byte order of the machine that wrote it.
    case bsd32
    /// Member `__.SYMDEF_64`: pairs of 64 bits, likewise.
    case bsd64
  }

  /// Bytes a member's header takes.
  private static let headerByteCount = 60

  /// Walks the headers from the first to the last.
  mutating func readMembers(_ archive: RawSpan) throws(ELFError) {
    var position = 8
    while position < archive.byteCount {
      guard archive.byteCount - position >= Self.headerByteCount else {
        throw error(
          .truncated(needed: UInt64(position + Self.headerByteCount), available: UInt64(archive.byteCount)),
          position)
      }
      let header = archive.extracting(position..<position + Self.headerByteCount)
      guard header.extracting(58..<60).equals("`\n") else { throw error(.badMemberHeader, position) }
      let size = try number(header.extracting(48..<58), field: "ar_size", position)
      let start = position + Self.headerByteCount
      let label = header.extracting(0..<16)

      let isIndex = label.starts(with: "/ ") || label.starts(with: "/SYM64/ ")
      let isLongNames = label.starts(with: "// ")
      // A thin archive holds only its tables; every other member lies elsewhere.
      let stored = isThin && !isIndex && !isLongNames ? 0 : size
      guard stored <= archive.byteCount - start else {
        throw error(
          .outside(
            what: "contents", offset: UInt64(start), byteCount: UInt64(stored),
            fileByteCount: UInt64(archive.byteCount)), position)
      }
      let contents = start..<start + stored
      if isIndex {
        index = index ?? (label.starts(with: "/ ") ? .gnu32 : .gnu64, contents)
      } else if isLongNames {
        longNames = contents
      } else {
        try addMember(archive, label: label, at: position, contents: contents)
      }
      // Members begin at even offsets.
      position = contents.upperBound + (contents.upperBound & 1)
    }
  }

  /// Adds a member whose name is in its header, in the table of long names, or before its contents.
  private mutating func addMember(
    _ archive: RawSpan, label: RawSpan, at position: Int, contents: Range<Int>
  ) throws(ELFError) {
    var contents = contents
    let nameRange: Range<Int>
    if label.starts(with: "#1/") {
      let count = try number(label.extracting(3..<16), field: "BSD name length", position)
      guard count <= contents.count else {
        throw error(
          .outside(
            what: "BSD name", offset: UInt64(contents.lowerBound), byteCount: UInt64(count),
            fileByteCount: UInt64(archive.byteCount)), position)
      }
      let padded = contents.lowerBound..<contents.lowerBound + count
      nameRange =
        padded.lowerBound..<padded.lowerBound + length(of: archive.extracting(padded), endingAt: [0])
      contents = padded.upperBound..<contents.upperBound
    } else if label.starts(with: "/") {
      let offset = try number(label.extracting(1..<16), field: "long name offset", position)
      guard offset < longNames.count else {
        throw error(
          .outOfRange(
            field: "long name offset", value: UInt64(offset),
            allowed: 0...UInt64(max(longNames.count, 1) - 1)), position)
      }
      let rest = longNames.lowerBound + offset..<longNames.upperBound
      var count = length(of: archive.extracting(rest), endingAt: [0x0a, 0])
      let last: UInt8? = count > 0 ? try? archive.load(at: rest.lowerBound + count - 1, order: .little) : nil
      if last == UInt8(ascii: "/") { count -= 1 }
      nameRange = rest.lowerBound..<rest.lowerBound + count
    } else {
      // GNU ends a short name with a slash; BSD and others only pad it with spaces.
      let slash = length(of: label, endingAt: [UInt8(ascii: "/")])
      let count = slash < 16 ? slash : length(of: label, endingAt: [UInt8(ascii: " ")])
      nameRange = position..<position + count
    }
    let found = archive.extracting(nameRange)
    if found.equals("__.SYMDEF") || found.equals("__.SYMDEF SORTED") {
      index = index ?? (.bsd32, contents)
    } else if found.equals("__.SYMDEF_64") || found.equals("__.SYMDEF_64 SORTED") {
      index = index ?? (.bsd64, contents)
    } else {
      members.append(Archive.Member(headerOffset: position, contents: contents, nameRange: nameRange))
    }
  }

  /// How many bytes of `span` come before the first of `terminators`.
  private func length(of span: RawSpan, endingAt terminators: [UInt8]) -> Int {
    var count = 0
    while count < span.byteCount, let byte: UInt8 = try? span.load(at: count, order: .little),
      !terminators.contains(byte)
    {
      count += 1
    }
    return count
  }

  /// Reads a decimal number that spaces may follow.
  private func number(_ digits: RawSpan, field: String, _ position: Int) throws(ELFError) -> Int {
    let count = length(of: digits, endingAt: [UInt8(ascii: " ")])
    var value = 0
    for offset in 0..<count {
      let byte: UInt8 = (try? digits.load(at: offset, order: .little)) ?? 0
      guard byte >= 0x30, byte <= 0x39 else {
        throw error(.badNumber(field: field, text: String(decoding: digits)), position)
      }
      // At most 15 digits, which fit.
      value = value * 10 + Int(byte - 0x30)
    }
    guard count > 0 else { throw error(.badNumber(field: field, text: String(decoding: digits)), position) }
    return value
  }

  private func error(_ reason: ELFError.Reason, _ position: Int) -> ELFError {
    ELFError(reason, in: name, at: .member(offset: position))
  }
}

// MARK: - The symbol index

extension ArchiveReader {
  /// Reads the symbol index, if the archive has one.
  func readIndex(_ archive: RawSpan) throws(ELFError) -> [Archive.IndexEntry]? {
    guard let index else { return nil }
    do {
      switch index.kind {
      case .gnu32: return try readGNU(archive, index.contents, as: UInt32.self)
      case .gnu64: return try readGNU(archive, index.contents, as: UInt64.self)
      case .bsd32: return try readBSD(archive, index.contents, as: UInt32.self)
      case .bsd64: return try readBSD(archive, index.contents, as: UInt64.self)
      }
    } catch let error as ELFError {
      throw error
    } catch {
      throw ELFError(
        .truncated(needed: UInt64(index.contents.count) + 1, available: UInt64(index.contents.count)),
        in: name, at: .archiveIndex)
    }
  }

  /// A count, as many member offsets, as many names.
  private func readGNU<Word: FixedWidthInteger & BitwiseCopyable & Sendable>(
    _ archive: RawSpan, _ contents: Range<Int>, as _: Word.Type
  ) throws -> [Archive.IndexEntry] {
    let table = archive.extracting(contents)
    let width = MemoryLayout<Word>.size
    let stored: Word = try table.load(at: 0, order: .big)
    guard let count = Int(exactly: stored), count <= (table.byteCount - width) / width else {
      throw ELFError(
        .outOfRange(
          field: "number of symbols", value: UInt64(truncatingIfNeeded: stored),
          allowed: 0...UInt64(max(table.byteCount - width, 0) / width)), in: name, at: .archiveIndex)
    }
    let finder = MemberFinder(members)
    var entries: [Archive.IndexEntry] = []
    entries.reserveCapacity(count)
    var nameOffset = width + count * width
    for number in 0..<count {
      let offset: Word = try table.load(at: width + number * width, order: .big)
      let symbol = try table.name(at: nameOffset)
      entries.append(
        try entry(symbol, at: contents.lowerBound + nameOffset, member: UInt64(offset), finder))
      nameOffset += symbol.byteCount + 1
    }
    return entries
  }

  /// The size of an array of (name offset, member offset), the array, the size of the names, the names.
  private func readBSD<Word: FixedWidthInteger & BitwiseCopyable & Sendable>(
    _ archive: RawSpan, _ contents: Range<Int>, as _: Word.Type
  ) throws -> [Archive.IndexEntry] {
    let table = archive.extracting(contents)
    let width = MemoryLayout<Word>.size
    // Nothing states the byte order; the right one makes the array fit.
    let little: Word = try table.load(at: 0, order: .little)
    let order: ByteOrder = UInt64(little) <= UInt64(table.byteCount - width) ? .little : .big
    let stored: Word = try table.load(at: 0, order: order)
    let room = max(table.byteCount - 2 * width, 0)
    guard let byteCount = Int(exactly: stored), byteCount <= room, byteCount % (2 * width) == 0 else {
      throw ELFError(
        .outOfRange(field: "size of the symbol index", value: UInt64(stored), allowed: 0...UInt64(room)),
        in: name, at: .archiveIndex)
    }
    let names = 2 * width + byteCount
    let finder = MemberFinder(members)
    var entries: [Archive.IndexEntry] = []
    entries.reserveCapacity(byteCount / (2 * width))
    for at in stride(from: width, to: width + byteCount, by: 2 * width) {
      let nameOffset: Word = try table.load(at: at, order: order)
      let member: Word = try table.load(at: at + width, order: order)
      // An offset past the table's end finds no name, however far past it is.
      let start = names + Int(min(UInt64(nameOffset), UInt64(table.byteCount)))
      let symbol = try table.name(at: start)
      entries.append(try entry(symbol, at: contents.lowerBound + start, member: UInt64(member), finder))
    }
    return entries
  }

  private func entry(
    _ symbol: HashedName, at nameOffset: Int, member: UInt64, _ finder: MemberFinder
  ) throws(ELFError) -> Archive.IndexEntry {
    guard let position = finder.position(ofHeaderAt: member) else {
      throw ELFError(
        .outOfRange(
          field: "member offset", value: member, allowed: 8...UInt64(max(members.last?.headerOffset ?? 8, 8))),
        in: name, at: .archiveIndex)
    }
    return Archive.IndexEntry(
      name: nameOffset..<nameOffset + symbol.byteCount, hash: symbol.hash, member: position)
  }

  /// Finds members by where their headers begin; members are in ascending order.
  private struct MemberFinder {
    let members: [Archive.Member]
    init(_ members: [Archive.Member]) { self.members = members }

    func position(ofHeaderAt offset: UInt64) -> Int? {
      var low = 0
      var high = members.count
      while low < high {
        let middle = (low + high) / 2
        let found = UInt64(members[middle].headerOffset)
        if found == offset { return middle }
        if found < offset { low = middle + 1 } else { high = middle }
      }
      return nil
    }
  }
}
