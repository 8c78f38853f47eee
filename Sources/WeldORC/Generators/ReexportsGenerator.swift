internal import WeldLink

/// Re-exports what another dylib defines. That dylib must not ask the one with the generator in turn.
///
/// LLVM's `ReexportsGenerator`.
public struct ReexportsGenerator: SynchronousDefinitionGenerator {
  private let source: SearchedJITDylib
  private let filter: (@Sendable (String) -> Bool)?

  /// - Parameters:
  ///   - source: where the symbols are, and which of them are seen.
  ///   - filter: which names are re-exported; by default all.
  public init(from source: SearchedJITDylib, where filter: (@Sendable (String) -> Bool)? = nil) {
    self.source = source
    self.filter = filter
  }

  public func define(_ request: GenerationRequest) throws(OrcError) {
    var elements = request.symbols.elements
    if let filter { elements = elements.filter { filter($0.name.text) } }
    guard !elements.isEmpty else { return }
    let flags = try source.dylib.core.flags(
      of: SymbolLookupSet(elements: elements), in: [source], kind: request.kind)
    guard !flags.isEmpty else { return }
    var aliases: SymbolAliasMap = [:]
    for (name, flags) in flags { aliases[name] = SymbolAlias(name, flags: flags) }
    try request.dylib.define(reexports(aliases, from: source.dylib, source.flags))
  }
}
