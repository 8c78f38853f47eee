public import WeldBytes

/// One entry of a relocation section, decoded (gABI, "Relocation").
public struct Relocation: Equatable, Sendable {
  /// `r_offset`, in bytes from the start of the section that is relocated.
  public var offset: UInt64
  /// The processor's number of what is to be done.
  public var type: UInt32
  /// The symbol it refers to.
  public var symbol: SymbolIndex
  /// `r_addend`; 0 in a table without addends, where the field to be relocated holds it.
  public var addend: Int64

  /// A relocation with the given fields.
  @inlinable
  public init(offset: UInt64, type: UInt32, symbol: SymbolIndex, addend: Int64) {
    self.offset = offset
    self.type = type
    self.symbol = symbol
    self.addend = addend
  }
}

/// The entries of one relocation section, read in place.
public struct RelocationTable: ~Escapable {
  @usableFromInline let bytes: RawSpan
  @usableFromInline let order: ByteOrder
  /// Whether entries carry their addends (`SHT_RELA`).
  public let hasAddends: Bool
  /// How many entries there are.
  public let count: Int

  /// A view of the entries in `bytes`, whose length is a multiple of an entry's.
  @inlinable
  @_lifetime(copy bytes)
  init(_ bytes: RawSpan, hasAddends: Bool, order: ByteOrder) {
    self.bytes = bytes
    self.order = order
    self.hasAddends = hasAddends
    count = bytes.byteCount / (hasAddends ? 24 : 16)
  }

  /// The entry at `index`, which must be less than ``count``.
  @inlinable
  public subscript(index: Int) -> Relocation {
    @inline(__always) get {
      if hasAddends {
        let entry = bytes.entry(index, byteCount: 24)
        // Decided once for all fields.
        switch order {
        case .little: return decode(entry, addend: entry.field(at: 16, order: .little), order: .little)
        case .big: return decode(entry, addend: entry.field(at: 16, order: .big), order: .big)
        }
      }
      return decode(bytes.entry(index, byteCount: 16), addend: 0, order: order)
    }
  }

  /// The first entry for `offset`, if entries are in the order of their offsets, as assemblers write them;
  /// `nil` if there is none.
  public func first(at offset: UInt64) -> Relocation? {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if self[middle].offset < offset { low = middle + 1 } else { high = middle }
    }
    return low < count && self[low].offset == offset ? self[low] : nil
  }

  @inlinable @inline(__always)
  func decode(_ entry: RawSpan, addend: Int64, order: ByteOrder) -> Relocation {
    let info: UInt64 = entry.field(at: 8, order: order)
    return Relocation(
      offset: entry.field(at: 0, order: order), type: UInt32(truncatingIfNeeded: info),
      symbol: SymbolIndex(rawValue: UInt32(truncatingIfNeeded: info &>> 32)), addend: addend)
  }
}
