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

extension [Alias] {
  /// The names that `name` stands for, nearest first: several where an alias stands for an alias, none where
  /// it is none.
  ///
  /// A circle ends before it begins again.
  func targets(of name: String) -> [String] {
    var targets: [String] = []
    while let next = first(where: { $0.name == targets.last ?? name })?.target,
      next != name, !targets.contains(next)
    {
      targets.append(next)
    }
    return targets
  }
}
