/// What was found for the name of a symbol.
public struct ResolvedSymbol: Equatable, Sendable {
  /// Where it is.
  public var address: Address
  /// Whether it is known to be a function, so that a stub may stand for its address.
  public var isFunction: Bool

  /// A symbol at `address`.
  public init(address: Address, isFunction: Bool = false) {
    self.address = address
    self.isFunction = isFunction
  }
}
