internal import Synchronization
internal import WeldELF
internal import WeldLink
internal import WeldMemory

/// An object on its way into memory by a ``RuntimeDyld`` of its own, and then in it; the memory goes with the last
/// reference.
final class ObjectLink: Sendable {
  private let linker: Mutex<RuntimeDyld>
  private let answers: FoundSymbols

  /// - Parameter definedElsewhere: which definitions of `object` give way to others.
  init(
    _ object: ObjectFile, in memory: any MemoryManager, definedElsewhere: Set<String>
  ) throws(LinkError) {
    let answers = FoundSymbols()
    self.answers = answers
    var options = RuntimeDyld.Options()
    options.definedElsewhere = definedElsewhere
    // Other objects of the same dylib may define them.
    options.looksUpHidden = true
    let linker = RuntimeDyld(memory: memory, lookup: answers, options: options)
    try linker.load(object)
    self.linker = Mutex(linker)
  }

  /// Gives the object its addresses.
  func load() throws(LinkError) -> LoadedObject {
    try linker.withLock { linker throws(LinkError) in
      LoadedObject(sections: try linker.sections(), symbols: try linker.symbolTable())
    }
  }

  /// What it needs of others.
  func externals(names: SymbolStringPool) throws(LinkError) -> SymbolLookupSet {
    let externals = try linker.withLock { linker throws(LinkError) in try linker.externals() }
    var wanted: [SymbolStringPtr: SymbolLookupFlags] = [:]
    for external in externals {
      let name = names.intern(external.name)
      if wanted[name] != .required { wanted[name] = external.isWeak ? .weaklyReferenced : .required }
    }
    return SymbolLookupSet(wanted)
  }

  /// Relocates the object and brings about the final protections.
  ///
  /// - Parameter found: what ``externals(names:)`` said, as far as it was found.
  func finish(with found: SymbolMap) throws(LinkError) -> [Initializers] {
    answers.set(found)
    // Resolvers of indirect functions run under this lock, which is the link's alone and which nobody else waits for.
    return try linker.withLock { linker throws(LinkError) in
      try linker.finalize()
      return try linker.initializers()
    }
  }
}

/// What a lookup of the session found, for a linker that asks afterwards.
private final class FoundSymbols: SymbolLookup {
  private let found = Mutex<[String: ResolvedSymbol]>([:])

  func set(_ symbols: SymbolMap) {
    var found: [String: ResolvedSymbol] = [:]
    for (name, symbol) in symbols {
      found[name.text] = ResolvedSymbol(
        address: symbol.address, isFunction: symbol.flags.contains(.callable))
    }
    self.found.withLock { $0 = found }
  }

  func lookup(_ names: [String]) -> [ResolvedSymbol?] { found.withLock { found in names.map { found[$0] } } }
}
