public import WeldBytes

/// Writes ELF64 relocatable objects: for code that a linker adds of its own, and for tests.
///
/// Sections, symbols and relocations are laid out in the order in which they were added, local symbols first.
public struct ObjectWriter: Sendable {
  private let machine: Machine
  private let byteOrder: ByteOrder
  /// `e_flags`.
  public var flags: UInt32 = 0
  private var sections: [Section] = []
  private var symbols: [Entry] = []

  /// A section of an object being written.
  public struct SectionID: Hashable, Sendable {
    fileprivate var position: Int
  }

  /// A symbol of an object being written.
  public struct SymbolID: Hashable, Sendable {
    fileprivate var position: Int
  }

  private struct Section {
    var name: String
    var type: SectionType
    var flags: SectionFlags
    var alignment: UInt64
    var contents: [UInt8]
    var byteCount: UInt64
    var relocations: [(offset: UInt64, type: UInt32, symbol: SymbolID?, addend: Int64)] = []
  }

  private struct Entry {
    var name: String
    var binding: SymbolBinding
    var type: SymbolType
    var other: UInt8
    var index: UInt16
    var value: UInt64
    var size: UInt64
  }

  /// An empty object.
  public init(machine: Machine, byteOrder: ByteOrder) {
    self.machine = machine
    self.byteOrder = byteOrder
  }

  /// Adds a section with contents.
  public mutating func addSection(
    _ name: String, type: SectionType = .progbits, flags: SectionFlags, alignment: UInt64 = 1,
    contents: [UInt8]
  ) -> SectionID {
    sections.append(
      Section(
        name: name, type: type, flags: flags, alignment: alignment, contents: contents,
        byteCount: UInt64(contents.count)))
    return SectionID(position: sections.count - 1)
  }

  /// Adds a section of `byteCount` zero bytes (`NOBITS`).
  public mutating func addZeroSection(
    _ name: String, flags: SectionFlags = [.alloc, .write], alignment: UInt64 = 1, byteCount: UInt64
  ) -> SectionID {
    sections.append(
      Section(
        name: name, type: .nobits, flags: flags, alignment: alignment, contents: [], byteCount: byteCount))
    return SectionID(position: sections.count - 1)
  }

  /// Adds a symbol that is defined at `offset` bytes from the start of `section`; `other` are bits of
  /// `st_other` beside the visibility.
  public mutating func addSymbol(
    _ name: String, in section: SectionID, at offset: UInt64 = 0, size: UInt64 = 0, type: SymbolType = .none,
    binding: SymbolBinding = .global, visibility: SymbolVisibility = .default, other: UInt8 = 0
  ) -> SymbolID {
    add(
      Entry(
        name: name, binding: binding, type: type, other: visibility.rawValue | other,
        index: UInt16(section.position + 1),
        value: offset, size: size))
  }

  /// Adds a symbol that is defined elsewhere.
  public mutating func addUndefinedSymbol(
    _ name: String, type: SymbolType = .none, binding: SymbolBinding = .global,
    visibility: SymbolVisibility = .default
  ) -> SymbolID {
    add(
      Entry(name: name, binding: binding, type: type, other: visibility.rawValue, index: 0, value: 0, size: 0)
    )
  }

  /// Adds a symbol with a fixed value.
  public mutating func addAbsoluteSymbol(
    _ name: String, value: UInt64, size: UInt64 = 0, binding: SymbolBinding = .global
  ) -> SymbolID {
    add(Entry(name: name, binding: binding, type: .none, other: 0, index: 0xfff1, value: value, size: size))
  }

  /// Adds a common symbol: `size` zero bytes aligned to `alignment`, which the linker makes room for.
  public mutating func addCommonSymbol(_ name: String, size: UInt64, alignment: UInt64) -> SymbolID {
    add(
      Entry(
        name: name, binding: .global, type: .object, other: 0, index: 0xfff2, value: alignment, size: size))
  }

  private mutating func add(_ entry: Entry) -> SymbolID {
    symbols.append(entry)
    return SymbolID(position: symbols.count - 1)
  }

