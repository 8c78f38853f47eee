public import WeldExecutor
public import WeldLink

/// What shared libraries export, at the addresses that they have in this process; nothing else of the
/// process.
///
/// For images: a ``Program`` looks for symbols in its libraries and in the whole process.
public struct LibrarySymbols: SymbolLookup {
  private let executor: InProcessExecutor
  private let paths: [String]

  /// Loads the shared libraries at `paths` into this process. They are searched in this order.
  public init(libraries paths: [String]) throws(ExecutorError) {
    executor = try InProcessExecutor(libraries: paths)
    self.paths = paths
  }

  public func lookup(_ names: [String]) -> [ResolvedSymbol?] {
    names.map { name in
      executor.librarySymbol(named: name).map {
        ResolvedSymbol(address: $0.address, isFunction: $0.isFunction)
      }
    }
  }

  public func suggestions(for name: String) -> [String] {
    Spelling.nearest(to: name, among: paths.flatMap { SharedLibraries.names(exportedBy: $0) })
  }
}
