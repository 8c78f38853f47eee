internal import Synchronization
public import WeldELF
internal import WeldExecutor
public import WeldLink
public import WeldMemory

/// What listeners know a linked object as.
public struct ObjectKey: Hashable, Sendable {
  let number: Int
}

/// An object that has addresses.
public struct LoadedObject: Sendable {
  /// Where its sections are, or will be, used.
  public var sections: [RuntimeDyld.Section]
  /// What it defines and is seen by name, hidden or not.
  public var symbols: [String: EvaluatedSymbol]
}

/// Someone who wants to know which code is there: debuggers, profilers. LLVM's `JITEventListener`.
public protocol JITEventListener: AnyObject, Sendable {
  /// The object is in memory and about to be ready.
  func notifyObjectLoaded(_ key: ObjectKey, _ object: ObjectFile, _ loaded: LoadedObject)
  /// The memory of the object is about to be released.
  func notifyFreeingObject(_ key: ObjectKey)
}

/// Links each object by itself, with a ``RuntimeDyld`` of its own, when one of its symbols is asked for.
///
/// LLVM's `RTDyldObjectLinkingLayer`. Of its options `ProcessAllSections` is missing: the engine gives no memory to
/// sections that code does not use at run time.
///
/// Objects may need each other, in cycles and across dylibs: each has its addresses before it looks for others. No thread
/// waits for that. Weak and common definitions of an object that something else of its dylib defines are bound to that.
/// The object is the unit of dependences: its symbols are ready when all that any of them needs is.
public final class RTDyldObjectLinkingLayer: ObjectLayer {
  /// Makes memory for an object.
  public typealias MemoryFactory = @Sendable (ObjectFile) throws(MemoryError) -> any MemoryManager

  /// How to link, and whom to tell.
  public struct Options: Sendable {
    /// Whether the flags that were promised count instead of those which the object has. LLVM's
    /// `OverrideObjectFlagsWithResponsibilityFlags`.
    public var overridesObjectFlags = false
    /// Whether definitions that were not promised are claimed, instead of being an error. LLVM's
    /// `AutoClaimResponsibilityForObjectSymbols`.
    public var claimsUnpromisedSymbols = false
    /// Told of each object that has addresses, before others see them.
    public var notifyLoaded: (@Sendable (MaterializationResponsibility, ObjectFile, LoadedObject) -> Void)?
    /// Told of each object whose symbols were emitted.
    public var notifyEmitted: (@Sendable (MaterializationResponsibility, ObjectFile) -> Void)?

    /// The defaults: `false`, and nobody.
    public init() {}
  }

  /// An object whose link is done.
  private struct Finished: Sendable {
    let key: ObjectKey
    let link: ObjectLink
  }

  private struct State: Sendable {
    var finished: [ResourceKey: [Finished]] = [:]
    var listeners: [any JITEventListener] = []
    var sink: (any InitializerSink)?
    var lastKey = 0
  }

  private let makeMemory: MemoryFactory
  private let options: Options
  private let state = Mutex(State())

  /// A layer of `session`, which it does not keep alive.
  ///
  /// - Parameters:
  ///   - memory: makes memory for each object; by default windows that the objects share, below 2 GiB for those that
  ///     must lie there.
  /// - Throws: ``OrcError/sessionClosed``.
  public init(
    _ session: ExecutionSession, options: Options = Options(), memory: MemoryFactory? = nil
  ) throws(OrcError) {
    self.options = options
    if let memory {
      makeMemory = memory
    } else {
      let shared = SharedMemory(of: session.executor)
      makeMemory = { object throws(MemoryError) in
        // What is wrong with the object, the link says.
        shared.manager(wantsLowAddresses: (try? AddressNeeds.wantsLowAddresses([object])) ?? false)
      }
    }
    try session.register(self)
  }

  /// Tells `listener` of objects that are loaded from now on, after those that were added before.
  public func add(_ listener: some JITEventListener) { state.withLock { $0.listeners.append(listener) } }

  /// Tells `listener` no more.
  public func remove(_ listener: some JITEventListener) {
    state.withLock { $0.listeners.removeAll { $0 === listener } }
  }
}

// MARK: - Linking

extension RTDyldObjectLinkingLayer {
  public func emit(_ responsibility: MaterializationResponsibility, _ object: ObjectFile) {
    do throws(OrcError) {
      let standBack = try agree(with: responsibility, on: object)
      let link: ObjectLink
      let loaded: LoadedObject
      let externals: SymbolLookupSet
      do throws(LinkError) {
        link = try ObjectLink(object, in: memory(for: object), definedElsewhere: standBack)
        loaded = try link.load()
        externals = try link.externals(names: responsibility.dylib.core.names)
      } catch {
        throw .link(error)
      }
      options.notifyLoaded?(responsibility, object, loaded)
      try responsibility.notifyResolved(resolved(loaded, for: responsibility))
      guard !externals.isEmpty else {
        return finish(link, of: object, loaded, responsibility, with: Found())
      }
      look(up: externals, for: responsibility) { [self] found in
        finish(link, of: object, loaded, responsibility, with: found)
      }
    } catch {
      responsibility.failMaterialization(error)
    }
  }

  private func memory(for object: ObjectFile) throws(LinkError) -> any MemoryManager {
    do {
      return try makeMemory(object)
    } catch {
      throw LinkError(error)
    }
  }

