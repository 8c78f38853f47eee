internal import WeldLink
public import WeldMemory

/// Functions whose definitions can be replaced at any time, also while they are called: whoever looked them up calls the new
/// one from then on. LLVM's `RedirectableSymbolManager`, as `JITLinkRedirectableSymbolManager` makes it.
public final class RedirectableSymbolManager: Sendable {
  private let stubs: IndirectStubsManager

  /// - Throws: ``OrcError/executor(_:)`` for a machine that Weld does not link.
  public convenience init(for session: ExecutionSession) throws(OrcError) {
    self.init(stubs: try IndirectStubsManager(for: session))
  }

  /// A manager whose symbols are stubs of `stubs`.
  public init(stubs: IndirectStubsManager) { self.stubs = stubs }

  /// Defines redirectable symbols in `dylib`, with their destinations of the beginning. They exist once they are looked up.
  ///
  /// - Parameter tracker: of the dylib; removes them. By default the default tracker.
  /// - Throws: as ``JITDylib/define(_:tracker:)``.
  public func createRedirectableSymbols(
    _ destinations: SymbolMap, in dylib: JITDylib, tracker: ResourceTracker? = nil
  ) throws(OrcError) {
    try dylib.define(RedirectableMaterializationUnit(destinations, self), tracker: tracker)
  }

  /// Makes the symbols that `responsibility` owes redirectable ones, with these destinations at first. A failure is its
  /// failure.
  public func emitRedirectableSymbols(
    _ destinations: SymbolMap, for responsibility: MaterializationResponsibility
  ) {
    do throws(OrcError) {
      let dylib = responsibility.dylib
      let wanted = destinations.map { (name: $0, target: $1) }
      let made = try stubs.make(
        wanted.map { (StubName($0.name.text, in: dylib), $0.target) }, replacesBound: true)
      do throws(OrcError) {
        try responsibility.withResourceKeyDo { key in stubs.bind(made, to: key) }
      } catch {
        stubs.remove(made)
        throw error
      }
      var symbols: SymbolMap = [:]
      for ((name, _), stub) in zip(wanted, made) { symbols[name] = stub.symbol }
      try responsibility.notifyResolved(symbols)
      try responsibility.notifyEmitted()
    } catch {
      responsibility.failMaterialization(error)
    }
  }

  /// Lets redirectable symbols of `dylib` lead elsewhere, from the next call of each on.
  ///
  /// - Throws: ``OrcError/symbolsNotFound(_:searched:)`` for symbols that are not redirectable or do not exist yet, and
  ///   nothing is changed; ``OrcError/executor(_:)``.
  public func redirect(
    _ dylib: JITDylib, _ destinations: [SymbolStringPtr: Address]
  ) throws(OrcError) {
    var targets: [String: Address] = [:]
    for (name, address) in destinations { targets[name.text] = address }
    try stubs.updatePointers(targets, in: dylib)
  }

  /// Lets one redirectable symbol of `dylib` lead elsewhere.
  ///
  /// - Throws: as ``redirect(_:_:)``.
  public func redirect(
    _ dylib: JITDylib, _ name: SymbolStringPtr, to destination: Address
  ) throws(OrcError) {
    try redirect(dylib, [name: destination])
  }
}

/// Redirectable symbols that nobody has asked for yet. LLVM's `RedirectableMaterializationUnit`.
private struct RedirectableMaterializationUnit: MaterializationUnit {
  private let destinations: SymbolMap
  private let manager: RedirectableSymbolManager

  init(_ destinations: SymbolMap, _ manager: RedirectableSymbolManager) {
    self.destinations = destinations
    self.manager = manager
  }

  var name: String { "<redirectable symbols>" }
  var symbols: SymbolFlagsMap { destinations.mapValues(\.flags) }

  func materialize(_ responsibility: MaterializationResponsibility) {
    let owed = responsibility.symbols
    manager.emitRedirectableSymbols(destinations.filter { owed[$0.key] != nil }, for: responsibility)
  }
}
