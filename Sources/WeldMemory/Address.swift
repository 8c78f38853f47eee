/// An address in the memory where linked code runs, which need not be this process's.
public struct Address: RawRepresentable, Hashable, Comparable, Sendable {
  public var rawValue: UInt64
  @inlinable
  public init(rawValue: UInt64) { self.rawValue = rawValue }

  /// The address 0, which an undefined weak symbol has.
  public static let zero = Address(rawValue: 0)

  @inlinable
  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

  /// The address `distance` bytes from here; wraps as the machine's arithmetic does.
  @inlinable
  public func advanced(by distance: UInt64) -> Address { Address(rawValue: rawValue &+ distance) }
}

extension Address: CustomStringConvertible {
  public var description: String { "0x" + String(rawValue, radix: 16) }
}

/// What may be done with memory.
public struct Protection: OptionSet, Hashable, Sendable {
  public var rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let read = Protection(rawValue: 1)
  public static let write = Protection(rawValue: 2)
  public static let execute = Protection(rawValue: 4)
}

extension Protection: CustomStringConvertible {
  /// `r`, `rw` or `rx`.
  public var description: String {
    (contains(.read) ? "r" : "") + (contains(.write) ? "w" : "") + (contains(.execute) ? "x" : "")
  }
}
