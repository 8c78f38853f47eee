internal import Synchronization
internal import WeldLink

/// A layer that has functions compiled when they are called first. LLVM's `CompileOnDemandLayer`, for any kind of source.
///
/// Sources are compiled in an implementation dylib beside the one that they are added to. There, functions are lazy
/// re-exports: stubs, which lead to a trampoline until they are called. Code calls through them, too, so that a call
/// compiles what is called and nothing else. Variables are re-exported, and compiled when they are looked up.
///
/// What runs functions before it is used (constructors) is compiled as a whole when one of its symbols is looked up.
public final class CompileOnDemandLayer<Base: SourceLayer>: SourceLayer, ResourceManager {
  /// Divides a source into parts that define different symbols and are compiled each by itself.
  public typealias Partition = @Sendable (Base.Source) throws -> [Base.Source]

  private let base: Base
  private let partition: Partition
  private let callThrough: LazyCallThroughManager
  private let stubs: IndirectStubsManager
  private let state = Mutex(State())

  private struct State: Sendable {
    var implementations: [JITDylib: JITDylib] = [:]
    /// What tracks the implementations of what is under a key.
    var trackers: [ResourceKey: [ResourceTracker]] = [:]
  }

  /// - Parameters:
  ///   - base: compiles.
  ///   - callThrough: makes the trampolines. It and `stubs` belong to `session`.
  ///   - stubs: makes the stubs.
  ///   - partition: says what is compiled together; by default a whole source. LLVM's partition function.
  /// - Throws: ``OrcError/sessionClosed``.
  public init(
    to base: Base, in session: ExecutionSession, through callThrough: LazyCallThroughManager,
    stubs: IndirectStubsManager, partition: @escaping Partition = { [$0] }
  ) throws(OrcError) {
    self.base = base
    self.callThrough = callThrough
    self.stubs = stubs
    self.partition = partition
    try session.register(self)
  }

  public func interface(of source: Base.Source, names: SymbolStringPool) throws -> ObjectInterface {
    try base.interface(of: source, names: names)
  }

  public func emit(_ responsibility: MaterializationResponsibility, _ source: Base.Source) {
    guard responsibility.initializerSymbol == nil else { return base.emit(responsibility, source) }
    do throws(OrcError) {
      let implementation = try implementation(of: responsibility.dylib)
      try define(parts(of: source), in: implementation, for: responsibility)
      try replace(responsibility, by: implementation)
    } catch {
      responsibility.failMaterialization(error)
    }
  }

  private func parts(of source: Base.Source) throws(OrcError) -> [Base.Source] {
    do {
      return try partition(source)
    } catch {
      throw OrcError(error)
    }
  }

  /// The dylib with the code of `dylib`, which sees what that sees, its stubs first.
  private func implementation(of dylib: JITDylib) throws(OrcError) -> JITDylib {
    if let known = state.withLock({ $0.implementations[dylib] }), known.isOpen { return known }
    let name = "\(dylib.name).implementation"
    let new: JITDylib
    do throws(OrcError) {
      new = try dylib.session.createDylib(name)
    } catch .duplicateDylib {
      // Another thread was quicker.
      guard let known = dylib.session.dylib(named: name) else { throw .dylibClosed(dylib: name) }
      return known
    }
    var order = dylib.linkOrder
    let position = (order.firstIndex { $0.dylib == dylib } ?? -1) + 1
    order.insert(SearchedJITDylib(new, .matchAllSymbols), at: position)
    try new.setLinkOrder(order, linksAgainstThisFirst: false)
    state.withLock { $0.implementations[dylib] = new }
    return new
  }

  private func define(
    _ parts: [Base.Source], in implementation: JITDylib, for responsibility: MaterializationResponsibility
  ) throws(OrcError) {
    let tracker = try implementation.makeTracker()
    try responsibility.withResourceKeyDo { key in
      state.withLock { $0.trackers[key, default: []].append(tracker) }
    }
    for part in parts { try base.add(part, to: implementation, tracker: tracker) }
  }

  /// Gives everything that is owed to stubs and re-exports of the same names.
  private func replace(
    _ responsibility: MaterializationResponsibility, by implementation: JITDylib
  ) throws(OrcError) {
    var functions: SymbolAliasMap = [:]
    var others: SymbolAliasMap = [:]
    for (name, flags) in responsibility.symbols {
      if flags.contains(.callable) {
        functions[name] = SymbolAlias(name, flags: flags)
      } else {
        others[name] = SymbolAlias(name, flags: flags)
      }
    }
    if !others.isEmpty { try responsibility.replace(with: reexports(others, from: implementation)) }
    if !functions.isEmpty {
      let lazy = lazyReexports(functions, from: implementation, through: callThrough, stubs: stubs)
      try responsibility.replace(with: lazy)
    }
  }

  public func removeResources(of key: ResourceKey, in dylib: JITDylib) throws(OrcError) {
    let removed = state.withLock { $0.trackers.removeValue(forKey: key) } ?? []
    // Those of a session that ends may have gone before.
    for tracker in removed where !tracker.isDefunct { try tracker.remove() }
  }

  public func transferResources(from source: ResourceKey, to destination: ResourceKey, in dylib: JITDylib) {
    state.withLock { state in
      guard let moved = state.trackers.removeValue(forKey: source) else { return }
      state.trackers[destination, default: []] += moved
    }
  }
}
