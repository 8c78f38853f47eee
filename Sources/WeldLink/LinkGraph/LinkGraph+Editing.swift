public import WeldELF
internal import WeldMemory

// MARK: - Sections and blocks

extension LinkGraph {
  /// The section of this name, type and flags, made if there is none. LLVM's `createSection`.
  public func createSection(
    _ name: String, type: SectionType = .progbits, flags: SectionFlags
  ) -> Section {
    section(of: SectionKind(name: name, type: type, flags: flags, entrySize: 0))
  }

  /// Adds a block of bytes behind all others. LLVM's `createContentBlock`.
  ///
  /// - Throws: `foreignBlock` for a section of another graph, `notPowerOfTwo`.
  public func createContentBlock(
    in section: Section, _ contents: [UInt8], alignment: UInt64 = 1
  ) throws(LinkGraphError) -> Block {
    try create(in: section, .bytes(contents), alignment)
  }

  /// Adds a block of zeros behind all others. LLVM's `createZeroFillBlock`.
  ///
  /// - Throws: as ``createContentBlock(in:_:alignment:)``.
  public func createZeroFillBlock(
    in section: Section, byteCount: UInt64, alignment: UInt64 = 1
  ) throws(LinkGraphError) -> Block {
    try create(in: section, .zeros(byteCount), alignment)
  }

  private func create(
    in section: Section, _ storage: Block.Storage, _ alignment: UInt64
  ) throws(LinkGraphError) -> Block {
    guard section.state === state else { throw .foreignBlock(file: name, section: section.name) }
    guard alignment > 0, alignment & (alignment - 1) == 0 else {
      throw .notPowerOfTwo(file: name, section: section.name, alignment: alignment)
    }
    state.isChanged = true
    return append(to: section, storage, .decoded([]), alignment: alignment)
  }

  /// Splits a block at `offset` bytes; the symbols and edges from there on go to the new block, which is returned and
  /// lies right behind. LLVM's `splitBlock`, which returns the first part.
  ///
  /// Compilers refer to places behind a section's symbol. So as long as there is one in the block, the first part keeps
  /// the second one alive.
  ///
  /// - Throws: `splitOutsideBlock`, `splitInsideEdge`, `splitFrames` for `.eh_frame`, `foreignBlock`.
  public func splitBlock(_ block: Block, at offset: UInt64) throws(LinkGraphError) -> Block {
    let section = block.section
    guard section.state === state, !block.isRemoved else {
      throw .foreignBlock(file: name, section: section.name)
    }
    guard !block.holdsFrames else { throw .splitFrames(file: name, section: section.name) }
    guard offset > 0, offset < block.byteCount else {
      throw .splitOutsideBlock(
        file: name, section: section.name, offset: offset, byteCount: block.byteCount)
    }
    let edges = block.edges
    for edge in edges where edge.offset < offset && edge.kind != .keepAlive {
      guard edge.offset + UInt64(FieldWidths.byteCount(of: edge.kind, state)) <= offset else {
        throw .splitInsideEdge(
          file: name, section: section.name, offset: offset, edgeOffset: edge.offset,
          type: name(of: edge.kind))
      }
    }
    let (first, second) = block.parts(at: offset)
    block.storage = first
    let order = Block.Order(ordinal: block.order.ordinal, offset: block.order.offset + offset)
    let moved: [Edge] = edges.compactMap { edge in
      guard edge.offset >= offset else { return nil }
      var edge = edge
      edge.offset -= offset
      return edge
    }
    // What it lies behind ends at a multiple of this, and so there is no gap.
    let new = insert(
      Block(
        section, second, .decoded(moved), alignment: min(block.alignment, offset & (~offset &+ 1)),
        order: order))
    new.linkedBlock = block.linkedBlock
    var left = edges.filter { $0.offset < offset }
    let symbols = block.symbols
    if symbols.contains(where: \.isSectionSymbol) {
      left.append(Edge(.keepAlive, at: 0, to: try addAnonymousSymbol(in: new)))
    }
    block.edgeStorage = .decoded(left)
    for symbol in symbols where symbol.offset >= offset {
      symbol.place = .defined(new, offset: symbol.offset - offset)
      new.symbolList.append(symbol)
    }
    block.symbolList = symbols.filter { $0.block === block }
    state.isChanged = true
    return new
  }

