/// A second name for a symbol.
public struct Alias: Equatable, Sendable {
  /// The name that stands for another one, where nothing defines it.
  public var name: String
  /// The name it stands for.
  public var target: String

  /// Lets `name` stand for `target`.
  public init(_ name: String, for target: String) {
    self.name = name
    self.target = target
  }
}
