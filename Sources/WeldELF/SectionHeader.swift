internal import WeldBytes

/// What a section holds (`sh_type`).
public struct SectionType: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt32
  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  @inlinable public static var null: SectionType { SectionType(rawValue: 0) }
  @inlinable public static var progbits: SectionType { SectionType(rawValue: 1) }
  @inlinable public static var symbolTable: SectionType { SectionType(rawValue: 2) }
  @inlinable public static var stringTable: SectionType { SectionType(rawValue: 3) }
  @inlinable public static var rela: SectionType { SectionType(rawValue: 4) }
  @inlinable public static var hash: SectionType { SectionType(rawValue: 5) }
  @inlinable public static var dynamic: SectionType { SectionType(rawValue: 6) }
  @inlinable public static var note: SectionType { SectionType(rawValue: 7) }
  /// `SHT_NOBITS`: zeros that take no room in the file.
  @inlinable public static var nobits: SectionType { SectionType(rawValue: 8) }
  @inlinable public static var rel: SectionType { SectionType(rawValue: 9) }
  @inlinable public static var dynamicSymbolTable: SectionType { SectionType(rawValue: 11) }
  @inlinable public static var initArray: SectionType { SectionType(rawValue: 14) }
  @inlinable public static var finiArray: SectionType { SectionType(rawValue: 15) }
  @inlinable public static var preinitArray: SectionType { SectionType(rawValue: 16) }
  @inlinable public static var group: SectionType { SectionType(rawValue: 17) }
  /// `SHT_SYMTAB_SHNDX`: section indices too large for a symbol table entry.
  @inlinable public static var symbolTableSectionIndices: SectionType { SectionType(rawValue: 18) }
  /// `SHT_CREL`: relocations in a compact form, which LLVM's tools write when told to (`--crel`).
  @inlinable public static var compactRelocations: SectionType { SectionType(rawValue: 0x4000_0014) }
  /// `SHT_LLVM_ADDRSIG`.
  @inlinable public static var addressSignificance: SectionType { SectionType(rawValue: 0x6fff_4c03) }
  /// `SHT_X86_64_UNWIND`: what clang gives `.eh_frame` on that machine; other machines use the number
  /// otherwise.
  @inlinable public static var unwind: SectionType { SectionType(rawValue: 0x7000_0001) }
}

extension SectionType: CustomStringConvertible {
  /// The gABI's name without `SHT_`, or the number.
  public var description: String {
    switch self {
    case .null: "NULL"
    case .progbits: "PROGBITS"
    case .symbolTable: "SYMTAB"
    case .stringTable: "STRTAB"
    case .rela: "RELA"
    case .hash: "HASH"
    case .dynamic: "DYNAMIC"
    case .note: "NOTE"
    case .nobits: "NOBITS"
    case .rel: "REL"
    case .dynamicSymbolTable: "DYNSYM"
    case .initArray: "INIT_ARRAY"
    case .finiArray: "FINI_ARRAY"
    case .preinitArray: "PREINIT_ARRAY"
    case .group: "GROUP"
    case .symbolTableSectionIndices: "SYMTAB_SHNDX"
    case .compactRelocations: "CREL"
    case .addressSignificance: "LLVM_ADDRSIG"
    case .unwind: "X86_64_UNWIND"
    default: "0x" + String(rawValue, radix: 16)
    }
  }
}

/// What a section needs in memory and of the linker (`sh_flags`).
public struct SectionFlags: OptionSet, Hashable, Sendable {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  @inlinable public static var write: SectionFlags { SectionFlags(rawValue: 0x1) }
  /// `SHF_ALLOC`: part of the program's memory.
  @inlinable public static var alloc: SectionFlags { SectionFlags(rawValue: 0x2) }
  @inlinable public static var executable: SectionFlags { SectionFlags(rawValue: 0x4) }
  /// `SHF_MERGE`: equal entries may be kept once.
  @inlinable public static var merge: SectionFlags { SectionFlags(rawValue: 0x10) }
  @inlinable public static var strings: SectionFlags { SectionFlags(rawValue: 0x20) }
  /// `SHF_INFO_LINK`: `sh_info` is a section index.
  @inlinable public static var infoLink: SectionFlags { SectionFlags(rawValue: 0x40) }
  /// `SHF_LINK_ORDER`: belongs to the section that `sh_link` names and is dropped with it.
  @inlinable public static var linkOrder: SectionFlags { SectionFlags(rawValue: 0x80) }
  @inlinable public static var osNonconforming: SectionFlags { SectionFlags(rawValue: 0x100) }
  /// `SHF_GROUP`: a member of a group.
  @inlinable public static var group: SectionFlags { SectionFlags(rawValue: 0x200) }
  /// `SHF_TLS`: part of the template of thread-local storage.
  @inlinable public static var tls: SectionFlags { SectionFlags(rawValue: 0x400) }
  @inlinable public static var compressed: SectionFlags { SectionFlags(rawValue: 0x800) }
  /// `SHF_GNU_RETAIN`.
  @inlinable public static var retain: SectionFlags { SectionFlags(rawValue: 0x20_0000) }
  /// `SHF_X86_64_LARGE`: may lie farther than 2 GiB from everything else. Other machines use the bit
  /// otherwise.
  @inlinable public static var large: SectionFlags { SectionFlags(rawValue: 0x1000_0000) }
  /// `SHF_EXCLUDE`: not for the program.
  @inlinable public static var exclude: SectionFlags { SectionFlags(rawValue: 0x8000_0000) }
}

