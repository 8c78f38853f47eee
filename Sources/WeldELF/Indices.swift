/// The place of a section in its object's section header table.
public struct SectionIndex: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: UInt32
  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `SHN_UNDEF`: no section.
  @inlinable public static var undefined: SectionIndex { SectionIndex(rawValue: 0) }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The place of a symbol in its object's symbol table.
public struct SymbolIndex: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: UInt32
  @inlinable
  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// `STN_UNDEF`: the reserved first symbol, which has no name and the value 0.
  @inlinable public static var undefined: SymbolIndex { SymbolIndex(rawValue: 0) }

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
