public import WeldExecutor
public import WeldLink
public import WeldMemory

/// What shared libraries export, at the addresses that they have in an executor, and perhaps what its process
/// exports.
public struct LibrarySymbols: SymbolLookup {
  private let executor: any ExecutorProcessControl
  private let dylibs: [DylibHandle]
  /// Where they come from; `nil` is the process.
  private let paths: [String?]

  /// Loads the shared libraries at `paths`. They are searched in this order.
  ///
  /// - Parameters:
  ///   - paths: where the executor finds the libraries.
  ///   - includesProcess: whether what the process itself exports is searched after them.
  ///   - executor: the process that loads them; by default this one.
  public init(
    libraries paths: [String], includingProcess includesProcess: Bool = false,
    in executor: any ExecutorProcessControl = InProcessExecutor()
  ) throws(ExecutorError) {
    self.executor = executor
    self.paths = paths + (includesProcess ? [nil] : [])
    var dylibs: [DylibHandle] = []
    for path in self.paths { dylibs.append(try executor.loadDylib(path)) }
    self.dylibs = dylibs
  }

  public func lookup(_ names: [String]) throws(ExecutorError) -> [ResolvedSymbol?] {
    var found = [ResolvedSymbol?](repeating: nil, count: names.count)
    for dylib in dylibs {
      let missing = names.indices.filter { found[$0] == nil }
      guard !missing.isEmpty else { break }
      for (position, answer) in zip(missing, try executor.lookup(missing.map { names[$0] }, in: dylib)) {
        found[position] = answer
      }
    }
    return found
  }

  public func suggestions(for name: String) -> [String] {
    Spelling.nearest(to: name, among: paths.flatMap { executor.exportedNames(of: $0) })
  }
}
