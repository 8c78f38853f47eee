extension LinkGraph {
  /// Why a block needs a symbol, and where in the block that is stored. LLVM's `Edge`.
  public struct Edge {
    /// What an edge means.
    public enum Kind: Hashable, Sendable {
      /// A relocation of this number.
      case relocation(UInt32)
      /// Nothing is stored; what it leads to lives as long as the block does.
      case keepAlive
    }

    /// Bytes from the block's start.
    public var offset: UInt64
    /// What it means.
    public var kind: Kind
    /// What it leads to.
    public var target: Symbol
    /// The addend.
    public var addend: Int64

    /// An edge at `offset`.
    public init(_ kind: Kind, at offset: UInt64, to target: Symbol, addend: Int64 = 0) {
      self.offset = offset
      self.kind = kind
      self.target = target
      self.addend = addend
    }
  }
}
