public import WeldBytes
public import WeldELF

/// An object as a graph: blocks of bytes, symbols that name places in them, and edges from blocks to symbols.
///
/// A front to the engine, not another engine: a changed graph is written to an object again, each block a section,
/// and that is linked as any other. An edge's kind is the number of a relocation; what it means, only the engine
/// knows. Edges of a block are decoded when somebody asks for them.
///
/// A graph is used by one thread at a time, and its parts as long as it exists. LLVM's `LinkGraph`.
public final class LinkGraph {
  /// What errors call the object.
  public let name: String
  /// What the code is made for.
  public let machine: Machine
  /// The byte order of integers in blocks.
  public let byteOrder: ByteOrder
  /// Bytes of a pointer.
  public let pointerByteCount = 8
  /// `e_flags`.
  let flags: UInt32
  let state: GraphState
  private var sectionsByKind: [SectionKind: Section] = [:]
  /// The sections, in the order of their first blocks.
  public private(set) var sections: [Section] = []
  private var blockList = BlockList()
  private var symbolList: [Symbol] = []
  private var symbolsAreStale = false
  private var nextOrdinal = 0
  /// What an edge without a symbol refers to: the address 0.
  public let nullSymbol: Symbol

  /// What tells sections of one name apart.
  struct SectionKind: Hashable {
    var name: String
    var type: SectionType
    var flags: SectionFlags
    var entrySize: UInt64
  }

  /// An empty graph.
  ///
  /// - Parameters:
  ///   - name: what errors call it.
  ///   - flags: `e_flags`.
  public init(name: String, machine: Machine, byteOrder: ByteOrder, flags: UInt32 = 0) {
    self.name = name
    self.machine = machine
    self.byteOrder = byteOrder
    self.flags = flags
    state = GraphState(name: name, machine: machine, byteOrder: byteOrder, file: nil)
    state.isChanged = true
    nullSymbol = Symbol("", .absolute(0), binding: .local, type: .none, state)
  }

  /// The graph of `object`.
  ///
  /// - Throws: `LinkError.relocation` and `LinkError.section` for relocations that no graph can hold: of a symbol that
  ///   the object does not have, without addends, in the compact form, or in a second table for one section.
  public init(_ object: ObjectFile) throws(LinkError) {
    name = object.name
    machine = object.header.machine
    byteOrder = object.header.byteOrder
    flags = object.header.flags
    state = GraphState(
      name: object.name, machine: object.header.machine, byteOrder: object.header.byteOrder, file: object)
    nullSymbol = Symbol("", .absolute(0), binding: .local, type: .none, state)
    try read(object)
  }

  deinit {
    // They refer to each other.
    for block in blockList.all { block.letGo() }
    for section in sections { section.letGo() }
    for symbol in symbolList { symbol.place = .removed }
    state.letGo()
  }

  /// Whether it differs from the object that it was made of.
  public var isChanged: Bool { state.isChanged }

  /// The blocks, in the order of memory: that of the object, then of their creation.
  public var blocks: [Block] { blockList.current }

  /// The symbols, in the order of the object, then of their creation.
  public var symbols: [Symbol] {
    if symbolsAreStale {
      symbolList.removeAll { $0.isRemoved }
      symbolsAreStale = false
    }
    return symbolList
  }

  /// The symbols that lie in blocks or are common.
  public var definedSymbols: [Symbol] { symbols.filter { $0.isDefined } }
  /// The symbols that something else defines.
  public var externalSymbols: [Symbol] { symbols.filter { $0.isExternal } }
  /// The symbols that are numbers.
  public var absoluteSymbols: [Symbol] { symbols.filter { $0.isAbsolute } }

  /// The first section of this name. LLVM's `findSectionByName`.
  public func section(named name: String) -> Section? { sections.first { $0.name == name } }

  /// The symbol of this name; one that is not local, if there are several.
  public func symbol(named name: String) -> Symbol? {
    var found: Symbol?
    for symbol in symbols where symbol.name == name {
      if symbol.scope != .local { return symbol }
      found = found ?? symbol
    }
    return found
  }

  /// The psABI's name of an edge's kind. LLVM's `getEdgeKindName`.
  public func name(of kind: Edge.Kind) -> String {
    switch kind {
    case .relocation(let number): machine.relocationName(number)
    case .keepAlive: "keep alive"
    }
  }
}

// MARK: - What it consists of

extension LinkGraph {
  /// The section of this kind, made if there is none.
  func section(of kind: SectionKind) -> Section {
    if let known = sectionsByKind[kind] { return known }
    let section = Section(kind, state)
    sectionsByKind[kind] = section
    sections.append(section)
    return section
  }

  /// Adds a block behind all others.
  func append(
    to section: Section, _ storage: Block.Storage, _ edges: Block.EdgeStorage, alignment: UInt64
  ) -> Block {
    defer { nextOrdinal += 1 }
    return insert(
      Block(section, storage, edges, alignment: alignment, order: .init(ordinal: nextOrdinal, offset: 0)))
  }

  func insert(_ block: Block) -> Block {
    blockList.insert(block)
    block.section.blockList.insert(block)
    return block
  }

  func insert(_ symbol: Symbol) -> Symbol {
    symbolList.append(symbol)
    if case .defined(let block, _) = symbol.place { block.symbolList.append(symbol) }
    return symbol
  }

  func forget(_ block: Block) {
    block.letGo()
    block.isRemoved = true
    blockList.isStale = true
    block.section.blockList.isStale = true
    state.isChanged = true
  }

  func forget(_ symbol: Symbol) {
    symbol.place = .removed
    symbolsAreStale = true
    state.isChanged = true
  }
}

/// What the parts of a graph share.
final class GraphState {
  let name: String
  let machine: Machine
  let byteOrder: ByteOrder
  /// The object that the graph was made of.
  let file: ObjectFile?
  /// The symbols by their indices in ``file``; `nil` for those that are not in the graph.
  var sourceSymbols: [LinkGraph.Symbol?] = []
  /// Whether something differs from the object, or from the one that was written last.
  var isChanged = false
  /// Where it lies, once that is known.
  var memory: GraphMemory?

  init(name: String, machine: Machine, byteOrder: ByteOrder, file: ObjectFile?) {
    self.name = name
    self.machine = machine
    self.byteOrder = byteOrder
    self.file = file
  }

  /// Forgets what refers to it.
  func letGo() {
    sourceSymbols = []
    memory = nil
  }
}

/// Blocks in the order of memory, of which some may have been removed.
struct BlockList {
  private(set) var all: [LinkGraph.Block] = []
  private var isSorted = true
  var isStale = false

  var current: [LinkGraph.Block] {
    mutating get {
      if isStale { all.removeAll { $0.isRemoved } }
      if !isSorted { all.sort { $0.order < $1.order } }
      isStale = false
      isSorted = true
      return all
    }
  }

  mutating func remove(_ block: LinkGraph.Block) { all.removeAll { $0 === block } }

  mutating func insert(_ block: LinkGraph.Block) {
    if let last = all.last, block.order < last.order { isSorted = false }
    all.append(block)
  }
}
