public import WeldBytes

/// Writes ELF64 relocatable objects: for code that a linker adds of its own, and for tests.
///
/// Sections, symbols and relocations are laid out in the order in which they were added, local symbols first.
public struct ObjectWriter: Sendable {
  private let machine: Machine
  private let byteOrder: ByteOrder
  /// `e_flags`.
  public var flags: UInt32 = 0
  /// Whether every section with contents has a relocation section, be it empty. Objects that differ in relocations
  /// only have the same sections then.
  public var writesEmptyRelocationSections = false
  private var sections: [Section] = []
  private var symbols: [Entry] = []

  /// A section of an object being written.
  public struct SectionID: Hashable, Sendable {
    fileprivate var position: Int
    /// Its index in the object.
    public var index: SectionIndex { SectionIndex(rawValue: UInt32(position + 1)) }
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
    var entrySize: UInt64 = 0
    /// The section that `sh_link` names.
    var link: SectionID?
    var relocations: [(offset: UInt64, type: UInt32, symbol: SymbolID?, addend: Int64)] = []
  }

  private struct Entry {
    var name: String
    var binding: SymbolBinding
    var type: SymbolType
    var other: UInt8
    var place: SymbolPlace
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
    entrySize: UInt64 = 0, contents: [UInt8]
  ) -> SectionID {
    sections.append(
      Section(
        name: name, type: type, flags: flags, alignment: alignment, contents: contents,
        byteCount: UInt64(contents.count), entrySize: entrySize))
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

  /// Lets `section`, which has the flag ``SectionFlags/linkOrder``, belong to `other`.
  public mutating func link(_ section: SectionID, to other: SectionID) {
    sections[section.position].link = other
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
        place: .section(section.index), value: offset, size: size))
  }

  /// Adds a symbol that is defined elsewhere.
  public mutating func addUndefinedSymbol(
    _ name: String, type: SymbolType = .none, binding: SymbolBinding = .global,
    visibility: SymbolVisibility = .default, other: UInt8 = 0
  ) -> SymbolID {
    add(
      Entry(
        name: name, binding: binding, type: type, other: visibility.rawValue | other, place: .undefined,
        value: 0, size: 0))
  }

  /// Adds a symbol with a fixed value.
  public mutating func addAbsoluteSymbol(
    _ name: String, value: UInt64, size: UInt64 = 0, type: SymbolType = .none,
    binding: SymbolBinding = .global, other: UInt8 = 0
  ) -> SymbolID {
    add(
      Entry(
        name: name, binding: binding, type: type, other: other, place: .absolute, value: value, size: size))
  }

  /// Adds a common symbol: `size` zero bytes aligned to `alignment`, which the linker makes room for, among large
  /// data (`SHN_X86_64_LCOMMON`) or not.
  public mutating func addCommonSymbol(
    _ name: String, size: UInt64, alignment: UInt64, isLarge: Bool = false, type: SymbolType = .object,
    binding: SymbolBinding = .global, other: UInt8 = 0
  ) -> SymbolID {
    add(
      Entry(
        name: name, binding: binding, type: type, other: other, place: isLarge ? .largeCommon : .common,
        value: alignment, size: size))
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
}

// MARK: - Bytes

extension ObjectWriter {
  /// The object's bytes.
  public func bytes() -> [UInt8] {
    var output = Output(order: byteOrder)
    // Local symbols come first, whatever order they were added in.
    let ordered =
      symbols.indices.filter { symbols[$0].binding == .local }
      + symbols.indices.filter { symbols[$0].binding != .local }
    var numbers = [Int](repeating: 0, count: symbols.count)
    for (number, position) in ordered.enumerated() { numbers[position] = number + 1 }
    let relocated = sections.indices.filter {
      writesEmptyRelocationSections && sections[$0].type != .nobits || !sections[$0].relocations.isEmpty
    }
    let symbolTableIndex = UInt32(1 + sections.count + relocated.count)
    let sectionCount = Int(symbolTableIndex) + 3 + (needsExtendedIndices ? 1 : 0)
    output.appendEscapes(sectionCount: sectionCount)
    for section in sections {
      output.append(
        section.name, section.type, section.flags, section.contents, byteCount: section.byteCount,
        link: section.link?.index.rawValue ?? 0, alignment: section.alignment, entrySize: section.entrySize)
    }
    for position in relocated {
      output.append(
        ".rela" + sections[position].name, .rela, [.infoLink], table(of: sections[position], numbers),
        link: symbolTableIndex, info: UInt32(position + 1), alignment: 8, entrySize: 24)
    }
    appendSymbols(ordered, at: symbolTableIndex, to: &output)
    output.appendNames()
    return output.finish(machine, flags: flags, sectionCount: sectionCount)
  }

  /// Whether there are sections whose index does not fit in a symbol (gABI, "Special Section Indexes").
  private var needsExtendedIndices: Bool { sections.count >= 0xff00 }

