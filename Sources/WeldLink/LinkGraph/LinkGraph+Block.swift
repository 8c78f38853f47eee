internal import WeldBytes
internal import WeldELF
public import WeldMemory

extension LinkGraph {
  /// Bytes that stay together: at first a section of an object. LLVM's `Block`.
  public final class Block {
    /// Where its bytes are.
    enum Storage {
      /// In the graph's object.
      case file(Range<Int>)
      case bytes([UInt8])
      case zeros(UInt64)
    }

    /// Where its edges are.
    enum EdgeStorage {
      /// In the graph's object: a table's offset in bytes, and how many entries it has.
      case table(offset: Int, count: Int)
      case decoded([Edge])
    }

    /// Its place among the others.
    struct Order: Comparable {
      var ordinal: Int
      /// Where it began in the block that it was split off, in bytes.
      var offset: UInt64

      static func < (left: Self, right: Self) -> Bool {
        (left.ordinal, left.offset) < (right.ordinal, right.offset)
      }
    }

    /// The section that it belongs to.
    public internal(set) var section: Section
    /// What its address is a multiple of: a power of two, in bytes.
    public internal(set) var alignment: UInt64
    /// Where it is in memory; `nil` until that is known, and where it is not in memory.
    public internal(set) var address: Address?
    /// The block with which it is dropped (`SHF_LINK_ORDER`).
    public internal(set) var linkedBlock: Block?
    /// Whether it was removed from its graph.
    public internal(set) var isRemoved = false
    let order: Order
    var storage: Storage
    var edgeStorage: EdgeStorage
    var symbolList: [Symbol] = []
    /// The index of its section in the object that was written last.
    var index = 0
    /// The section in the object being written.
    var written: ObjectWriter.SectionID?
    var isReached = false
    /// Whether it is kept when the graph is pruned, whatever refers to it.
    public var isKept = false

    init(
      _ section: Section, _ storage: Storage, _ edges: EdgeStorage, alignment: UInt64, order: Order
    ) {
      self.section = section
      self.storage = storage
      edgeStorage = edges
      self.alignment = alignment
      self.order = order
    }

    private var state: GraphState { section.state }

    /// Breaks cycles of references.
    func letGo() {
      edgeStorage = .decoded([])
      symbolList = []
      linkedBlock = nil
    }

    /// Changes ``alignment``.
    ///
    /// - Throws: `notPowerOfTwo`.
    public func setAlignment(_ alignment: UInt64) throws(LinkGraphError) {
      guard alignment > 0, alignment & (alignment - 1) == 0 else {
        throw .notPowerOfTwo(file: state.name, section: section.name, alignment: alignment)
      }
      self.alignment = alignment
      state.isChanged = true
    }

    /// The symbols in it.
    public var symbols: [Symbol] {
      symbolList.filter { if case .defined(let block, _) = $0.place { block === self } else { false } }
    }
  }
}

// MARK: - Contents

extension LinkGraph.Block {
  /// Bytes it takes in memory.
  public var byteCount: UInt64 {
    switch storage {
    case .file(let range): UInt64(range.count)
    case .bytes(let bytes): UInt64(bytes.count)
    case .zeros(let byteCount): byteCount
    }
  }

  /// Whether it is memory of zeros that takes no room in a file.
  public var isZeroFill: Bool {
    if case .zeros = storage { return true }
    return false
  }

  /// Its bytes: after the fixups those in working memory, before that without relocations. None of a zero-fill block.
  public var contents: [UInt8] {
    if let memory = state.memory, memory.isFixedUp, address != nil, !isZeroFill {
      let written = memory.contents(ofSection: index).prefix(Int(byteCount))
      // The zeros that end frame descriptions are not written.
      return written + [UInt8](repeating: 0, count: Int(byteCount) - written.count)
    }
    switch storage {
    case .file(let range):
      guard let file = state.file else { return [] }
      return file.bytes.copy(of: range)
    case .bytes(let bytes): return bytes
    case .zeros: return []
    }
  }

  /// Replaces the bytes. Once memory is allocated there must be as many of them as before; after the fixups they go to
  /// working memory.
  ///
  /// - Throws: `zeroFill`, `contentsSizeChanged`, `edgeOutsideBlock` and `symbolOutsideBlock` for those that would lie
  ///   behind the end.
  public func setContents(_ bytes: [UInt8]) throws(LinkGraphError) {
    guard !isZeroFill else { throw .zeroFill(file: state.name, section: section.name) }
    guard let memory = state.memory else {
      if UInt64(bytes.count) < byteCount { try proveInside(UInt64(bytes.count)) }
      storage = .bytes(bytes)
      state.isChanged = true
      return
    }
    guard UInt64(bytes.count) == byteCount else {
      throw .contentsSizeChanged(
        file: state.name, section: section.name, byteCount: UInt64(bytes.count), expected: byteCount)
    }
    if memory.isFixedUp, address != nil {
      memory.store(bytes, inSection: index)
    } else {
      storage = .bytes(bytes)
      state.isChanged = true
    }
  }

  /// Replaces some of the bytes, from `offset` on.
  ///
  /// - Throws: as ``setContents(_:)``; `contentsSizeChanged` if they reach past the end.
  public func store(_ bytes: [UInt8], at offset: Int) throws(LinkGraphError) {
    guard !isZeroFill else { throw .zeroFill(file: state.name, section: section.name) }
    var all = contents
    guard offset >= 0, offset <= all.count, bytes.count <= all.count - offset else {
      throw .contentsSizeChanged(
        file: state.name, section: section.name, byteCount: UInt64(clamping: offset) + UInt64(bytes.count),
        expected: byteCount)
    }
    all.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    try setContents(all)
  }

