public import WeldLink
internal import WeldMemory

/// Another name of a symbol.
public struct SymbolAlias: Hashable, Sendable {
  /// What it is another name of.
  public var aliasee: SymbolStringPtr
  /// What those see who look the alias up.
  public var flags: SymbolFlags

  public init(_ aliasee: SymbolStringPtr, flags: SymbolFlags = .exported) {
    self.aliasee = aliasee
    self.flags = flags
  }
}

/// Aliases by name. LLVM's `SymbolAliasMap`.
public typealias SymbolAliasMap = [SymbolStringPtr: SymbolAlias]

/// Other names of symbols, of the same dylib or of another. Each is looked up when its alias is.
///
/// LLVM's `ReExportsMaterializationUnit`.
public struct ReExportsMaterializationUnit: MaterializationUnit {
  private let aliases: SymbolAliasMap
  private let source: SearchedJITDylib?

  /// - Parameter source: where the symbols are; by default all of the dylib that has the aliases.
  public init(_ aliases: SymbolAliasMap, from source: SearchedJITDylib? = nil) {
    self.aliases = aliases
    self.source = source
  }

  public var name: String { source.map { "<re-exports of \($0.dylib.name)>" } ?? "<aliases>" }
  public var symbols: SymbolFlagsMap { aliases.mapValues(\.flags) }

  public func materialize(_ responsibility: MaterializationResponsibility) {
    do throws(OrcError) {
      let requested = responsibility.requestedSymbols
      let owed = responsibility.symbols
      let others = aliases.filter { !requested.contains($0.key) && owed[$0.key] != nil }
      if !others.isEmpty {
        try responsibility.replace(with: ReExportsMaterializationUnit(others, from: source))
      }
      // Each on its own, so that aliases of aliases do not wait for themselves.
      for name in responsibility.symbols.keys {
        guard let alias = aliases[name] else { continue }
        look(up: alias, for: name, try responsibility.delegate([name]))
      }
    } catch {
      responsibility.failMaterialization(error)
    }
  }

  private func look(
    up alias: SymbolAlias, for name: SymbolStringPtr, _ responsibility: MaterializationResponsibility
  ) {
    let dylib = responsibility.dylib
    let source = source ?? SearchedJITDylib(dylib, .matchAllSymbols)
    let isWeak = alias.flags.contains(.materializationSideEffectsOnly)
    let completion = Completion(isInternal: false) { result in
      do throws(OrcError) {
        let found = try result.get()
        let symbol = found.first?.symbol
        if let symbol {
          let kind = symbol.flags.intersection([.callable, .absolute])
          let flags = alias.flags.union(kind)
          try responsibility.notifyResolved([name: EvaluatedSymbol(address: symbol.address, flags: flags)])
        }
        let group = SymbolDependenceGroup([name], dependOn: [source.dylib: [alias.aliasee]])
        try responsibility.notifyEmitted(symbol == nil ? [] : [group])
      } catch {
        responsibility.failMaterialization(error)
      }
    }
    dylib.core.lookup(
      SymbolLookupSet(alias.aliasee, isWeak ? .weaklyReferenced : .required), in: [source], kind: .static,
      alias: dylib.core.read { $0.find(name, in: dylib.number) }, purpose: .symbols(.resolved, completion))
  }
}

/// Other names of symbols of the same dylib. LLVM's `symbolAliases`.
public func symbolAliases(_ aliases: SymbolAliasMap) -> ReExportsMaterializationUnit {
  ReExportsMaterializationUnit(aliases)
}

/// Names for symbols of `source`. LLVM's `reexports`.
public func reexports(
  _ aliases: SymbolAliasMap, from source: JITDylib, _ flags: JITDylibLookupFlags = .matchAllSymbols
) -> ReExportsMaterializationUnit {
  ReExportsMaterializationUnit(aliases, from: SearchedJITDylib(source, flags))
}

/// The symbols of `source` under their own names, with the flags that they have there. LLVM's
/// `buildSimpleReexportsAliasMap`.
///
/// - Throws: as ``ExecutionSession/lookupFlags(_:in:kind:)``.
public func reexports(
  _ names: Set<SymbolStringPtr>, from source: JITDylib
) throws(OrcError) -> ReExportsMaterializationUnit {
  let flags = try source.session.lookupFlags(
    SymbolLookupSet(names), in: [SearchedJITDylib(source, .matchAllSymbols)])
  var aliases: SymbolAliasMap = [:]
  for (name, flags) in flags { aliases[name] = SymbolAlias(name, flags: flags) }
  return reexports(aliases, from: source)
}
