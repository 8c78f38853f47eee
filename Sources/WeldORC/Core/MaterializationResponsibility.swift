internal import WeldMemory

/// Symbols, and what they need, which are ready when all of that is. LLVM's `SymbolDependenceGroup`.
public struct SymbolDependenceGroup: Sendable {
  public var symbols: Set<SymbolStringPtr>
  public var dependencies: SymbolDependenceMap

  public init(_ symbols: Set<SymbolStringPtr>, dependOn dependencies: SymbolDependenceMap) {
    self.symbols = symbols
    self.dependencies = dependencies
  }
}

/// The obligation to make some definitions, or to say why they cannot be made.
///
/// First ``notifyResolved(_:)``, then ``notifyEmitted(_:)``; at any time before that ``failMaterialization(_:)``. When
/// the last reference goes and nothing was said, the symbols fail: with the error of the last notification, else with
/// ``OrcError/responsibilityDropped(_:)``. LLVM's `MaterializationResponsibility`.
public final class MaterializationResponsibility: Sendable {
  /// Where the symbols are defined.
  public let dylib: JITDylib
  let number: Int
  /// Whether the thread that has the definitions made has nothing else to do, so that nothing comes that had better be made
  /// with them.
  let isAlone: Bool
  private var core: SessionCore { dylib.core }

  init(_ number: Int, in dylib: JITDylib, isAlone: Bool = false) {
    self.number = number
    self.dylib = dylib
    self.isAlone = isAlone
  }

  deinit { core.responsibilityDropped(number) }

  /// What is owed; nothing after success, failure or removal.
  public var symbols: SymbolFlagsMap { core.read { $0.owedFlags(by: number) } }

  /// Those of ``symbols`` that somebody waits for.
  public var requestedSymbols: Set<SymbolStringPtr> { core.read { $0.requestedSymbols(of: number) } }

  /// The symbol that stands for the initializers, if there are some.
  public var initializerSymbol: SymbolStringPtr? {
    core.read { $0.responsibilities[number]?.initializerSymbol }
  }

  /// Says where symbols are; those which wait for addresses only go on. May be called several times.
  ///
  /// Symbols with ``SymbolFlags/materializationSideEffectsOnly`` need no address.
  /// - Throws: ``OrcError/resourceTrackerDefunct(dylib:)``, ``OrcError/unexpectedDefinitions(_:)``,
  ///   ``OrcError/responsibilityFulfilled(dylib:)``. Nothing is resolved then; fail or drop it.
  public func notifyResolved(_ definitions: SymbolMap) throws(OrcError) {
    try core.change { state, effects throws(OrcError) in
      try state.resolve(definitions, by: number, &effects)
    }
  }

  /// Says that the symbols are in memory. Those in no group need nothing of others.
  ///
  /// A symbol is ready when all it depends on, in turn, was emitted. A dependency that nobody asked for is asked for.
  /// - Throws: ``OrcError/resourceTrackerDefunct(dylib:)``, ``OrcError/missingDefinitions(_:)`` if not all symbols
  ///   are resolved, ``OrcError/failedToMaterialize(_:cause:)`` if a dependency has failed,
  ///   ``OrcError/missingDependencies(_:)``, ``OrcError/unexpectedDefinitions(_:)`` for the symbols of a group,
  ///   ``OrcError/responsibilityFulfilled(dylib:)``. Nothing is emitted then; fail or drop it.
  public func notifyEmitted(_ groups: [SymbolDependenceGroup] = []) throws(OrcError) {
    for group in groups {
      for dylib in group.dependencies.keys { try core.check(dylib) }
    }
    try core.change { state, effects throws(OrcError) in
      try state.emit(groups, by: number, &effects)
    }
  }

  /// Claims more symbols, which turned up while making the others.
  ///
  /// - Returns: the weak ones that something else defines, and which are not owed.
  /// - Throws: ``OrcError/duplicateDefinition(_:)`` and nothing is claimed; as ``notifyResolved(_:)``.
  @discardableResult
  public func defineMaterializing(_ symbols: SymbolFlagsMap) throws(OrcError) -> Set<SymbolStringPtr> {
    try core.change { state, effects throws(OrcError) in
      try state.defineMaterializing(symbols, by: number, &effects)
    }
  }

  /// Gives the symbols of `unit` back, to be made by it when somebody asks for them, which is at once if somebody
  /// waits.
  ///
  /// - Throws: ``OrcError/unexpectedDefinitions(_:)`` for symbols that are not owed or are resolved; as
  ///   ``notifyResolved(_:)``.
  public func replace(with unit: some MaterializationUnit) throws(OrcError) {
    let new = UnitState(unit)
    try core.change { state, effects throws(OrcError) in
      try state.replace(with: new, by: number, &effects)
    }
  }

  /// Splits the obligation: `names` are owed by the result.
  ///
  /// - Throws: ``OrcError/unexpectedDefinitions(_:)`` for symbols that are not owed; as ``notifyResolved(_:)``.
  public func delegate(_ names: Set<SymbolStringPtr>) throws(OrcError) -> MaterializationResponsibility {
    let new = try core.change { state throws(OrcError) in try state.delegate(names, by: number) }
    return MaterializationResponsibility(new, in: dylib)
  }

  /// The symbols, and those that depend on them, fail. Does nothing when there is nothing owed.
  ///
  /// - Parameter cause: if it is a failure to materialize something else, the first cause of that is the cause.
  public func failMaterialization(_ cause: OrcError) {
    core.update { state, effects in state.fail(responsibility: number, cause, &effects) }
  }

  /// As ``failMaterialization(_:)-(OrcError)``, for errors of the user's code.
  public func failMaterialization(_ cause: any Error) { failMaterialization(OrcError(cause)) }

  /// Runs `body` with the key under which resources of this materialization belong.
  ///
  /// They are not removed or transferred before `body` ends.
  /// - Throws: ``OrcError/resourceTrackerDefunct(dylib:)``, and `body` is not run.
  public func withResourceKeyDo<R>(_ body: (ResourceKey) -> R) throws(OrcError) -> R {
    let tracker = try core.change { state throws(OrcError) in try state.pinTracker(of: number) }
    defer { core.unpin(tracker) }
    return body(ResourceKey(number: tracker))
  }
}