extension SectionFlags: CustomStringConvertible {
  /// One letter a flag, as `readelf` prints them.
  public var description: String {
    let letters: [(SectionFlags, Character)] = [
      (.write, "W"), (.alloc, "A"), (.executable, "X"), (.merge, "M"), (.strings, "S"), (.infoLink, "I"),
      (.linkOrder, "L"), (.osNonconforming, "O"), (.group, "G"), (.tls, "T"), (.compressed, "C"),
      (.retain, "R"), (.large, "l"), (.exclude, "E"),
    ]
    return String(letters.filter { contains($0.0) }.map(\.1))
  }
}

/// One entry of the section header table, decoded (gABI, "Section Header").
public struct SectionHeader: Equatable, Sendable {
  /// Bytes an ELF64 section header takes.
  public static let byteCount = 64

  /// `sh_name`: where the name begins in the section name table, in bytes.
  public var nameOffset: UInt32
  /// `sh_type`.
  public var type: SectionType
  /// `sh_flags`.
  public var flags: SectionFlags
  /// `sh_addr`; 0 in objects.
  public var address: UInt64
  /// `sh_offset`, in bytes from the start of the file. With `size` inside the file, unless the type is
  /// `NOBITS`.
  public var offset: UInt64
  /// `sh_size`, in bytes.
  public var size: UInt64
  /// `sh_link`: a related section; which one depends on the type.
  public var link: UInt32
  /// `sh_info`: what it means depends on the type.
  public var info: UInt32
  /// `sh_addralign`: a power of two, in bytes; 0 in the file is given as 1.
  public var alignment: UInt64
  /// `sh_entsize`: bytes an entry takes, for tables; else 0.
  public var entrySize: UInt64

  /// Reads the header at `index` of the table that `header`, the file's, has proven to lie inside `file`.
  @inline(__always)
  init(_ index: SectionIndex, in file: RawSpan, _ header: borrowing FileHeader) {
    let entry = header.sectionEntry(index, of: file)
    // Decided once for all fields.
    switch header.byteOrder {
    case .little: self.init(entry, order: .little)
    case .big: self.init(entry, order: .big)
    }
  }

  @inline(__always)
  private init(_ header: RawSpan, order: ByteOrder) {
    nameOffset = header.field(at: 0, order: order)
    type = SectionType(rawValue: header.field(at: 4, order: order))
    flags = SectionFlags(rawValue: header.field(at: 8, order: order))
    address = header.field(at: 16, order: order)
    offset = header.field(at: 24, order: order)
    size = header.field(at: 32, order: order)
    link = header.field(at: 40, order: order)
    info = header.field(at: 44, order: order)
    alignment = max(header.field(at: 48, order: order), 1)
    entrySize = header.field(at: 56, order: order)
  }

  /// The bytes of the file that the section takes: none for `NOBITS` and `NULL`.
  ///
  /// Only for headers that ``ObjectFile`` has proven to lie inside the file.
  public var fileRange: Range<Int> {
    if type == .nobits || type == .null { return 0..<0 }
    return Int(truncatingIfNeeded: offset)..<Int(truncatingIfNeeded: offset &+ size)
  }
}

extension FileHeader {
  /// The bytes of the section header at `index` of the file, the one whose header this is: it has proven where they are.
  @inline(__always)
  @_lifetime(copy file)
  func sectionEntry(_ index: SectionIndex, of file: RawSpan) -> RawSpan {
    file.record(
      at: Int(truncatingIfNeeded: sectionHeaderOffset) &+ Int(index.rawValue) &* SectionHeader.byteCount,
      byteCount: SectionHeader.byteCount)
  }

  /// The type of the section at `index` of the file, likewise, without decoding all of its header.
  @inline(__always)
  func sectionType(_ index: SectionIndex, of file: RawSpan) -> SectionType {
    SectionType(rawValue: sectionEntry(index, of: file).field(at: 4, order: byteOrder))
  }
}