  /// Moves a block to another section; its place among the blocks is as before. LLVM's `transferBlock`.
  ///
  /// - Throws: `foreignBlock`.
  public func transferBlock(_ block: Block, to section: Section) throws(LinkGraphError) {
    guard block.section.state === state, section.state === state, !block.isRemoved else {
      throw .foreignBlock(file: name, section: section.name)
    }
    block.section.blockList.remove(block)
    block.section = section
    section.blockList.insert(block)
    state.isChanged = true
  }

  /// Removes a block and its symbols. LLVM's `removeBlock`.
  ///
  /// Edges that lead to them must go, too, before the graph is linked.
  public func removeBlock(_ block: Block) {
    guard block.section.state === state, !block.isRemoved else { return }
    for symbol in block.symbols { forget(symbol) }
    forget(block)
  }
}

extension LinkGraph.Block {
  /// Whether it consists of frame descriptions.
  var holdsFrames: Bool { section.name == ".eh_frame" && section.isAllocated }

  /// Its bytes up to and from `offset`.
  fileprivate func parts(at offset: UInt64) -> (Storage, Storage) {
    switch storage {
    case .file(let range):
      let middle = range.lowerBound + Int(offset)
      return (.file(range.lowerBound..<middle), .file(middle..<range.upperBound))
    case .bytes(let bytes):
      return (.bytes(Array(bytes[..<Int(offset)])), .bytes(Array(bytes[Int(offset)...])))
    case .zeros(let byteCount): return (.zeros(offset), .zeros(byteCount - offset))
    }
  }
}

// MARK: - Symbols

extension LinkGraph {
  /// Adds a symbol for a place in a block. LLVM's `addDefinedSymbol`.
  ///
  /// - Throws: `symbolOutsideBlock`, `foreignBlock`.
  public func addDefinedSymbol(
    _ name: String, in block: Block, at offset: UInt64 = 0, size: UInt64 = 0, linkage: Linkage = .strong,
    scope: Scope = .default, isCallable: Bool = false, isLive: Bool = false
  ) throws(LinkGraphError) -> Symbol {
    try prove(name, block, offset, size)
    let symbol = Symbol(
      name, .defined(block, offset: offset), size: size, binding: linkage == .weak ? .weak : .global,
      type: block.section.flags.contains(.tls) ? .tls : isCallable ? .function : .none, state)
    symbol.scope = scope
    symbol.isLive = isLive
    state.isChanged = true
    return insert(symbol)
  }

  /// Adds a local symbol without a name. LLVM's `addAnonymousSymbol`.
  ///
  /// - Throws: `symbolOutsideBlock`, `foreignBlock`.
  public func addAnonymousSymbol(
    in block: Block, at offset: UInt64 = 0, size: UInt64 = 0, isCallable: Bool = false, isLive: Bool = false
  ) throws(LinkGraphError) -> Symbol {
    try addDefinedSymbol(
      "", in: block, at: offset, size: size, scope: .local, isCallable: isCallable, isLive: isLive)
  }

  private func prove(
    _ symbol: String, _ block: Block, _ offset: UInt64, _ size: UInt64
  ) throws(LinkGraphError) {
    guard block.section.state === state, !block.isRemoved else {
      throw .foreignBlock(file: name, section: block.section.name)
    }
    guard offset <= block.byteCount, size <= block.byteCount - offset else {
      throw .symbolOutsideBlock(
        file: name, section: block.section.name, symbol: symbol, offset: offset, size: size,
        byteCount: block.byteCount)
    }
  }

  /// Adds a symbol that something else defines; if that is not found, a weakly referenced one is 0. LLVM's
  /// `addExternalSymbol`.
  public func addExternalSymbol(_ name: String, isWeaklyReferenced: Bool = false) -> Symbol {
    state.isChanged = true
    return insert(
      Symbol(name, .external, binding: isWeaklyReferenced ? .weak : .global, type: .none, state))
  }

