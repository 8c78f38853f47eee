internal import WeldELF
public import WeldMemory

extension LinkGraph {
  /// How a definition competes with others of its name; of an external symbol, whether it must be found.
  public enum Linkage: Hashable, Sendable {
    case strong
    case weak
  }

  /// Who sees a symbol.
  public enum Scope: Hashable, Sendable {
    /// All that is linked.
    case `default`
    /// The dylib.
    case hidden
    /// The graph.
    case local
  }

  /// A name or a place that edges refer to. LLVM's `Symbol`.
  public final class Symbol {
    /// Where it is.
    enum Place {
      case defined(Block, offset: UInt64)
      case external
      case absolute(UInt64)
      case common(alignment: UInt64, isLarge: Bool)
      case removed
    }

    /// The name; empty for an anonymous symbol, and for one that stands for its section.
    public var name: String { didSet { state.isChanged = true } }
    var place: Place { didSet { state.isChanged = true } }
    /// Bytes of what it stands for; 0 if that is not known.
    public var size: UInt64 { didSet { state.isChanged = true } }
    /// Whether it is kept, and with it what it needs, when the graph is pruned.
    public var isLive = false
    /// Where it is in memory; `nil` until that is known, and where it is not in memory.
    public internal(set) var address: Address?
    var binding: SymbolBinding
    var type: SymbolType
    /// `st_other`: the visibility, and bits of the processor's own, such as ppc64le's local entry.
    public internal(set) var other: UInt8
    let state: GraphState
    /// Its index in the object that was written last.
    var index = 0
    /// The symbol in the object being written.
    var written: ObjectWriter.SymbolID?
    var isReached = false

    init(
      _ name: String, _ place: Place, size: UInt64 = 0, binding: SymbolBinding, type: SymbolType,
      other: UInt8 = 0, _ state: GraphState
    ) {
      self.name = name
      self.place = place
      self.size = size
      self.binding = binding
      self.type = type
      self.other = other
      self.state = state
    }

    /// Whether it lies in a block or is common.
    public var isDefined: Bool {
      switch place {
      case .defined, .common: true
      case .external, .absolute, .removed: false
      }
    }

    /// Whether something else defines it.
    public var isExternal: Bool {
      if case .external = place { return true }
      return false
    }

    /// Whether it is a number, whatever moves.
    public var isAbsolute: Bool {
      if case .absolute = place { return true }
      return false
    }

    /// Whether the linker makes room for it, among other common symbols.
    public var isCommon: Bool {
      if case .common = place { return true }
      return false
    }

    /// Whether it was removed from its graph.
    public var isRemoved: Bool {
      if case .removed = place { return true }
      return false
    }

    /// The block that it lies in, if it does.
    public var block: Block? {
      if case .defined(let block, _) = place { return block }
      return nil
    }

    /// Bytes from the start of its block; 0 if it lies in none.
    public var offset: UInt64 {
      if case .defined(_, let offset) = place { return offset }
      return 0
    }

    /// Whether it is a function.
    public var isCallable: Bool {
      get { type == .function || type == .indirectFunction }
      set {
        guard newValue != isCallable else { return }
        type = newValue ? .function : .none
        state.isChanged = true
      }
    }

    /// Whether it stands for its section (`STT_SECTION`).
    public var isSectionSymbol: Bool { type == .section }

    /// How it competes, or whether it must be found. Local symbols are strong.
    public var linkage: Linkage {
      get { binding == .weak || binding == .unique ? .weak : .strong }
      set {
        guard newValue != linkage, binding != .local else { return }
        binding = newValue == .weak ? .weak : .global
        state.isChanged = true
      }
    }

    /// Who sees it. A protected symbol is seen by all; an external one cannot be local.
    public var scope: Scope {
      get {
        if binding == .local { return .local }
        return SymbolVisibility(rawValue: other & 3)?.isHidden == true ? .hidden : .default
      }
      set {
        guard newValue != scope, newValue != .local || !isExternal else { return }
        other &= ~3
        switch newValue {
        case .local: binding = .local
        case .hidden, .default:
          if binding == .local { binding = .global }
          if newValue == .hidden { other |= SymbolVisibility.hidden.rawValue }
        }
        state.isChanged = true
      }
    }
  }
}
