internal import WeldBytes

extension ObjectFile {
  /// How many sections there are, including the reserved first one.
  @inlinable
  public var sectionCount: Int { header.sectionCount }

  /// The header of the section at `index`, which must be less than ``sectionCount``.
  public func section(at index: SectionIndex) -> SectionHeader {
    precondition(Int(index.rawValue) < sectionCount, "a section index beyond the last one")
    return SectionHeader(index, in: bytes.span, header)
  }

  /// Whether the section at `index`, which must be less than ``sectionCount``, is part of the program's memory (`SHF_ALLOC`), or
  /// relocates another one; without decoding all of its header.
  public func mayTakePart(_ index: SectionIndex) -> Bool {
    switch header.sectionType(index, of: bytes.span) {
    case .null: return false
    case .rela, .rel, .compactRelocations: return true
    default:
      let entry = header.sectionEntry(index, of: bytes.span)
      return SectionFlags(rawValue: entry.field(at: 8, order: header.byteOrder)).contains(.alloc)
    }
  }

  /// The bytes of a section's name, without the terminator.
  @_lifetime(borrow self)
  public func nameBytes(of section: SectionHeader) -> RawSpan {
    bytes.span.string(in: sectionNames, at: section.nameOffset)
  }

  /// The name of a section.
  public func name(of section: SectionHeader) -> String { String(decoding: nameBytes(of: section)) }

  /// The name of the section at `index`.
  public func sectionName(_ index: SectionIndex) -> String { name(of: section(at: index)) }

  /// The contents of a section: empty for one that takes no room in the file.
  @_lifetime(borrow self)
  public func contents(of section: SectionHeader) -> RawSpan { bytes.span.extracting(section.fileRange) }

  /// The entries of a relocation section (of type `REL` or `RELA`).
  @_lifetime(borrow self)
  public func relocations(in section: SectionHeader) -> RelocationTable {
    RelocationTable(
      bytes.span.extracting(section.fileRange), hasAddends: section.type == .rela, order: header.byteOrder)
  }
}

extension ObjectFile {
  /// The `count` entries, with addends, of the relocation section whose contents begin `offset` bytes from
  /// the start of the file.
  @_lifetime(borrow self)
  public func relocations(at offset: Int, count: Int) -> RelocationTable {
    RelocationTable(
      bytes.span.extracting(offset..<offset &+ count &* 24), hasAddends: true, order: header.byteOrder)
  }
}

// MARK: - Groups

/// A group of sections that are kept or dropped together (gABI, "Section Groups").
public struct SectionGroup: Equatable, Sendable {
  /// The section that describes the group.
  public var section: SectionIndex
  /// Whether only one group of the same signature is kept (`GRP_COMDAT`).
  public var isCOMDAT: Bool
  /// The symbol whose name is the group's signature.
  public var signature: SymbolIndex
  /// The sections of the group, including those of their relocations.
  public var members: [SectionIndex]
}

extension ObjectFile {
  /// The group that the section at `index`, one of ``groupSections``, describes.
  public func group(at index: SectionIndex) -> SectionGroup {
    let section = section(at: index)
    let words = contents(of: section)
    let word = { (number: Int, words: RawSpan) -> UInt32 in
      (try? words.load(at: number * 4, order: header.byteOrder)) ?? 0
    }
    return SectionGroup(
      section: index, isCOMDAT: word(0, words) & 1 != 0, signature: SymbolIndex(rawValue: section.info),
      members: (1..<max(words.byteCount / 4, 1)).map { SectionIndex(rawValue: word($0, words)) })
  }

  /// The bytes of a group's signature: the name of its symbol, or of the section that the symbol stands for.
  @_lifetime(borrow self)
  public func signatureBytes(of group: SectionGroup) -> RawSpan {
    let symbol = symbol(at: group.signature)
    if symbol.type == .section, case .section(let index) = symbol.place {
      return bytes.span.string(in: sectionNames, at: section(at: index).nameOffset)
    }
    return bytes.span.string(in: symbolNames, at: symbol.nameOffset)
  }
}
