/// A library of the session: a table of symbols, the dylibs in which its code looks for others, and generators for
/// what it does not define.
///
/// A value that stands for it, and is cheap to copy; it stays equal to itself, and unusable, when the dylib was
/// removed. LLVM's `JITDylib`.
public struct JITDylib: Hashable, Sendable, CustomStringConvertible {
  let core: SessionCore
  let number: Int
  public let name: String

  init(core: SessionCore, number: Int, name: String) {
    self.core = core
    self.number = number
    self.name = name
  }

  public static func == (left: Self, right: Self) -> Bool {
    left.number == right.number && left.core === right.core
  }

  public func hash(into hasher: inout Hasher) { hasher.combine(number) }

  public var description: String { name }

  /// The session; ends with the one that the user made, not with this.
  public var session: ExecutionSession { ExecutionSession(of: core) }

  /// Whether it was not removed.
  public var isOpen: Bool { core.read { $0.dylibs[number] != nil } }

  // MARK: - Definitions

  /// Promises the symbols of `unit`. Of weak and common definitions the first counts, and a strong one replaces those
  /// which nobody asked for; `unit` or the one before is told with `discard`.
  ///
  /// - Parameter tracker: of this dylib; by default the default tracker.
  /// - Throws: ``OrcError/duplicateDefinition(_:)`` and nothing is defined,
  ///   ``OrcError/resourceTrackerDefunct(dylib:)``, ``OrcError/anotherDylib(tracker:dylib:)``,
  ///   ``OrcError/dylibClosed(dylib:)``, ``OrcError/sessionClosed``.
  public func define(_ unit: some MaterializationUnit, tracker: ResourceTracker? = nil) throws(OrcError) {
    if let tracker, tracker.dylib != self {
      throw .anotherDylib(tracker: tracker.dylib.name, dylib: name)
    }
    let new = UnitState(unit)
    try core.change { state, effects throws(OrcError) in
      try state.define(new, in: self, tracker: tracker?.number, &effects)
    }
  }

  /// Removes definitions; the resources of those which are ready stay until their tracker is removed.
  ///
  /// - Throws: and removes nothing: ``OrcError/symbolsNotFound(_:searched:)``,
  ///   ``OrcError/symbolsCouldNotBeRemoved(_:)`` for what is being made or awaited, ``OrcError/dylibClosed(dylib:)``,
  ///   ``OrcError/sessionClosed``.
  public func remove(_ names: Set<SymbolStringPtr>) throws(OrcError) {
    try core.change { state, effects throws(OrcError) in try state.remove(names, from: self, &effects) }
  }

  /// Removes all trackers, and so everything that it defines; generators and link order stay.
  ///
  /// - Throws: what resource managers throw, ``OrcError/dylibClosed(dylib:)``, ``OrcError/sessionClosed``.
  public func clear() throws(OrcError) {
    try core.change { state, effects throws(OrcError) in
      try state.requireDylib(self)
      state.clear(number, because: .resourceTrackerDefunct(dylib: name), &effects)
    }
  }

  /// How far the symbol has come; `nil` if it is not defined.
  public func state(of name: SymbolStringPtr) -> SymbolState? {
    core.read { state in state.find(name, in: number).flatMap { state.symbols[$0]?.state } }
  }

  // MARK: - Trackers

  /// What tracks definitions without a tracker of their own. Another after it was removed.
  public var defaultTracker: ResourceTracker {
    let tracker = core.read { $0.dylibs[number]?.defaultTracker ?? 0 }
    return ResourceTracker(tracker, of: self, isDefault: true)
  }

  /// A new tracker, of which nothing is tracked yet.
  ///
  /// - Throws: ``OrcError/dylibClosed(dylib:)``, ``OrcError/sessionClosed``.
  public func makeTracker() throws(OrcError) -> ResourceTracker {
    let tracker = try core.change { state throws(OrcError) in
      try state.requireDylib(self)
      return state.makeTracker(of: number)
    }
    return ResourceTracker(tracker, of: self, isDefault: false)
  }

  // MARK: - Generators

