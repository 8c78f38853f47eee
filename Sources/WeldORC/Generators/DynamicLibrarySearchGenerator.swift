public import WeldExecutor
internal import WeldLink
internal import WeldMemory

/// Defines what a shared library, or the process, of an executor exports, as absolute symbols: one call of the executor
/// for each request.
///
/// LLVM's `EPCDynamicLibrarySearchGenerator`, and in this process `DynamicLibrarySearchGenerator`.
public final class DynamicLibrarySearchGenerator: SynchronousDefinitionGenerator {
  /// Whether a name may be defined.
  public typealias Filter = @Sendable (String) -> Bool

  private let executor: any ExecutorProcessControl
  private let library: DylibHandle
  private let filter: Filter?

  /// Searches a library that `executor` has loaded.
  ///
  /// - Parameter filter: which names it may define; by default all.
  public init(
    searching library: DylibHandle, of executor: any ExecutorProcessControl, where filter: Filter? = nil
  ) {
    self.library = library
    self.executor = executor
    self.filter = filter
  }

  /// What the session's process itself exports, with the libraries that it was started with. LLVM's
  /// `GetForCurrentProcess`.
  ///
  /// - Throws: ``OrcError/executor(_:)``.
  public static func forProcess(
    of session: ExecutionSession, where filter: Filter? = nil
  ) throws(OrcError) -> DynamicLibrarySearchGenerator {
    try load(nil, session, filter)
  }

  /// What the shared library at `path` exports, which the session's executor loads. LLVM's `Load`.
  ///
  /// - Throws: ``OrcError/executor(_:)``.
  public static func forLibrary(
    at path: String, in session: ExecutionSession, where filter: Filter? = nil
  ) throws(OrcError) -> DynamicLibrarySearchGenerator {
    try load(path, session, filter)
  }

  private static func load(
    _ path: String?, _ session: ExecutionSession, _ filter: Filter?
  ) throws(OrcError) -> DynamicLibrarySearchGenerator {
    do {
      let executor = session.executor
      return DynamicLibrarySearchGenerator(
        searching: try executor.loadDylib(path), of: executor, where: filter)
    } catch {
      throw .executor(error)
    }
  }

  public func define(_ request: GenerationRequest) throws(OrcError) {
    var names = request.symbols.names
    if let filter { names = names.filter { filter($0.text) } }
    guard !names.isEmpty else { return }
    let answers: [ResolvedSymbol?]
    do {
      answers = try executor.lookup(names.map(\.text), in: library)
    } catch {
      throw .executor(error)
    }
    var found: SymbolMap = [:]
    for (name, answer) in zip(names, answers) {
      guard let answer else { continue }
      found[name] = EvaluatedSymbol(
        address: answer.address, flags: answer.isFunction ? [.exported, .callable] : .exported)
    }
    if !found.isEmpty { try request.dylib.define(absoluteSymbols(found)) }
  }
}
