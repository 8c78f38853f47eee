internal import WeldBytes
internal import WeldELF

// An object as a graph: one block for each section, but for the tables that only files have.
extension LinkGraph {
  func read(_ object: ObjectFile) throws(LinkError) {
    var tables: [Int: (offset: Int, count: Int)] = [:]
    for number in 1..<max(object.sectionCount, 1) {
      let header = object.section(at: SectionIndex(rawValue: UInt32(number)))
      guard let target = try Self.relocationTarget(header, object) else { continue }
      guard tables[target] == nil else {
        throw .section(
          .secondRelocationSection, file: name,
          section: object.sectionName(SectionIndex(rawValue: header.info)))
      }
      guard header.size > 0 else { continue }
      let count = header.fileRange.count / 24
      try prove(
        object.relocations(at: header.fileRange.lowerBound, count: count), of: header.info, in: object)
      tables[target] = (header.fileRange.lowerBound, count)
    }
    let blocks = readBlocks(object, tables)
    readSymbols(object, blocks)
  }

  /// The section that `header` has relocations for, if it is a table of those.
  private static func relocationTarget(
    _ header: SectionHeader, _ object: ObjectFile
  ) throws(LinkError) -> Int? {
    let isKnown = Int(header.info) < object.sectionCount
    let name = isKnown ? object.sectionName(SectionIndex(rawValue: header.info)) : object.name(of: header)
    switch header.type {
    case .rela: return Int(header.info)
    case .rel where header.size > 0:
      throw .relocation(
        .withoutAddend,
        at: RelocationWalk.place(of: object.relocations(in: header)[0], in: object, header.info)
      )
    case .compactRelocations: throw .section(.compactRelocations, file: object.name, section: name)
    default: return nil
    }
  }

  private func prove(
    _ table: RelocationTable, of section: UInt32, in object: ObjectFile
  ) throws(LinkError) {
    let symbolCount = max(object.symbolCount, 1)
    for position in 0..<table.count where Int(table[position].symbol.rawValue) >= symbolCount {
      throw .relocation(
        .symbolOutOfRange(index: table[position].symbol.rawValue, count: symbolCount),
        at: RelocationWalk.place(of: table[position], in: object, section))
    }
  }

  /// - Returns: the block of each section; `nil` for those that are not part of the graph.
  private func readBlocks(
    _ object: ObjectFile, _ tables: [Int: (offset: Int, count: Int)]
  ) -> [Block?] {
    var blocks = [Block?](repeating: nil, count: max(object.sectionCount, 1))
    var linked: [(Block, UInt32)] = []
    for number in 1..<blocks.count {
      let header = object.section(at: SectionIndex(rawValue: UInt32(number)))
      guard header.belongsToGraph else { continue }
      let section = section(
        of: SectionKind(
          name: object.name(of: header), type: header.type, flags: header.flags.subtracting(.group),
          entrySize: header.entrySize))
      let edges = tables[number].map { Block.EdgeStorage.table(offset: $0.offset, count: $0.count) }
      let block = append(
        to: section, header.type == .nobits ? .zeros(header.size) : .file(header.fileRange),
        edges ?? .decoded([]), alignment: header.alignment)
      block.index = number
      blocks[number] = block
      if header.flags.contains(.linkOrder), header.link != 0 { linked.append((block, header.link)) }
    }
    for (block, other) in linked { block.linkedBlock = blocks[Int(other)] }
    return blocks
  }

  private func readSymbols(_ object: ObjectFile, _ blocks: [Block?]) {
    var comdat: Set<SectionIndex> = []
    for index in object.groupSections {
      let group = object.group(at: index)
      if group.isCOMDAT { comdat.formUnion(group.members) }
    }
    state.sourceSymbols = [Symbol?](repeating: nil, count: max(object.symbolCount, 1))
    state.sourceSymbols[0] = nullSymbol
    for index in 1..<max(object.symbolCount, 1) {
      let entry = object.symbol(at: SymbolIndex(rawValue: UInt32(index)))
      guard entry.type != .file else { continue }
      var binding = entry.binding
      let place: Symbol.Place
      switch entry.place {
      // Nothing can define a local symbol but the object.
      case .undefined: place = entry.binding == .local ? .absolute(0) : .external
      case .absolute: place = .absolute(entry.value)
      case .common: place = .common(alignment: entry.value, isLarge: false)
      case .largeCommon: place = .common(alignment: entry.value, isLarge: true)
      case .section(let section):
        // Which of several is kept is decided by who defines their names.
        if comdat.contains(section), binding == .global { binding = .weak }
        place =
          blocks[Int(section.rawValue)].map { .defined($0, offset: entry.value) } ?? .absolute(entry.value)
      }
      let symbol = Symbol(
        object.text(of: entry), place, size: entry.size, binding: binding, type: entry.type,
        other: entry.other, state)
      symbol.index = index
      state.sourceSymbols[index] = insert(symbol)
    }
  }
}

extension ObjectFile {
  /// The name in the symbol table, also of section symbols.
  fileprivate func text(of symbol: WeldELF.Symbol) -> String { String(decoding: nameBytes(of: symbol)) }
}

extension SectionHeader {
  /// Whether it is more than a table of the file's.
  fileprivate var belongsToGraph: Bool {
    switch type {
    case .null, .rela, .rel, .compactRelocations, .group: false
    case .progbits, .nobits, .note: true
    default: flags.contains(.alloc)
    }
  }
}
