internal import WeldBytes

/// The proof that a file is what ``ObjectFile`` promises, in one pass over its headers and one over its
/// symbols.
struct ObjectParser {
  /// What errors call the file.
  private let name: String
  let header: FileHeader
  /// Where the section name table is in the file, in bytes; empty if there is none.
  private(set) var sectionNames = 0..<0

  /// What the proof finds out.
  struct Parts: ~Copyable {
    var symbolTable: ObjectFile.SymbolTable?
    var groupSections: [SectionIndex] = []
    var hasInitializers = false
  }

  /// Reads the header of the file, and where its names are.
  init(_ file: RawSpan, name: String, accepting types: [FileType]) throws(ELFError) {
    self.name = name
    do {
      header = try FileHeader(of: file)
    } catch {
      throw ELFError(error, in: name)
    }
    guard types.contains(header.type) else { throw ELFError(.notRelocatable(header.type), in: name) }
    if header.sectionCount > 0, header.sectionNameTable != .undefined {
      sectionNames = try stringTable(header.sectionNameTable, file)
    }
  }

  /// Proves the rest of `file`, the one whose header was read.
  func parse(_ file: RawSpan) throws(ELFError) -> Parts {
    var parts = Parts()
    let symbolTableType: SectionType = header.type == .relocatable ? .symbolTable : .dynamicSymbolTable
    var symbolTable: ObjectFile.SymbolTable?
    var extendedIndices: SectionIndex?
    for number in 0..<header.sectionCount {
      let index = SectionIndex(rawValue: UInt32(truncatingIfNeeded: number))
      let section = section(index, file)
      if number > 0 {
        try prove(section, index, file)
      } else if section.type != .null {
        // Its other fields hold the escapes of the header's, not a place in the file.
        let type = UInt64(section.type.rawValue)
        throw error(.outOfRange(field: "sh_type", value: type, allowed: 0...0), index, file)
      }
      switch section.type {
      case symbolTableType:
        guard symbolTable == nil else { throw error(.secondSymbolTable, index, file) }
        symbolTable = try self.symbolTable(section, index, file)
      case .symbolTableSectionIndices: extendedIndices = index
      case .group where header.type == .relocatable: parts.groupSections.append(index)
      case .initArray, .finiArray, .preinitArray: parts.hasInitializers = true
      case .progbits where section.flags.contains(.write):
        if isInitializerName(section.nameOffset, file) { parts.hasInitializers = true }
      default: break
      }
    }
    if let extendedIndices { try attach(extendedIndices, to: &symbolTable, file) }
    parts.symbolTable = symbolTable
    if let symbolTable { try proveSymbols(symbolTable, file) }
    guard header.type == .relocatable else { return parts }
    // Relocations and groups may precede the symbol table they refer to, hence a second look.
    for number in 1..<max(header.sectionCount, 1) {
      let index = SectionIndex(rawValue: UInt32(truncatingIfNeeded: number))
      switch header.sectionType(index, of: file) {
      case .rel, .rela: try proveRelocations(section(index, file), index, symbolTable?.section, file)
      case .group: try proveGroup(section(index, file), index, symbolTable, file)
      default: break
      }
    }
    return parts
  }
}

// MARK: - Sections

extension ObjectParser {
  @inline(__always)
  private func section(_ index: SectionIndex, _ file: RawSpan) -> SectionHeader {
    SectionHeader(index, in: file, header)
  }

  private func error(
    _ reason: ELFError.Reason, _ index: SectionIndex, _ file: RawSpan
  ) -> ELFError {
    ELFError(reason, in: name, at: .section(index, name: sectionName(index, file)))
  }

  private func sectionName(_ index: SectionIndex, _ file: RawSpan) -> String? {
    guard !sectionNames.isEmpty else { return nil }
    let section = section(index, file)
    let names = file.extracting(sectionNames)
    guard let found = try? names.name(at: Int(section.nameOffset)) else { return nil }
    return String(
      decoding: names.extracting(Int(section.nameOffset)..<Int(section.nameOffset) + found.byteCount))
  }

  /// Whether a section of this name is what compilers made that did not know the types of such sections.
  private func isInitializerName(_ offset: UInt32, _ file: RawSpan) -> Bool {
    let name = file.string(in: sectionNames, at: offset)
    let prefixes: [5 of StaticString] = [".ctors", ".dtors", ".init_array", ".fini_array", ".preinit_array"]
    for index in prefixes.indices where name.starts(with: prefixes[index]) {
      let end = prefixes[index].utf8CodeUnitCount
      let next: UInt8? = try? name.load(at: end, order: .little)
      return next == nil || next == UInt8(ascii: ".")
    }
    return false
  }

