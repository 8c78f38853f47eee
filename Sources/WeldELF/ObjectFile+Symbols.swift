public import WeldBytes

extension ObjectFile {
  /// How many symbols there are, including the reserved first one; 0 without a symbol table.
  @inlinable
  public var symbolCount: Int { symbolTable?.count ?? 0 }

  /// Where the names of symbols are in the file, in bytes; empty without a symbol table.
  public var symbolNames: Range<Int> { symbolTable?.names ?? 0..<0 }

  /// The symbols, read in place.
  public var symbols: SymbolList {
    @_lifetime(borrow self)
    get {
      SymbolList(
        bytes.span.extracting(symbolTable?.entries ?? 0..<0),
        extendedIndices: bytes.span.extracting(symbolTable?.extendedIndices ?? 0..<0), order: header.byteOrder
      )
    }
  }

  /// The symbol at `index`, which must be less than ``symbolCount``.
  public func symbol(at index: SymbolIndex) -> Symbol { symbols[Int(index.rawValue)] }

  /// The bytes of a symbol's name, without the terminator.
  @_lifetime(borrow self)
  public func nameBytes(of symbol: Symbol) -> RawSpan {
    bytes.span.string(in: symbolNames, at: symbol.nameOffset)
  }

  /// The name of a symbol; a section symbol without a name is called as its section.
  public func name(of symbol: Symbol) -> String {
    if symbol.type == .section, symbol.nameOffset == 0, case .section(let index) = symbol.place {
      return sectionName(index)
    }
    return String(decoding: nameBytes(of: symbol))
  }
}

/// The entries of a symbol table, read in place.
public struct SymbolList: ~Escapable {
  @usableFromInline let entries: RawSpan
  @usableFromInline let extendedIndices: RawSpan
  @usableFromInline let order: ByteOrder
  /// How many entries there are, including the reserved first one.
  public let count: Int

  /// A view of the symbols in `entries`, whose section indices were proven to exist.
  @_lifetime(copy entries, copy extendedIndices)
  init(_ entries: RawSpan, extendedIndices: RawSpan, order: ByteOrder) {
    self.entries = entries
    self.extendedIndices = extendedIndices
    self.order = order
    count = entries.byteCount / Symbol.byteCount
  }

  /// The entry at `index`, which must be less than ``count``.
  @inlinable
  public subscript(index: Int) -> Symbol {
    @inline(__always) get {
      let entry = entries.entry(index, byteCount: 24)
      // Decided once for all fields.
      switch order {
      case .little: return decode(entry, at: index, order: .little)
      case .big: return decode(entry, at: index, order: .big)
      }
    }
  }

  @inlinable @inline(__always)
  func decode(_ entry: RawSpan, at index: Int, order: ByteOrder) -> Symbol {
    Symbol(
      nameOffset: entry.field(at: 0, order: order), info: entry.field(at: 4, order: order),
      other: entry.field(at: 5, order: order), place: place(of: entry.field(at: 6, order: order), at: index),
      value: entry.field(at: 8, order: order), size: entry.field(at: 16, order: order))
  }

  /// What a section index in a symbol means; see gABI, "Special Section Indexes".
  @inlinable @inline(__always)
  func place(of stored: UInt16, at index: Int) -> SymbolPlace {
    switch stored {
    case 0: .undefined
    case 1..<0xff00: .section(SectionIndex(rawValue: UInt32(stored)))
    case 0xfff1: .absolute
    case 0xfff2: .common
    case 0xff02: .largeCommon
    case 0xffff:
      switch SectionIndex(rawValue: extendedIndices.field(at: index &* 4, order: order)) {
      case .undefined: .undefined
      case let section: .section(section)
      }
    default: .section(SectionIndex(rawValue: UInt32(stored)))
    }
  }
}