  /// Compares what `object` defines with what was promised; returns what of it gives way to others' definitions.
  private func agree(
    with responsibility: MaterializationResponsibility, on object: ObjectFile
  ) throws(OrcError) -> Set<String> {
    let defined = ObjectInterface(of: object, names: responsibility.dylib.core.names).symbols.filter {
      !$0.value.contains(.materializationSideEffectsOnly)
    }
    let promised = responsibility.symbols
    let dylib = responsibility.dylib.name
    func symbols(_ names: [SymbolStringPtr]) -> [OrcError.Symbol] {
      names.map { OrcError.Symbol(name: $0.text, dylib: dylib) }.sorted { $0.name < $1.name }
    }
    let missing = promised.filter {
      defined[$0.key] == nil && !$0.value.contains(.materializationSideEffectsOnly)
    }
    guard missing.isEmpty else { throw .missingDefinitions(symbols(Array(missing.keys))) }
    let extra = defined.filter { promised[$0.key] == nil }
    guard !extra.isEmpty else { return [] }
    if options.claimsUnpromisedSymbols {
      return Set(try responsibility.defineMaterializing(extra).map(\.text))
    }
    let strong = extra.filter { $0.value.isDisjoint(with: [.weak, .common]) }
    guard strong.isEmpty else { throw .unexpectedDefinitions(symbols(Array(strong.keys))) }
    return Set(extra.keys.map(\.text))
  }

  private func resolved(
    _ loaded: LoadedObject, for responsibility: MaterializationResponsibility
  ) -> SymbolMap {
    var found: SymbolMap = [:]
    for (name, flags) in responsibility.symbols {
      guard var symbol = loaded.symbols[name.text] else { continue }
      if options.overridesObjectFlags { symbol.flags = flags }
      found[name] = symbol
    }
    return found
  }

  /// What a lookup found, and what of it was not ready.
  private struct Found: Sendable {
    var symbols: SymbolMap = [:]
    var dependencies: SymbolDependenceMap = [:]
  }

  private func look(
    up names: SymbolLookupSet, for responsibility: MaterializationResponsibility,
    then body: @escaping @Sendable (Found) -> Void
  ) {
    let dependencies = Dependencies()
    let dylib = responsibility.dylib
    dylib.session.lookup(
      names, in: dylib.linkOrder, requiring: .resolved,
      registerDependencies: { found in dependencies.map.withLock { $0 = found } }
    ) { result in
      switch result {
      case .success(let symbols):
        body(Found(symbols: symbols, dependencies: dependencies.map.withLock { $0 }))
      case .failure(let error): responsibility.failMaterialization(error)
      }
    }
  }

  private final class Dependencies: Sendable {
    let map = Mutex<SymbolDependenceMap>([:])
  }
}

extension RTDyldObjectLinkingLayer {
  /// Relocates, and says that all is in memory.
  private func finish(
    _ link: ObjectLink, of object: ObjectFile, _ loaded: LoadedObject,
    _ responsibility: MaterializationResponsibility, with found: Found
  ) {
    var kept: ObjectKey?
    do throws(OrcError) {
      let initializers: [Initializers]
      do throws(LinkError) {
        initializers = try link.finish(with: found.symbols)
      } catch {
        throw .link(error)
      }
      let key = try keep(link, initializers, responsibility)
      kept = key
      for listener in state.withLock({ $0.listeners }) {
        listener.notifyObjectLoaded(key, object, loaded)
      }
      let names = Set(responsibility.symbols.keys)
      let group = SymbolDependenceGroup(names, dependOn: found.dependencies)
      try responsibility.notifyEmitted(found.dependencies.isEmpty ? [] : [group])
      options.notifyEmitted?(responsibility, object)
    } catch {
      if let kept { drop(kept) }
      responsibility.failMaterialization(error)
    }
  }

  /// Keeps the link until its tracker is removed.
  private func keep(
    _ link: ObjectLink, _ initializers: [Initializers], _ responsibility: MaterializationResponsibility
  ) throws(OrcError) -> ObjectKey {
    try responsibility.withResourceKeyDo { tracker in
      let (key, sink) = state.withLock { state in
        state.lastKey += 1
        let key = ObjectKey(number: state.lastKey)
        state.finished[tracker, default: []].append(Finished(key: key, link: link))
        return (key, state.sink)
      }
      if initializers.contains(where: { !$0.before.isEmpty || !$0.after.isEmpty }) {
        sink?.add(
          initializers, for: responsibility.initializerSymbol, as: key, under: tracker,
          in: responsibility.dylib)
      }
      return key
    }
  }

  /// Releases an object that did not become ready.
  private func drop(_ key: ObjectKey) {
    let (links, sink) = state.withLock { state in
      var links: [Finished] = []
      for tracker in Array(state.finished.keys) {
        guard let index = state.finished[tracker]?.firstIndex(where: { $0.key == key }) else { continue }
        if let link = state.finished[tracker]?.remove(at: index) { links.append(link) }
      }
      return (links, state.sink)
    }
    sink?.remove(key)
    release(links)
  }

  private func release(_ links: [Finished]) {
    let listeners = state.withLock { $0.listeners }
    // The memory goes with the last reference to the link, after this.
    for link in links.reversed() {
      for listener in listeners.reversed() { listener.notifyFreeingObject(link.key) }
    }
  }
}

// MARK: - Resources

extension RTDyldObjectLinkingLayer: ResourceManager {
  public func removeResources(of key: ResourceKey, in dylib: JITDylib) throws(OrcError) {
    release(state.withLock { $0.finished.removeValue(forKey: key) } ?? [])
  }

  public func transferResources(
    from source: ResourceKey, to destination: ResourceKey, in dylib: JITDylib
  ) {
    state.withLock { state in
      guard let links = state.finished.removeValue(forKey: source) else { return }
      state.finished[destination, default: []] += links
    }
  }
}

extension RTDyldObjectLinkingLayer: InitializerSource {
  func deliverInitializers(to sink: any InitializerSink) { state.withLock { $0.sink = sink } }
}
