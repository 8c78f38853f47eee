internal import WeldLink
internal import WeldMemory

/// Other names of functions of a dylib, which are looked up there, and so made, when they are first called.
///
/// Each is a stub, which leads to a trampoline at first and from the first call on to the function. Aliases that are not
/// ``SymbolFlags/callable`` have no first call; they become re-exports, which are looked up with their alias. (LLVM makes
/// stubs of them, too; its users must sort them out.) LLVM's `LazyReexportsMaterializationUnit`.
public struct LazyReexportsMaterializationUnit: MaterializationUnit {
  private let aliases: SymbolAliasMap
  private let source: JITDylib
  private let callThrough: LazyCallThroughManager
  private let stubs: IndirectStubsManager

  /// - Parameters:
  ///   - aliases: names of functions that the unit defines, and what they are names of.
  ///   - source: where these are; all of it is searched.
  ///   - callThrough: makes the trampolines. It and `stubs` belong to the session of `source`.
  ///   - stubs: makes the stubs, by their names in the dylib that the unit is defined in.
  public init(
    _ aliases: SymbolAliasMap, from source: JITDylib, through callThrough: LazyCallThroughManager,
    stubs: IndirectStubsManager
  ) {
    self.aliases = aliases
    self.source = source
    self.callThrough = callThrough
    self.stubs = stubs
  }

  public var name: String { "<lazy re-exports of \(source.name)>" }
  public var symbols: SymbolFlagsMap { aliases.mapValues(\.flags) }

  public func materialize(_ responsibility: MaterializationResponsibility) {
    do throws(OrcError) {
      let owed = responsibility.symbols
      let requested = responsibility.requestedSymbols
      let others = aliases.filter { owed[$0.key] != nil && !requested.contains($0.key) }
      if !others.isEmpty {
        try responsibility.replace(
          with: Self(others, from: source, through: callThrough, stubs: stubs))
      }
      let wanted = aliases.filter { requested.contains($0.key) }
      let data = wanted.filter { !$0.value.flags.contains(.callable) }
      if !data.isEmpty {
        reexports(data, from: source).materialize(try responsibility.delegate(Set(data.keys)))
      }
      let functions = wanted.filter { $0.value.flags.contains(.callable) }
      try emit(Array(functions), responsibility)
    } catch {
      responsibility.failMaterialization(error)
    }
  }

  /// Makes the stubs of `functions`.
  private func emit(
    _ functions: [SymbolAliasMap.Element], _ responsibility: MaterializationResponsibility
  ) throws(OrcError) {
    let dylib = responsibility.dylib
    guard !functions.isEmpty else { return }
    let trampolines = try callThrough.makeTrampolines(to: functions.map(\.value.aliasee), in: source)
    let made: [NamedStub]
    do throws(OrcError) {
      made = try stubs.make(
        zip(functions, trampolines).map { function, trampoline in
          let target = EvaluatedSymbol(address: trampoline, flags: function.value.flags)
          return (StubName(function.key.text, in: dylib), target)
        }, replacesBound: true)
    } catch {
      callThrough.remove(trampolines)
      throw error
    }
    for (trampoline, stub) in zip(trampolines, made) {
      callThrough.setHandler(of: trampoline) { [stubs] address throws(OrcError) in
        // One that was removed meanwhile leads nowhere.
        _ = try stubs.update(stub, to: address)
      }
    }
    do throws(OrcError) {
      try responsibility.withResourceKeyDo { key in
        callThrough.bind(trampolines, to: key)
        stubs.bind(made, to: key)
      }
    } catch {
      stubs.remove(made)
      callThrough.remove(trampolines)
      throw error
    }
    var symbols: SymbolMap = [:]
    for ((name, _), stub) in zip(functions, made) { symbols[name] = stub.symbol }
    try responsibility.notifyResolved(symbols)
    try responsibility.notifyEmitted()
  }
}

/// Other names of functions of `source`, which are looked up when they are first called. LLVM's `lazyReexports`.
public func lazyReexports(
  _ aliases: SymbolAliasMap, from source: JITDylib, through callThrough: LazyCallThroughManager,
  stubs: IndirectStubsManager
) -> LazyReexportsMaterializationUnit {
  LazyReexportsMaterializationUnit(aliases, from: source, through: callThrough, stubs: stubs)
}
