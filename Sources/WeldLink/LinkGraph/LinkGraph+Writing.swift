internal import WeldBytes
public import WeldELF

// A graph as an object: one section for each block, in their order.
extension LinkGraph {
  /// The graph as an object, which the engine links as any other. The object that it was made of, if nothing changed.
  ///
  /// - Throws: `LinkError.graph` if an edge leads to a symbol that was removed.
  public func object() throws(LinkError) -> ObjectFile {
    if !state.isChanged, let file = state.file { return file }
    return try writeObject()
  }

  /// Writes an object, and notes which sections and symbols of it are whose.
  package func writeObject() throws(LinkError) -> ObjectFile {
    var writer = ObjectWriter(machine: machine, byteOrder: byteOrder)
    writer.flags = flags
    writer.writesEmptyRelocationSections = true
    let blocks = blocks
    for block in blocks {
      let id = write(block, to: &writer)
      block.written = id
      block.index = Int(id.index.rawValue)
    }
    for block in blocks {
      guard let id = block.written, let other = block.linkedBlock, !other.isRemoved,
        let target = other.written
      else { continue }
      writer.link(id, to: target)
    }
    // In the order of the written table.
    let symbols = symbols
    for (position, symbol)
      in (symbols.filter { $0.binding == .local } + symbols.filter { $0.binding != .local })
      .enumerated()
    {
      symbol.written = write(symbol, to: &writer)
      symbol.index = position + 1
    }
    for block in blocks {
      do throws(LinkGraphError) {
        try writeEdges(of: block, to: &writer)
      } catch {
        throw .graph(error)
      }
    }
    do {
      let object = try ObjectFile(Bytes(writer.bytes()), name: name)
      state.isChanged = false
      return object
    } catch {
      throw .malformed(error)
    }
  }

  private func write(_ block: Block, to writer: inout ObjectWriter) -> ObjectWriter.SectionID {
    let section = block.section
    var flags = section.flags
    if block.linkedBlock?.isRemoved ?? true { flags.remove(.linkOrder) }
    guard !block.isZeroFill else {
      return writer.addZeroSection(
        section.name, flags: flags, alignment: block.alignment, byteCount: block.byteCount)
    }
    return writer.addSection(
      section.name, type: section.type == .nobits ? .progbits : section.type, flags: flags,
      alignment: block.alignment, entrySize: section.entrySize, contents: block.contents)
  }

  private func write(_ symbol: Symbol, to writer: inout ObjectWriter) -> ObjectWriter.SymbolID {
    switch symbol.place {
    case .defined(let block, let offset):
      guard let section = block.written else { preconditionFailure("a symbol in a block that was removed") }
      return writer.addSymbol(
        symbol.name, in: section, at: offset, size: symbol.size, type: symbol.type, binding: symbol.binding,
        other: symbol.other)
    case .external, .removed:
      return writer.addUndefinedSymbol(
        symbol.name, type: symbol.type, binding: symbol.binding == .weak ? .weak : .global,
        other: symbol.other)
    case .absolute(let value):
      return writer.addAbsoluteSymbol(
        symbol.name, value: value, size: symbol.size, type: symbol.type, binding: symbol.binding,
        other: symbol.other)
    case .common(let alignment, let isLarge):
      return writer.addCommonSymbol(
        symbol.name, size: symbol.size, alignment: alignment, isLarge: isLarge, type: symbol.type,
        binding: symbol.binding, other: symbol.other)
    }
  }

  private func writeEdges(
    of block: Block, to writer: inout ObjectWriter
  ) throws(LinkGraphError) {
    guard let section = block.written else { return }
    switch block.edgeStorage {
    case .decoded(let edges):
      for edge in edges {
        guard case .relocation(let type) = edge.kind else { continue }
        try write(
          Relocation(offset: edge.offset, type: type, symbol: .undefined, addend: edge.addend),
          to: edge.target,
          in: section, of: block, &writer)
      }
    case .table(let offset, let count):
      guard let file = state.file else { return }
      try copy(file.relocations(at: offset, count: count), to: section, of: block, &writer)
    }
  }

  private func copy(
    _ table: RelocationTable, to section: ObjectWriter.SectionID, of block: Block,
    _ writer: inout ObjectWriter
  ) throws(LinkGraphError) {
    for position in 0..<table.count {
      let relocation = table[position]
      // What is not in the graph, such as the names of files, is an edge to nowhere.
      let target = state.sourceSymbols[Int(relocation.symbol.rawValue)] ?? nullSymbol
      try write(relocation, to: target, in: section, of: block, &writer)
    }
  }

  private func write(
    _ relocation: Relocation, to target: Symbol, in section: ObjectWriter.SectionID, of block: Block,
    _ writer: inout ObjectWriter
  ) throws(LinkGraphError) {
    guard !target.isRemoved else {
      // What only describes code may describe code that is gone.
      guard block.section.isAllocated else { return }
      throw .targetRemoved(
        file: name, section: block.section.name, offset: relocation.offset, symbol: target.name)
    }
    writer.addRelocation(
      relocation.type, in: section, at: relocation.offset, to: target.written, addend: relocation.addend)
  }
}