  /// Adds a relocation of `section` at `offset` bytes from its start; without a symbol it refers to the
  /// reserved one.
  public mutating func addRelocation(
    _ type: UInt32, in section: SectionID, at offset: UInt64, to symbol: SymbolID?, addend: Int64
  ) {
    sections[section.position].relocations.append((offset, type, symbol, addend))
  }

  /// The object's bytes.
  public func bytes() -> [UInt8] {
    var names = StringTable()
    var symbolNames = StringTable()
    var file = [UInt8](repeating: 0, count: FileHeader.byteCount)
    var headers = ByteWriter(order: byteOrder)
    headers.append([UInt8](repeating: 0, count: SectionHeader.byteCount))

    // Local symbols come first, whatever order they were added in.
    let ordered =
      symbols.indices.filter { symbols[$0].binding == .local }
      + symbols.indices.filter { symbols[$0].binding != .local }
    let numbers = Dictionary(uniqueKeysWithValues: zip(ordered, 1...))
    let relocated = sections.indices.filter { !sections[$0].relocations.isEmpty }
    let symbolTableIndex = UInt32(1 + sections.count + relocated.count)

    func place(_ bytes: [UInt8], alignment: Int) -> UInt64 {
      file.append(contentsOf: [UInt8](repeating: 0, count: (alignment - file.count % alignment) % alignment))
      defer { file.append(contentsOf: bytes) }
      return UInt64(file.count)
    }
    for section in sections {
      headers.appendSection(
        name: names.add(section.name), section.type, section.flags,
        offset: place(section.contents, alignment: Int(min(max(section.alignment, 1), 4096))),
        size: section.byteCount, alignment: section.alignment)
    }
    for position in relocated {
      var table = ByteWriter(order: byteOrder)
      for relocation in sections[position].relocations {
        let symbol = relocation.symbol.flatMap { numbers[$0.position] } ?? 0
        table.append(relocation.offset)
        table.append(UInt64(symbol) << 32 | UInt64(relocation.type))
        table.append(UInt64(bitPattern: relocation.addend))
      }
      headers.appendSection(
        name: names.add(".rela" + sections[position].name), .rela, [.infoLink],
        offset: place(table.bytes, alignment: 8), size: UInt64(table.bytes.count), link: symbolTableIndex,
        info: UInt32(position + 1), alignment: 8, entrySize: 24)
    }
    var table = ByteWriter(order: byteOrder)
    table.append([UInt8](repeating: 0, count: Symbol.byteCount))
    for position in ordered {
      let symbol = symbols[position]
      table.appendSymbol(
        name: symbolNames.add(symbol.name), symbol.binding, symbol.type, other: symbol.other,
        index: symbol.index, value: symbol.value, size: symbol.size)
    }
    headers.appendSection(
      name: names.add(".symtab"), .symbolTable, [], offset: place(table.bytes, alignment: 8),
      size: UInt64(table.bytes.count), link: symbolTableIndex + 1,
      info: UInt32(1 + symbols.count { $0.binding == .local }), alignment: 8, entrySize: 24)
    headers.appendSection(
      name: names.add(".strtab"), .stringTable, [], offset: place(symbolNames.bytes, alignment: 1),
      size: UInt64(symbolNames.bytes.count), alignment: 1)
    let nameOfNames = names.add(".shstrtab")
    headers.appendSection(
      name: nameOfNames, .stringTable, [], offset: place(names.bytes, alignment: 1),
      size: UInt64(names.bytes.count), alignment: 1)
    let headerOffset = place(headers.bytes, alignment: 8)

    var header = ByteWriter(order: byteOrder)
    header.append([0x7f, 0x45, 0x4c, 0x46, 2, byteOrder == .little ? 1 : 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
    header.append(FileType.relocatable.rawValue)
    header.append(machine.rawValue)
    header.append(1 as UInt32)
    header.append(0 as UInt64)
    header.append(0 as UInt64)
    header.append(headerOffset)
    header.append(flags)
    for value in [UInt16(FileHeader.byteCount), 0, 0, UInt16(SectionHeader.byteCount)] {
      header.append(value)
    }
    header.append(UInt16(truncatingIfNeeded: Int(symbolTableIndex) + 3))
    header.append(UInt16(truncatingIfNeeded: Int(symbolTableIndex) + 2))
    file.replaceSubrange(0..<FileHeader.byteCount, with: header.bytes)
    return file
  }
}
