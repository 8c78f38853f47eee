public import WeldMemory

/// What objects need of the memory that they are linked into.
public struct MemoryNeeds: Equatable, Sendable {
  /// Bytes of address space within which everything is to lie.
  public var windowByteCount: Int
  /// Where the window is to lie. In another process that is for its operating system to choose, but for
  /// ``MappedMemory/Placement/low``.
  public var placement: MappedMemory.Placement

  /// The defaults of ``MappedMemory``, or other needs.
  public init(windowByteCount: Int = 1 << 30, placement: MappedMemory.Placement = .nearProcess) {
    self.windowByteCount = windowByteCount
    self.placement = placement
  }
}
