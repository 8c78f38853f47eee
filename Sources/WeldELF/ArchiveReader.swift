internal import WeldBytes

/// Walks the members of an archive.
struct ArchiveReader {
  let name: String
  let isThin: Bool
  var members: [Archive.Member] = []
  var longNames: Range<Int> = 0..<0
  var index: ArchiveIndex?

  init(name: String, isThin: Bool) {
    self.name = name
    self.isThin = isThin
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
        index = index ?? ArchiveIndex(form: label.starts(with: "/ ") ? .gnu32 : .gnu64, contents: contents)
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
      index = index ?? ArchiveIndex(form: .bsd32, contents: contents)
    } else if found.equals("__.SYMDEF_64") || found.equals("__.SYMDEF_64 SORTED") {
      index = index ?? ArchiveIndex(form: .bsd64, contents: contents)
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
