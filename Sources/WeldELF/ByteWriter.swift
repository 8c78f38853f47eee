internal import WeldBytes

/// Integers, one after another, in one byte order.
struct ByteWriter {
  let order: ByteOrder
  var bytes: [UInt8] = []

  init(order: ByteOrder) { self.order = order }

  mutating func append(_ more: [UInt8]) { bytes += more }

  mutating func append<T: FixedWidthInteger & UnsignedInteger>(_ value: T) {
    bytes.append(value, order: order)
  }

  /// Appends an entry of the section header table (gABI, "Section Header").
  mutating func appendSection(
    name: UInt32, _ type: SectionType, _ flags: SectionFlags, address: UInt64 = 0, offset: UInt64,
    size: UInt64, link: UInt32 = 0, info: UInt32 = 0, alignment: UInt64, entrySize: UInt64 = 0
  ) {
    append(name)
    append(type.rawValue)
    append(flags.rawValue)
    append(address)
    append(offset)
    append(size)
    append(link)
    append(info)
    append(alignment)
    append(entrySize)
  }

  /// Appends an entry of the symbol table (gABI, "Symbol Table").
  mutating func appendSymbol(
    name: UInt32, _ binding: SymbolBinding, _ type: SymbolType, other: UInt8, index: UInt16, value: UInt64,
    size: UInt64
  ) {
    append(name)
    append([binding.rawValue << 4 | type.rawValue & 15, other])
    append(index)
    append(value)
    append(size)
  }
}

/// Names, one after another, each followed by a zero byte.
struct StringTable {
  var bytes: [UInt8] = [0]

  /// Adds a name and returns where it begins, in bytes.
  mutating func add(_ name: String) -> UInt32 {
    guard !name.isEmpty else { return 0 }
    let start = UInt32(bytes.count)
    bytes += name.utf8
    bytes.append(0)
    return start
  }
}
