/// Who sees a symbol and how definitions compete (upper half of `st_info`).
public struct SymbolBinding: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt8
  @inlinable
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable public static var local: Self { Self(rawValue: 0) }
  @inlinable public static var global: Self { Self(rawValue: 1) }
  @inlinable public static var weak: Self { Self(rawValue: 2) }
  /// `STB_GNU_UNIQUE`: one definition in the process, however many files bring one.
  @inlinable public static var unique: Self { Self(rawValue: 10) }
}

extension SymbolBinding: CustomStringConvertible {
  public var description: String {
    switch self {
    case .local: "local"
    case .global: "global"
    case .weak: "weak"
    case .unique: "unique"
    default: "binding \(rawValue)"
    }
  }
}

/// What a symbol stands for (lower half of `st_info`).
public struct SymbolType: RawRepresentable, Hashable, Sendable {
  public var rawValue: UInt8
  @inlinable
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable public static var none: Self { Self(rawValue: 0) }
  @inlinable public static var object: Self { Self(rawValue: 1) }
  @inlinable public static var function: Self { Self(rawValue: 2) }
  @inlinable public static var section: Self { Self(rawValue: 3) }
  @inlinable public static var file: Self { Self(rawValue: 4) }
  @inlinable public static var common: Self { Self(rawValue: 5) }
  /// `STT_TLS`: the value is an offset in the template of thread-local storage.
  @inlinable public static var tls: Self { Self(rawValue: 6) }
  /// `STT_GNU_IFUNC`: the value is the address of a function that chooses the function.
  @inlinable public static var indirectFunction: Self { Self(rawValue: 10) }
}

extension SymbolType: CustomStringConvertible {
  public var description: String {
    switch self {
    case .none: "notype"
    case .object: "object"
    case .function: "func"
    case .section: "section"
    case .file: "file"
    case .common: "common"
    case .tls: "tls"
    case .indirectFunction: "ifunc"
    default: "type \(rawValue)"
    }
  }
}

/// How far a symbol can be seen (two lowest bits of `st_other`), from least to most constraining as
/// ``mostConstraining(_:_:)`` orders them.
public enum SymbolVisibility: UInt8, Sendable {
  case `default` = 0
  /// `STV_INTERNAL`, treated as hidden.
  case `internal` = 1
  case hidden = 2
  case protected = 3

  /// What holds when several files mention a symbol: the most constraining visibility (gABI, "Symbol
  /// Visibility").
  public static func mostConstraining(_ left: Self, _ right: Self) -> Self {
    // Internal before hidden before protected before default, which is the order of the numbers, with 0 last.
    if left == .default { return right }
    if right == .default { return left }
    return left.rawValue < right.rawValue ? left : right
  }

  /// Whether the symbol stays inside what is linked together.
  public var isHidden: Bool { self == .hidden || self == .internal }
}

extension SymbolVisibility: CustomStringConvertible {
  public var description: String {
    switch self {
    case .default: "default"
    case .internal: "internal"
    case .hidden: "hidden"
    case .protected: "protected"
    }
  }
}

/// Where a symbol is defined.
public enum SymbolPlace: Equatable, Sendable {
  /// Not here.
  case undefined
  /// `SHN_ABS`: the value is the address, whatever moves.
  case absolute
  /// `SHN_COMMON`: room that the linker makes; the value is the alignment.
  case common
  /// `SHN_X86_64_LCOMMON`: the same, where large data goes.
  case largeCommon
  /// In a section; the value is the offset from its start.
  case section(SectionIndex)
}

/// One entry of a symbol table, decoded (gABI, "Symbol Table").
public struct Symbol: Equatable, Sendable {
  /// Bytes an ELF64 symbol takes.
  public static let byteCount = 24

  /// `st_name`: where the name begins in the string table, in bytes.
  public var nameOffset: UInt32
  /// `st_info`.
  public var info: UInt8
  /// `st_other`: the visibility, and bits of the processor's own.
  public var other: UInt8
  /// `st_shndx`, with `SHN_XINDEX` resolved.
  public var place: SymbolPlace
  /// `st_value`: an offset in bytes, an alignment, or an address; ``place`` tells.
  public var value: UInt64
  /// `st_size`, in bytes.
  public var size: UInt64

  /// A symbol with the given fields.
  @inlinable
  public init(nameOffset: UInt32, info: UInt8, other: UInt8, place: SymbolPlace, value: UInt64, size: UInt64)
  {
    self.nameOffset = nameOffset
    self.info = info
    self.other = other
    self.place = place
    self.value = value
    self.size = size
  }

  /// The upper half of ``info``.
  @inlinable
  public var binding: SymbolBinding { SymbolBinding(rawValue: info >> 4) }
  /// The lower half of ``info``.
  @inlinable
  public var type: SymbolType { SymbolType(rawValue: info & 15) }
  /// The two lowest bits of ``other``.
  @inlinable
  public var visibility: SymbolVisibility { SymbolVisibility(rawValue: other & 3) ?? .default }
}
