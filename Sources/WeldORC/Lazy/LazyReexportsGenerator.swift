internal import WeldLink

/// Gives a dylib the functions of another one, its implementation, as lazy re-exports: each is looked up there, and so
/// linked, when it is first called. Variables are re-exported as they are.
///
/// Put the dylib with the generator first into the link order of the implementation, so that its objects call each other
/// through the stubs, too. The half of LLVM's `CompileOnDemandLayer` that has to do with linking.
public struct LazyReexportsGenerator: SynchronousDefinitionGenerator {
  private let implementation: JITDylib
  private let callThrough: LazyCallThroughManager
  private let stubs: IndirectStubsManager

  /// - Parameters:
  ///   - implementation: where the functions are; its generators must not ask the dylib that gets this one.
  ///   - callThrough: makes the trampolines.
  ///   - stubs: makes the stubs.
  public init(
    from implementation: JITDylib, through callThrough: LazyCallThroughManager, stubs: IndirectStubsManager
  ) {
    self.implementation = implementation
    self.callThrough = callThrough
    self.stubs = stubs
  }

  public func define(_ request: GenerationRequest) throws(OrcError) {
    let flags = try implementation.core.flags(
      of: request.symbols, in: [SearchedJITDylib(implementation, .matchAllSymbols)], kind: request.kind)
    let aliases = SymbolAliasMap(
      uniqueKeysWithValues: flags.lazy.filter { !$0.value.contains(.materializationSideEffectsOnly) }.map {
        ($0.key, SymbolAlias($0.key, flags: $0.value))
      })
    guard !aliases.isEmpty else { return }
    try request.dylib.define(
      lazyReexports(aliases, from: implementation, through: callThrough, stubs: stubs))
  }
}
