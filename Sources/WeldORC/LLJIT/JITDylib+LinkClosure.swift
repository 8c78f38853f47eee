internal import WeldLink

extension JITDylib {
  /// This dylib and all that it links against, in turn: each after those that it links against, except in cycles.
  var linkClosure: [JITDylib] {
    var order: [JITDylib] = []
    var visited: Set<JITDylib> = []
    func visit(_ dylib: JITDylib) {
      guard visited.insert(dylib).inserted else { return }
      for entry in dylib.linkOrder { visit(entry.dylib) }
      order.append(dylib)
    }
    visit(self)
    return order
  }

  /// The symbols that stand for initializers of what was defined and is not ready.
  var initializerSymbols: [SymbolStringPtr] {
    core.read { state in
      (state.dylibs[number]?.initializers ?? []).compactMap { state.name(of: $0) }
    }
  }

  /// The symbols that it defines so far.
  var definedSymbols: [SymbolStringPtr] {
    core.read { state in
      guard let dylib = state.dylibs[number] else { return [] }
      return dylib.table.values.compactMap { state.name(of: $0) }
    }
  }
}