  /// Proves that what refers to places of the block lies in its first `byteCount` bytes.
  private func proveInside(_ byteCount: UInt64) throws(LinkGraphError) {
    for edge in edges where edge.kind != .keepAlive {
      let end = edge.offset.addingReportingOverflow(UInt64(FieldWidths.byteCount(of: edge.kind, state)))
      guard !end.overflow, end.partialValue <= byteCount else {
        throw .edgeOutsideBlock(
          file: state.name, section: section.name, offset: edge.offset, byteCount: byteCount)
      }
    }
    for symbol in symbols where symbol.offset > byteCount {
      throw .symbolOutsideBlock(
        file: state.name, section: section.name, symbol: symbol.name, offset: symbol.offset,
        size: symbol.size,
        byteCount: byteCount)
    }
  }
}

extension Bytes {
  /// A copy of a part, which lies inside.
  fileprivate func copy(of range: Range<Int>) -> [UInt8] {
    guard let part = try? extracting(range) else { return [] }
    return Self.copy(part.span)
  }

  private static func copy(_ span: RawSpan) -> [UInt8] { [UInt8](copying: span) }
}

// MARK: - Edges

extension LinkGraph.Block {
  /// The edges, in the order of their table.
  public var edges: [LinkGraph.Edge] {
    switch edgeStorage {
    case .decoded(let edges): return edges
    case .table(let offset, let count):
      guard let file = state.file else { return [] }
      let edges = Self.decode(file.relocations(at: offset, count: count), state)
      edgeStorage = .decoded(edges)
      return edges
    }
  }

  private static func decode(_ table: RelocationTable, _ state: GraphState) -> [LinkGraph.Edge] {
    var edges: [LinkGraph.Edge] = []
    edges.reserveCapacity(table.count)
    for position in 0..<table.count {
      let relocation = table[position]
      // Proven when the graph was made.
      guard let target = state.sourceSymbols[Int(relocation.symbol.rawValue)] else { continue }
      edges.append(
        LinkGraph.Edge(
          .relocation(relocation.type), at: relocation.offset, to: target, addend: relocation.addend))
    }
    return edges
  }

  /// Calls `body` with where each edge leads to, without decoding them.
  func forEachTarget(_ body: (LinkGraph.Symbol) -> Void) {
    switch edgeStorage {
    case .decoded(let edges): for edge in edges { body(edge.target) }
    case .table(let offset, let count):
      guard let file = state.file else { return }
      Self.forEachTarget(file.relocations(at: offset, count: count), state, body)
    }
  }

  private static func forEachTarget(
    _ table: RelocationTable, _ state: GraphState, _ body: (LinkGraph.Symbol) -> Void
  ) {
    for position in 0..<table.count {
      if let target = state.sourceSymbols[Int(table[position].symbol.rawValue)] { body(target) }
    }
  }

  /// Adds an edge behind those at the same offset.
  ///
  /// - Throws: `foreignSymbol` for a target of another graph, or one that was removed; `edgeOutsideBlock`; `zeroFill`.
  public func addEdge(_ edge: LinkGraph.Edge) throws(LinkGraphError) {
    try prove(edge)
    var edges = edges
    // Nearly in the order of offsets, in which words of tables are sought.
    let position = edges.lastIndex { $0.offset <= edge.offset }.map { $0 + 1 } ?? 0
    edges.insert(edge, at: position)
    edgeStorage = .decoded(edges)
    state.isChanged = true
  }

  /// Puts `edge` in the place of the one at `position`.
  ///
  /// - Throws: as ``addEdge(_:)``.
  public func replaceEdge(at position: Int, with edge: LinkGraph.Edge) throws(LinkGraphError) {
    try prove(edge)
    var edges = edges
    edges[position] = edge
    edgeStorage = .decoded(edges)
    state.isChanged = true
  }

  /// Removes edges.
  public func removeEdges(where isUnwanted: (LinkGraph.Edge) -> Bool) {
    let left = edges.filter { !isUnwanted($0) }
    guard left.count < edges.count else { return }
    edgeStorage = .decoded(left)
    state.isChanged = true
  }

  private func prove(_ edge: LinkGraph.Edge) throws(LinkGraphError) {
    guard edge.target.state === state, !edge.target.isRemoved else {
      throw .foreignSymbol(file: state.name, symbol: edge.target.name)
    }
    guard edge.kind != .keepAlive else { return }
    guard !isZeroFill else { throw .zeroFill(file: state.name, section: section.name) }
    let end = edge.offset.addingReportingOverflow(UInt64(FieldWidths.byteCount(of: edge.kind, state)))
    guard !end.overflow, end.partialValue <= byteCount else {
      throw .edgeOutsideBlock(
        file: state.name, section: section.name, offset: edge.offset, byteCount: byteCount)
    }
  }
}

/// How many bytes relocations write.
struct FieldWidths: ArchitectureWork {
  let type: UInt32

  func run<A: Architecture>(for _: A.Type) throws(LinkError) -> Int {
    A.RelocationKind(rawValue: type).map { A.rule(for: $0).field.byteCount } ?? 0
  }

  /// Bytes that an edge writes; 0 for a kind that the machine does not have, which the engine refuses.
  static func byteCount(of kind: LinkGraph.Edge.Kind, _ state: GraphState) -> Int {
    guard case .relocation(let type) = kind else { return 0 }
    var widths = FieldWidths(type: type)
    return (try? widths.run(for: state.machine, file: state.name)) ?? 0
  }
}