  /// Has `generator` asked for names which are not defined, after those that were added before.
  ///
  /// - Throws: ``OrcError/dylibClosed(dylib:)``, ``OrcError/sessionClosed``.
  @discardableResult
  public func addGenerator(_ generator: some DefinitionGenerator) throws(OrcError) -> GeneratorToken {
    let token = try core.change { state throws(OrcError) in
      try state.requireDylib(self)
      let token = state.nextNumber()
      state.dylibs[number]?.changeGenerators {
        $0.append(GeneratorState(number: token, generator: generator))
      }
      return token
    }
    return GeneratorToken(number: token)
  }

  /// Asks the generator no more.
  public func removeGenerator(_ token: GeneratorToken) {
    core.update { state, effects in state.removeGenerator(token.number, of: number, &effects) }
  }

  // MARK: - Link order

  /// Where the code of this dylib looks for symbols; at first, all of itself. Not transitive; may have cycles.
  public var linkOrder: JITDylibSearchOrder {
    core.read { state in
      (state.dylibs[number]?.linkOrder ?? []).compactMap { entry -> SearchedJITDylib? in
        guard let name = state.dylibs[entry.dylib]?.name else { return nil }
        return SearchedJITDylib(JITDylib(core: core, number: entry.dylib, name: name), entry.flags)
      }
    }
  }

  /// Replaces the link order.
  ///
  /// - Parameter linksAgainstThisFirst: whether all of this dylib is put first, if it is not.
  /// - Throws: ``OrcError/anotherSession(dylib:)``, ``OrcError/dylibClosed(dylib:)``, ``OrcError/sessionClosed``.
  public func setLinkOrder(
    _ order: JITDylibSearchOrder, linksAgainstThisFirst: Bool = true
  ) throws(OrcError) {
    var order = order
    if linksAgainstThisFirst, order.first?.dylib != self {
      order.insert(SearchedJITDylib(self, .matchAllSymbols), at: 0)
    }
    try changeLinkOrder(naming: order.map(\.dylib)) { $0 = order.map { ($0.dylib.number, $0.flags) } }
  }

  /// Puts `dylib` last, if it is not in the link order.
  ///
  /// - Throws: as ``setLinkOrder(_:linksAgainstThisFirst:)``.
  public func addToLinkOrder(
    _ dylib: JITDylib, _ flags: JITDylibLookupFlags = .matchExportedSymbolsOnly
  ) throws(OrcError) {
    try changeLinkOrder(naming: [dylib]) { order in
      if !order.contains(where: { $0.dylib == dylib.number }) { order.append((dylib.number, flags)) }
    }
  }

  /// Puts `new` where `old` is.
  ///
  /// - Throws: as ``setLinkOrder(_:linksAgainstThisFirst:)``.
  public func replaceInLinkOrder(
    _ old: JITDylib, with new: JITDylib, _ flags: JITDylibLookupFlags = .matchExportedSymbolsOnly
  ) throws(OrcError) {
    try changeLinkOrder(naming: [new]) { order in
      guard let index = order.firstIndex(where: { $0.dylib == old.number }) else { return }
      order[index] = (new.number, flags)
    }
  }

  /// Takes `dylib` out of the link order.
  ///
  /// - Throws: ``OrcError/dylibClosed(dylib:)``, ``OrcError/sessionClosed``.
  public func removeFromLinkOrder(_ dylib: JITDylib) throws(OrcError) {
    try changeLinkOrder(naming: []) { order in order.removeAll { $0.dylib == dylib.number } }
  }

  private func changeLinkOrder(
    naming others: [JITDylib], _ body: (inout [(dylib: Int, flags: JITDylibLookupFlags)]) -> Void
  ) throws(OrcError) {
    for other in others { try core.check(other) }
    try core.change { state throws(OrcError) in
      try state.requireDylib(self)
      for other in others { try state.requireDylib(other) }
      // Without dylibs that were removed.
      var order = (state.dylibs[number]?.linkOrder ?? []).filter { state.dylibs[$0.dylib] != nil }
      body(&order)
      state.dylibs[number]?.linkOrder = order
    }
  }
}
