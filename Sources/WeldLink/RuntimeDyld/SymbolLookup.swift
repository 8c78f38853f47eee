public import WeldMemory

/// Where symbols come from that no object of a link defines.
///
/// LLVM's counterpart is `JITSymbolResolver`.
public protocol SymbolLookup: Sendable {
  /// Finds all of `names` at once: an answer for each, in the same order, `nil` where there is none.
  ///
  /// An error fails the link that asks.
  func lookup(_ names: [String]) throws(ExecutorError) -> [ResolvedSymbol?]

  /// Names that exist and look like `name`, nearest first; for error messages.
  func suggestions(for name: String) -> [String]
}

extension SymbolLookup {
  /// None.
  public func suggestions(for _: String) -> [String] { [] }
}

/// A lookup in a dictionary.
public struct AbsoluteSymbols: SymbolLookup {
  /// The symbols by name.
  public var symbols: [String: Address]

  /// A lookup that knows `symbols` and nothing else.
  public init(_ symbols: [String: Address] = [:]) { self.symbols = symbols }

  public func lookup(_ names: [String]) -> [ResolvedSymbol?] {
    names.map { name in symbols[name].map { ResolvedSymbol(address: $0) } }
  }

  public func suggestions(for name: String) -> [String] { Spelling.nearest(to: name, among: symbols.keys) }
}
