internal import WeldBytes

/// The part of an archive that says which member defines which symbol.
struct ArchiveIndex: Sendable {
  var form: Form
  /// Where it is, in bytes from the archive's start.
  var contents: Range<Int>

  /// How a symbol index is written.
  enum Form: Sendable {
    /// Member `/`: big endian, 32 bits.
    case gnu32
    /// Member `/SYM64/`: big endian, 64 bits.
    case gnu64
    /// Member `__.SYMDEF`: pairs of 32 bits, in the byte order of the machine that wrote it.
    case bsd32
    /// Member `__.SYMDEF_64`: pairs of 64 bits, likewise.
    case bsd64
  }

  /// Reads the entries; `name` is what errors call the archive.
  func entries(
    of archive: RawSpan, members: [Archive.Member], in name: String
  ) throws(ELFError) -> [Archive.IndexEntry] {
    let reader = Reader(contents: contents, finder: MemberFinder(members: members), name: name)
    do {
      switch form {
      case .gnu32: return try reader.readGNU(archive, as: UInt32.self)
      case .gnu64: return try reader.readGNU(archive, as: UInt64.self)
      case .bsd32: return try reader.readBSD(archive, as: UInt32.self)
      case .bsd64: return try reader.readBSD(archive, as: UInt64.self)
      }
    } catch let error as ELFError {
      throw error
    } catch {
      throw ELFError(
        .truncated(needed: UInt64(contents.count) + 1, available: UInt64(contents.count)), in: name,
        at: .archiveIndex)
    }
  }
}

private struct Reader {
  let contents: Range<Int>
  let finder: MemberFinder
  let name: String

  /// A count, as many member offsets, as many names.
  func readGNU<Word: FixedWidthInteger & BitwiseCopyable & Sendable>(
    _ archive: RawSpan, as _: Word.Type
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
    var entries: [Archive.IndexEntry] = []
    entries.reserveCapacity(count)
    var nameOffset = width + count * width
    for number in 0..<count {
      let offset: Word = try table.load(at: width + number * width, order: .big)
      let symbol = try table.name(at: nameOffset)
      entries.append(
        try entry(symbol, at: contents.lowerBound + nameOffset, member: UInt64(offset)))
      nameOffset += symbol.byteCount + 1
    }
    return entries
  }

  /// The size of an array of (name offset, member offset), the array, the size of the names, the names.
  func readBSD<Word: FixedWidthInteger & BitwiseCopyable & Sendable>(
    _ archive: RawSpan, as _: Word.Type
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
    var entries: [Archive.IndexEntry] = []
    entries.reserveCapacity(byteCount / (2 * width))
    for at in stride(from: width, to: width + byteCount, by: 2 * width) {
      let nameOffset: Word = try table.load(at: at, order: order)
      let member: Word = try table.load(at: at + width, order: order)
      // An offset past the table's end finds no name, however far past it is.
      let start = names + Int(min(UInt64(nameOffset), UInt64(table.byteCount)))
      let symbol = try table.name(at: start)
      entries.append(try entry(symbol, at: contents.lowerBound + start, member: UInt64(member)))
    }
    return entries
  }

  private func entry(
    _ symbol: HashedName, at nameOffset: Int, member: UInt64
  ) throws(ELFError) -> Archive.IndexEntry {
    guard let position = finder.position(ofHeaderAt: member) else {
      throw ELFError(
        .outOfRange(
          field: "member offset", value: member,
          allowed: 8...UInt64(max(finder.members.last?.headerOffset ?? 8, 8))),
        in: name, at: .archiveIndex)
    }
    return Archive.IndexEntry(
      name: nameOffset..<nameOffset + symbol.byteCount, hash: symbol.hash, member: position)
  }
}

/// Finds members by where their headers begin; members are in ascending order.
private struct MemberFinder {
  let members: [Archive.Member]

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
