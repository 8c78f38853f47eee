internal import Synchronization
public import WeldLink
internal import WeldMemory

// All lookups search the dylib only, with all its symbols, as LLVM's `lookup` does: not what it links against. Archives
// are asked for members.

extension LLJIT {
  private func order(_ dylib: JITDylib?) -> JITDylibSearchOrder {
    dylib.map { [SearchedJITDylib($0, .matchAllSymbols)] } ?? mainOrder
  }

  /// Looks a symbol up in a dylib, hidden or not, and waits until it, and everything that it needs, can be used.
  ///
  /// - Parameter dylib: by default ``LLJIT/mainDylib``. What it links against is not searched.
  /// - Throws: as ``ExecutionSession/lookup(_:in:kind:requiring:registerDependencies:completion:)``.
  public func lookup(_ name: String, in dylib: JITDylib? = nil) throws(OrcError) -> EvaluatedSymbol {
    try session.lookup(name, in: order(dylib))
  }

  /// As ``lookup(_:in:)-(String,_)``; the task waits without keeping a thread.
  public func lookup(_ name: String, in dylib: JITDylib? = nil) async throws(OrcError) -> EvaluatedSymbol {
    try await session.lookup(name, in: order(dylib))
  }

  /// As ``lookup(_:in:)-(String,_)``; nobody waits, and `completion` is called once.
  public func lookup(
    _ name: String, in dylib: JITDylib? = nil,
    completion: @escaping @Sendable (Result<EvaluatedSymbol, OrcError>) -> Void
  ) {
    let order = order(dylib)
    let key = session.intern(name)
    session.lookup(SymbolLookupSet(key), in: order) { result in
      completion(
        result.flatMap { found in
          found[key].map { .success($0) }
            ?? .failure(.symbolsNotFound([name], searched: order.map(\.dylib.name)))
        })
    }
  }

  /// Looks a function up, to be called. It must be one of this type, which nobody can check, and is there for as
  /// long as its object is.
  ///
  /// - Parameter type: a `@convention(c)` function type.
  /// - Throws: ``OrcError/notAFunctionPointer(type:)`` for another type, ``OrcError/notInProcess(symbol:)`` if the code
  ///   runs in another process than this one, and as ``lookup(_:in:)-(String,_)``.
  public func lookup<Function>(
    _ name: String, in dylib: JITDylib? = nil, as type: Function.Type
  ) throws(OrcError) -> Function {
    try check(name, type)
    return function(at: try lookup(name, in: dylib).address, as: type)
  }

  /// As ``lookup(_:in:as:)-(String,_,_)``; the task waits without keeping a thread.
  public func lookup<Function>(
    _ name: String, in dylib: JITDylib? = nil, as type: Function.Type
  ) async throws(OrcError) -> Function {
    try check(name, type)
    return function(at: try await lookup(name, in: dylib).address, as: type)
  }

  func check<Function>(_ name: String, _ type: Function.Type) throws(OrcError) {
    guard isInProcess else { throw .notInProcess(symbol: name) }
    guard FunctionPointers.contain(type) else {
      throw .notAFunctionPointer(type: String(reflecting: type))
    }
  }

  func function<Function>(at address: Address, as type: Function.Type) -> Function {
    // A pointer to a function by the check; the caller vouches for the rest of the type.
    unsafe unsafeBitCast(UInt(address.rawValue), to: type)
  }
}

/// Which types are pointers to functions of C; asked once for each, since only the text of a type tells.
private enum FunctionPointers {
  private static let known = Mutex<[ObjectIdentifier]>([])

  static func contain<Function>(_ type: Function.Type) -> Bool {
    let identity = ObjectIdentifier(type)
    if known.withLock({ $0.contains(identity) }) { return true }
    guard MemoryLayout<Function>.size == MemoryLayout<UInt>.size,
      String(reflecting: type).hasPrefix("@convention(c) ")
    else { return false }
    known.withLock { $0.append(identity) }
    return true
  }
}