  /// Proves that a string table lies inside the file and ends with a zero byte.
  private func stringTable(
    _ index: SectionIndex, _ file: RawSpan
  ) throws(ELFError) -> Range<Int> {
    let section = section(index, file)
    let place = ELFError.Place.section(index, name: nil)
    guard section.type == .stringTable else {
      throw ELFError(
        .wrongLink(field: "string table index", found: section.type, expected: .stringTable), in: name,
        at: place)
    }
    try proveInside(section, index, name: nil, file)
    let range = section.fileRange
    guard let last = range.last else { return range }
    let end: UInt8? = try? file.load(at: last, order: .little)
    guard end == 0 else { throw ELFError(.unterminatedStrings, in: name, at: place) }
    return range
  }

  private func proveInside(
    _ section: SectionHeader, _ index: SectionIndex, name: @autoclosure () -> String?, _ file: RawSpan
  ) throws(ELFError) {
    guard section.type != .nobits, section.type != .null else { return }
    let available = UInt64(file.byteCount)
    guard section.offset <= available, section.size <= available - section.offset else {
      throw ELFError(
        .outside(
          what: "contents", offset: section.offset, byteCount: section.size, fileByteCount: available),
        in: self.name, at: .section(index, name: name()))
    }
  }

  /// Proves what holds for sections of every type. In its place, since a call takes a copy of the header.
  @inline(__always)
  private func prove(
    _ section: SectionHeader, _ index: SectionIndex, _ file: RawSpan
  ) throws(ELFError) {
    try proveInside(section, index, name: sectionName(index, file), file)
    guard section.nameOffset == 0 || Int(section.nameOffset) < sectionNames.count else {
      throw ELFError(
        .outOfRange(
          field: "sh_name", value: UInt64(section.nameOffset),
          allowed: 0...UInt64(max(sectionNames.count, 1) - 1)),
        in: name, at: .section(index, name: nil))
    }
    guard section.alignment & (section.alignment &- 1) == 0 else {
      throw error(.notPowerOfTwo(field: "sh_addralign", value: section.alignment), index, file)
    }
    if section.flags.contains([.alloc, .compressed]) {
      throw error(.contradictoryFlags([.alloc, .compressed]), index, file)
    }
    if section.flags.contains(.linkOrder), Int(section.link) >= header.sectionCount {
      throw error(
        .outOfRange(
          field: "sh_link", value: UInt64(section.link), allowed: 0...UInt64(header.sectionCount - 1)),
        index, file)
    }
  }

  /// Proves that a section is a table of entries of one size.
  private func proveTable(
    _ section: SectionHeader, entryByteCount: UInt64, _ index: SectionIndex, _ file: RawSpan
  ) throws(ELFError) {
    guard section.entrySize == entryByteCount else {
      throw error(
        .outOfRange(field: "sh_entsize", value: section.entrySize, allowed: entryByteCount...entryByteCount),
        index, file)
    }
    guard section.size % entryByteCount == 0 else {
      throw error(.partialEntry(byteCount: section.size, entryByteCount: entryByteCount), index, file)
    }
  }

  /// Proves that `sh_link` names the object's symbol table.
  private func proveSymbolTableLink(
    _ section: SectionHeader, _ index: SectionIndex, _ symbolTable: SectionIndex?, _ file: RawSpan
  ) throws(ELFError) {
    guard Int(section.link) < header.sectionCount else {
      throw error(
        .outOfRange(
          field: "sh_link", value: UInt64(section.link), allowed: 0...UInt64(header.sectionCount - 1)),
        index, file)
    }
    guard symbolTable?.rawValue == section.link else {
      let found = self.section(SectionIndex(rawValue: section.link), file).type
      throw error(.wrongLink(field: "sh_link", found: found, expected: .symbolTable), index, file)
    }
  }

  private func proveRelocations(
    _ section: SectionHeader, _ index: SectionIndex, _ symbolTable: SectionIndex?, _ file: RawSpan
  ) throws(ELFError) {
    try proveTable(section, entryByteCount: section.type == .rela ? 24 : 16, index, file)
    guard section.info > 0, Int(section.info) < header.sectionCount else {
      throw error(
        .outOfRange(
          field: "sh_info", value: UInt64(section.info),
          allowed: 1...UInt64(max(header.sectionCount, 2) - 1)),
        index, file)
    }
    if section.size > 0 { try proveSymbolTableLink(section, index, symbolTable, file) }
  }