  private func table(of section: Section, _ numbers: [Int]) -> [UInt8] {
    var table = ByteWriter(order: byteOrder)
    table.bytes.reserveCapacity(section.relocations.count * 24)
    for relocation in section.relocations {
      let symbol = relocation.symbol.map { numbers[$0.position] } ?? 0
      table.append(relocation.offset)
      table.append(UInt64(symbol) << 32 | UInt64(relocation.type))
      table.append(UInt64(bitPattern: relocation.addend))
    }
    return table.bytes
  }

  private func appendSymbols(_ ordered: [Int], at index: UInt32, to output: inout Output) {
    var table = ByteWriter(order: byteOrder)
    table.append([UInt8](repeating: 0, count: Symbol.byteCount))
    var extended = ByteWriter(order: byteOrder)
    extended.append(0 as UInt32)
    var names = StringTable()
    for position in ordered {
      let symbol = symbols[position]
      let (stored, section) = symbol.place.stored
      table.appendSymbol(
        name: names.add(symbol.name), symbol.binding, symbol.type, other: symbol.other, index: stored,
        value: symbol.value, size: symbol.size)
      extended.append(section)
    }
    output.append(
      ".symtab", .symbolTable, [], table.bytes, link: index + 1,
      info: UInt32(1 + symbols.count { $0.binding == .local }), alignment: 8, entrySize: 24)
    output.append(".strtab", .stringTable, [], names.bytes, alignment: 1)
    guard needsExtendedIndices else { return }
    output.append(
      ".symtab_shndx", .symbolTableSectionIndices, [], extended.bytes, link: index, alignment: 4, entrySize: 4
    )
  }
}

extension SymbolPlace {
  /// `st_shndx`, and what `SHT_SYMTAB_SHNDX` holds beside it.
  fileprivate var stored: (index: UInt16, extended: UInt32) {
    switch self {
    case .undefined: (0, 0)
    case .absolute: (0xfff1, 0)
    case .common: (0xfff2, 0)
    case .largeCommon: (0xff02, 0)
    case .section(let section) where section.rawValue < 0xff00: (UInt16(section.rawValue), 0)
    case .section(let section): (0xffff, section.rawValue)
    }
  }
}

/// A file being written: contents, one after another, and the headers of sections.
private struct Output {
  var file = [UInt8](repeating: 0, count: FileHeader.byteCount)
  var headers: ByteWriter
  var names = StringTable()

  init(order: ByteOrder) { headers = ByteWriter(order: order) }

  /// The reserved first section, which has numbers that do not fit in the file's header.
  mutating func appendEscapes(sectionCount: Int) {
    headers.appendSection(
      name: 0, .null, [], offset: 0, size: sectionCount >= 0xff00 ? UInt64(sectionCount) : 0,
      link: sectionCount > 0xff00 ? UInt32(sectionCount - 1) : 0, alignment: 0)
  }

  mutating func append(
    _ name: String, _ type: SectionType, _ flags: SectionFlags, _ contents: [UInt8],
    byteCount: UInt64? = nil, link: UInt32 = 0, info: UInt32 = 0, alignment: UInt64, entrySize: UInt64 = 0
  ) {
    let start = place(contents, alignment: Int(min(max(alignment, 1), 4096)))
    headers.appendSection(
      name: names.add(name), type, flags, offset: start, size: byteCount ?? UInt64(contents.count),
      link: link,
      info: info, alignment: alignment, entrySize: entrySize)
  }

  /// Appends the names of sections, the last section.
  mutating func appendNames() {
    let name = names.add(".shstrtab")
    let start = place(names.bytes, alignment: 1)
    headers.appendSection(
      name: name, .stringTable, [], offset: start, size: UInt64(names.bytes.count), alignment: 1)
  }

  private mutating func place(_ bytes: [UInt8], alignment: Int) -> UInt64 {
    file.append(contentsOf: [UInt8](repeating: 0, count: (alignment - file.count % alignment) % alignment))
    defer { file.append(contentsOf: bytes) }
    return UInt64(file.count)
  }

  /// The file, with its header.
  mutating func finish(_ machine: Machine, flags: UInt32, sectionCount: Int) -> [UInt8] {
    let headerOffset = place(headers.bytes, alignment: 8)
    var header = ByteWriter(order: headers.order)
    let order: UInt8 = headers.order == .little ? 1 : 2
    header.append([0x7f, 0x45, 0x4c, 0x46, 2, order, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0])
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
    header.append(sectionCount >= 0xff00 ? 0 : UInt16(sectionCount))
    header.append(sectionCount > 0xff00 ? 0xffff : UInt16(sectionCount - 1))
    file.replaceSubrange(0..<FileHeader.byteCount, with: header.bytes)
    return file
  }
}
