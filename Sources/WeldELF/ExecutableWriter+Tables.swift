internal import WeldBytes

// MARK: - Program headers

extension ExecutableWriter {
  /// The template of thread-local storage: a section that begins it, and how much it takes.
  struct Template {
    var first: Section
    /// Bytes that are in the file.
    var storedByteCount: UInt64
    var byteCount: UInt64
    var alignment: UInt64
  }

  func threadLocalTemplate() -> Template? {
    let parts = sections.filter { $0.flags.contains(.tls) }.sorted { $0.address < $1.address }
    guard let first = parts.first else { return nil }
    func end(of parts: [Section]) -> UInt64 {
      parts.map { $0.address &+ $0.byteCount &- first.address }.max() ?? 0
    }
    return Template(
      first: first, storedByteCount: end(of: parts.filter { $0.type != .nobits }), byteCount: end(of: parts),
      alignment: parts.map(\.alignment).max() ?? 1)
  }

  /// Appends the program headers (gABI, "Program Header"): `PT_LOAD`s by address, `PT_TLS`, `PT_GNU_STACK`.
  func appendSegments(
    _ segments: [LoadSegment], _ template: Template?, to header: inout ByteWriter
  ) {
    func append(
      _ type: UInt32, flags: UInt32, offset: UInt64 = 0, address: UInt64 = 0, stored: UInt64 = 0,
      size: UInt64 = 0, alignment: UInt64
    ) {
      header.append(type)
      header.append(flags)
      header.append(offset)
      header.append(address)
      header.append(address)
      header.append(stored)
      header.append(size)
      header.append(alignment)
    }
    let (execute, write, read): (UInt32, UInt32, UInt32) = (1, 2, 4)
    for segment in segments {
      append(
        1,
        flags: read | (segment.flags.contains(.write) ? write : 0)
          | (segment.flags.contains(.executable) ? execute : 0),
        offset: segment.offset, address: segment.used.lowerBound, stored: segment.storedByteCount,
        size: segment.used.upperBound - segment.used.lowerBound, alignment: page)
    }
    if let template {
      append(
        7, flags: read, offset: offset(of: template.first, in: segments), address: template.first.address,
        stored: template.storedByteCount, size: template.byteCount, alignment: template.alignment)
    }
    append(0x6474_e551, flags: read | write, alignment: 16)
  }
}

// MARK: - Section headers and symbols

extension ExecutableWriter {
  /// Appends the symbol table, the names, and the section header table.
  ///
  /// - Returns: where the section headers begin, and how many there are; the last one is of their names.
  func appendTables(
    to file: inout [UInt8], offsets: [UInt64], template: Template?
  ) -> (headerOffset: UInt64, count: Int) {
    func place(_ bytes: [UInt8], alignment: Int = 1) -> UInt64 {
      file.append(contentsOf: [UInt8](repeating: 0, count: (alignment - file.count % alignment) % alignment))
      defer { file.append(contentsOf: bytes) }
      return UInt64(file.count)
    }
    let tables = symbolTable(template: template)
    let needsIndices = sections.count + 1 > Self.firstReservedIndex
    let count = 1 + sections.count + (needsIndices ? 4 : 3)

    var names = StringTable()
    var headers = ByteWriter(order: byteOrder)
    headers.appendSection(
      name: 0, .null, [], offset: 0, size: count < Self.firstReservedIndex ? 0 : UInt64(count),
      link: count - 1 < Self.firstReservedIndex ? 0 : UInt32(count - 1), alignment: 0)
    for (section, offset) in zip(sections, offsets) {
      headers.appendSection(
        name: names.add(section.name), section.type, section.flags, address: section.address, offset: offset,
        size: section.byteCount, alignment: section.alignment)
    }
    let table = UInt32(1 + sections.count)
    headers.appendSection(
      name: names.add(".symtab"), .symbolTable, [], offset: place(tables.symbols, alignment: 8),
      size: UInt64(tables.symbols.count), link: table + (needsIndices ? 2 : 1),
      info: UInt32(1 + symbols.count { $0.binding == .local }), alignment: 8,
      entrySize: UInt64(Symbol.byteCount))
    if needsIndices {
      headers.appendSection(
        name: names.add(".symtab_shndx"), .symbolTableSectionIndices, [],
        offset: place(tables.indices, alignment: 4), size: UInt64(tables.indices.count), link: table,
        alignment: 4, entrySize: 4)
    }
    headers.appendSection(
      name: names.add(".strtab"), .stringTable, [], offset: place(tables.names),
      size: UInt64(tables.names.count), alignment: 1)
    let nameOfNames = names.add(".shstrtab")
    headers.appendSection(
      name: nameOfNames, .stringTable, [], offset: place(names.bytes), size: UInt64(names.bytes.count),
      alignment: 1)
    return (place(headers.bytes, alignment: 8), count)
  }

  /// The symbol table, the section indices that are too large for it, and the symbols' names.
  func symbolTable(
    template: Template?
  ) -> (symbols: [UInt8], indices: [UInt8], names: [UInt8]) {
    var names = StringTable()
    var table = ByteWriter(order: byteOrder)
    var indices = ByteWriter(order: byteOrder)
    table.append([UInt8](repeating: 0, count: Symbol.byteCount))
    indices.append(0 as UInt32)
    let ordered = symbols.filter { $0.binding == .local } + symbols.filter { $0.binding != .local }
    for symbol in ordered {
      let index = symbol.section.map { $0.position + 1 }
      let isLarge = (index ?? 0) >= Self.firstReservedIndex
      // A thread-local symbol's value is its offset in the template.
      let isThreadLocal = symbol.section.map { sections[$0.position].flags.contains(.tls) } ?? false
      table.appendSymbol(
        name: names.add(symbol.name), symbol.binding, symbol.type, other: symbol.other,
        index: isLarge ? 0xffff : index.map { UInt16($0) } ?? 0xfff1,
        value: isThreadLocal ? symbol.address &- (template?.first.address ?? 0) : symbol.address,
        size: symbol.size)
      indices.append(isLarge ? UInt32(index ?? 0) : 0)
    }
    return (table.bytes, indices.bytes, names.bytes)
  }
}
