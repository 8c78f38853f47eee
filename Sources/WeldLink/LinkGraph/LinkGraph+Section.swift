public import WeldELF
public import WeldMemory

extension LinkGraph {
  /// Blocks of one name, type and flags. LLVM's `Section`.
  public final class Section {
    /// The name.
    public let name: String
    /// `sh_type`.
    public let type: SectionType
    /// `sh_flags`, without that of members of groups.
    public let flags: SectionFlags
    /// `sh_entsize`.
    let entrySize: UInt64
    let state: GraphState
    var blockList = BlockList()

    init(_ kind: SectionKind, _ state: GraphState) {
      name = kind.name
      type = kind.type
      flags = kind.flags
      entrySize = kind.entrySize
      self.state = state
    }

    /// Whether it becomes part of memory; debug information does not.
    public var isAllocated: Bool { flags.contains(.alloc) }

    /// What the code may do with it; nothing if it is not allocated.
    public var protection: Protection {
      guard isAllocated else { return [] }
      var protection: Protection = .read
      if flags.contains(.write) { protection.insert(.write) }
      if flags.contains(.executable) { protection.insert(.execute) }
      return protection
    }

    /// Its blocks, in the order of memory.
    public var blocks: [Block] { blockList.current }

    /// The symbols in its blocks.
    public var symbols: [Symbol] { blocks.flatMap { $0.symbols } }

    /// Breaks cycles of references.
    func letGo() { blockList = BlockList() }
  }
}