  /// Adds a symbol that is a number. LLVM's `addAbsoluteSymbol`.
  public func addAbsoluteSymbol(
    _ name: String, value: UInt64, size: UInt64 = 0, linkage: Linkage = .strong, scope: Scope = .default,
    isLive: Bool = false
  ) -> Symbol {
    let symbol = Symbol(
      name, .absolute(value), size: size, binding: linkage == .weak ? .weak : .global, type: .none, state)
    symbol.scope = scope
    symbol.isLive = isLive
    state.isChanged = true
    return insert(symbol)
  }

  /// Moves a symbol that is defined to another place; it is as large as before, unless told otherwise. LLVM's
  /// `transferDefinedSymbol`.
  ///
  /// - Throws: `foreignSymbol`, also for one that is not defined; `symbolOutsideBlock`, `foreignBlock`.
  public func transferDefinedSymbol(
    _ symbol: Symbol, to block: Block, at offset: UInt64 = 0, size: UInt64? = nil
  ) throws(LinkGraphError) {
    guard symbol.state === state, symbol.isDefined else {
      throw .foreignSymbol(file: name, symbol: symbol.name)
    }
    try prove(symbol.name, block, offset, size ?? symbol.size)
    symbol.block?.symbolList.removeAll { $0 === symbol }
    symbol.place = .defined(block, offset: offset)
    symbol.size = size ?? symbol.size
    block.symbolList.append(symbol)
  }

  /// Removes a symbol. LLVM's `removeDefinedSymbol`, `removeExternalSymbol`, `removeAbsoluteSymbol`.
  ///
  /// Edges that lead to it must go, too, before the graph is linked.
  public func removeSymbol(_ symbol: Symbol) {
    if symbol.state === state, symbol !== nullSymbol { forget(symbol) }
  }

  /// Lets something else define the symbol. LLVM's `makeExternal`.
  ///
  /// - Throws: `foreignSymbol`, also for one without a name.
  public func makeExternal(_ symbol: Symbol) throws(LinkGraphError) {
    guard symbol.state === state, !symbol.isRemoved, !symbol.name.isEmpty else {
      throw .foreignSymbol(file: name, symbol: symbol.name)
    }
    symbol.block?.symbolList.removeAll { $0 === symbol }
    // A reference is weak only if it says so, whatever its definition was.
    symbol.binding = .global
    symbol.place = .external
    symbol.size = 0
  }

  /// Lets a number be what the symbol stands for. LLVM's `makeAbsolute`.
  ///
  /// - Throws: `foreignSymbol`.
  public func makeAbsolute(_ symbol: Symbol, value: UInt64) throws(LinkGraphError) {
    guard symbol.state === state, !symbol.isRemoved, symbol !== nullSymbol else {
      throw .foreignSymbol(file: name, symbol: symbol.name)
    }
    symbol.block?.symbolList.removeAll { $0 === symbol }
    symbol.place = .absolute(value)
  }

  /// Defines the symbol at a place of a block. LLVM's `makeDefined`.
  ///
  /// - Throws: `foreignSymbol`, `symbolOutsideBlock`, `foreignBlock`.
  public func makeDefined(
    _ symbol: Symbol, in block: Block, at offset: UInt64 = 0, size: UInt64 = 0, linkage: Linkage = .strong,
    scope: Scope = .default
  ) throws(LinkGraphError) {
    guard symbol.state === state, !symbol.isRemoved, symbol !== nullSymbol else {
      throw .foreignSymbol(file: name, symbol: symbol.name)
    }
    try prove(symbol.name, block, offset, size)
    symbol.block?.symbolList.removeAll { $0 === symbol }
    symbol.place = .defined(block, offset: offset)
    symbol.binding = linkage == .weak ? .weak : .global
    symbol.scope = scope
    symbol.size = size
    block.symbolList.append(symbol)
  }
}