  private func proveGroup(
    _ section: SectionHeader, _ index: SectionIndex, _ symbolTable: ObjectFile.SymbolTable?, _ file: RawSpan
  ) throws(ELFError) {
    guard section.size >= 4, section.size % 4 == 0 else {
      throw error(.partialEntry(byteCount: section.size, entryByteCount: 4), index, file)
    }
    try proveSymbolTableLink(section, index, symbolTable?.section, file)
    let symbolCount = symbolTable?.count ?? 0
    guard Int(section.info) < symbolCount else {
      throw error(
        .outOfRange(
          field: "sh_info", value: UInt64(section.info), allowed: 0...UInt64(max(symbolCount, 1) - 1)),
        index, file)
    }
    let range = section.fileRange
    for at in stride(from: range.lowerBound + 4, to: range.upperBound, by: 4) {
      let member: UInt32? = try? file.load(at: at, order: header.byteOrder)
      guard let member, member > 0, Int(member) < header.sectionCount else {
        throw error(
          .outOfRange(
            field: "group member", value: UInt64(member ?? 0),
            allowed: 1...UInt64(max(header.sectionCount, 2) - 1)),
          index, file)
      }
    }
  }
}

// MARK: - Symbols

extension ObjectParser {
  private func symbolTable(
    _ section: SectionHeader, _ index: SectionIndex, _ file: RawSpan
  ) throws(ELFError) -> ObjectFile.SymbolTable {
    try proveTable(section, entryByteCount: UInt64(Symbol.byteCount), index, file)
    let count = section.size / UInt64(Symbol.byteCount)
    guard UInt64(section.info) <= count, count <= UInt64(UInt32.max) else {
      throw error(
        .outOfRange(field: "sh_info", value: UInt64(section.info), allowed: 0...count), index, file)
    }
    guard Int(section.link) < header.sectionCount else {
      throw error(
        .outOfRange(
          field: "sh_link", value: UInt64(section.link), allowed: 0...UInt64(header.sectionCount - 1)),
        index, file)
    }
    let names = try stringTable(SectionIndex(rawValue: section.link), file)
    return ObjectFile.SymbolTable(
      section: index, count: Int(count), firstGlobal: Int(section.info), entries: section.fileRange,
      names: names, extendedIndices: nil)
  }

  /// Joins the table of large section indices to the symbol table it belongs to.
  private func attach(
    _ index: SectionIndex, to symbolTable: inout ObjectFile.SymbolTable?, _ file: RawSpan
  ) throws(ELFError) {
    guard let table = symbolTable else { return }
    let section = section(index, file)
    guard section.link == table.section.rawValue else { return }
    let needed = UInt64(table.count) * 4
    guard section.size >= needed else {
      throw error(
        .outOfRange(field: "sh_size", value: section.size, allowed: needed...needed), index, file)
    }
    symbolTable?.extendedIndices = section.fileRange
  }

  private func proveSymbols(_ table: ObjectFile.SymbolTable, _ file: RawSpan) throws(ELFError) {
    let order = header.byteOrder
    let entries = file.extracting(table.entries)
    for number in 0..<table.count {
      let index = SymbolIndex(rawValue: UInt32(truncatingIfNeeded: number))
      let entry = entries.entry(number, byteCount: 24)
      let nameOffset: UInt32 = entry.field(at: 0, order: order)
      let stored: UInt16 = entry.field(at: 6, order: order)
      guard nameOffset == 0 || Int(nameOffset) < table.names.count else {
        throw ELFError(
          .outOfRange(
            field: "st_name", value: UInt64(nameOffset), allowed: 0...UInt64(max(table.names.count, 1) - 1)),
          in: name, at: .symbol(index))
      }
      var section = UInt32(stored)
      // From 0xff00 on, only the numbers below mean something.
      var count = min(header.sectionCount, 0xff00)
      switch stored {
      case 0xfff1, 0xfff2: continue
      case 0xff02 where header.machine == .x86_64: continue
      case 0xffff:
        let extended = table.extendedIndices.flatMap { range -> UInt32? in
          try? file.load(at: range.lowerBound &+ number &* 4, order: order)
        }
        guard let extended else {
          throw ELFError(
            .outOfRange(field: "st_shndx", value: 0xffff, allowed: 0...0xfeff), in: name, at: .symbol(index))
        }
        section = extended
        count = header.sectionCount
      default: break
      }
      guard Int(section) < count else {
        throw ELFError(
          .outOfRange(field: "st_shndx", value: UInt64(section), allowed: 0...UInt64(count - 1)), in: name,
          at: .symbol(index))
      }
    }
  }
}
