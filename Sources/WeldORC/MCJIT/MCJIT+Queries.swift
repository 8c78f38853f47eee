internal import WeldExecutor
internal import WeldLink
public import WeldMemory

// MARK: - Addresses

extension MCJIT {
  /// Where the function is, which is linked with everything queued if it is not linked; `nil` if the engine has none.
  ///
  /// What the process exports is not searched; the lazy function creator is asked. LLVM's
  /// `ExecutionEngine::getFunctionAddress`.
  ///
  /// - Throws: as ``finalizeObject()``; not for a name that is linked or mapped.
  public func functionAddress(of name: String) throws(OrcError) -> Address? { try find(name) }

  /// As ``functionAddress(of:)``, for variables. LLVM's `ExecutionEngine::getGlobalValueAddress`.
  public func globalValueAddress(of name: String) throws(OrcError) -> Address? { try find(name) }

  /// As ``functionAddress(of:)``, and what the process exports is searched, too, unless that was disabled. LLVM's
  /// `ExecutionEngine::getPointerToNamedFunction`, which ends the process if there is none.
  public func symbolAddress(of name: String) throws(OrcError) -> Address? {
    if let address = try find(name) { return address }
    guard searchesProcess else { return nil }
    return try processSymbols([session.intern(name)]).first?.value.address
  }

  /// A function to be called, as long as its object is there. It must be one of this type, which nobody can check.
  ///
  /// - Parameter type: a `@convention(c)` function type.
  /// - Returns: `nil` if ``symbolAddress(of:)`` finds nothing.
  /// - Throws: ``OrcError/notAFunctionPointer(type:)`` for another type, ``OrcError/notInProcess(symbol:)`` if the code
  ///   runs in another process, and as ``finalizeObject()``.
  public func pointerToFunction<Function>(
    named name: String, as type: Function.Type
  ) throws(OrcError) -> Function? {
    try jit.check(name, type)
    return try symbolAddress(of: name).map { jit.function(at: $0, as: type) }
  }

  private func find(_ name: String) throws(OrcError) -> Address? {
    let key = session.intern(name)
    if let known = known(key) { return known }
    try finalizeObject()
    if let known = known(key) { return known }
    if let object = try member(defining: key) {
      _ = enqueue(.object(object), isMember: true)
      try finalizeObject()
      if let known = known(key) { return known }
    }
    return createFunction?(name)
  }

  private func known(_ name: SymbolStringPtr) -> Address? {
    mappings[name]?.address ?? address(of: name)?.address
  }

  /// Where the name is mapped or linked; nothing is linked for the answer. LLVM's
  /// `ExecutionEngine::getPointerToGlobalIfAvailable`.
  public func addressOfGlobalIfAvailable(_ name: String) -> Address? { known(session.intern(name)) }

  /// What is mapped to `address` or linked there; the first in the order of the alphabet if there are several. LLVM's
  /// `ExecutionEngine::getGlobalValueAtAddress`.
  public func globalValue(at address: Address) -> String? {
    let mapped = mappings.filter { $0.value.address == address }.keys
    if let name = mapped.map(\.text).min() { return name }
    let found = linked.values.flatMap { $0.symbols.filter { $0.value.address == address }.keys }
    return found.map(\.text).min()
  }
}

// MARK: - Running

extension MCJIT {
  /// Links what is queued, and runs the constructors of all objects that have not run yet, object after object as they were
  /// added; or the exit handlers and destructors of those whose constructors have run, the other way round. LLVM's
  /// `ExecutionEngine::runStaticConstructorsDestructors`.
  ///
  /// Destructors that were not asked for run when the engine goes.
  ///
  /// - Throws: as ``finalizeObject()``, and nothing ran.
  public func runStaticConstructorsDestructors(isDestructors: Bool) throws(OrcError) {
    if !isDestructors { try finalizeObject() }
    let numbers = linked.keys.sorted()
    for number in isDestructors ? numbers.reversed() : numbers {
      guard let dylib = linked[number]?.dylib else { continue }
      if isDestructors { try jit.deinitialize(dylib) } else { try jit.initialize(dylib) }
    }
  }

  /// Calls `int name(int argc, char **argv)`. Constructors and destructors are the caller's to run. LLVM's
  /// `ExecutionEngine::runFunctionAsMain`.
  ///
  /// - Parameter arguments: begin with the program's name.
  /// - Throws: ``OrcError/symbolsNotFound(_:searched:)`` if there is none, ``OrcError/executor(_:)``, and as
  ///   ``finalizeObject()``.
  public func runFunctionAsMain(_ name: String, arguments: [String]) throws(OrcError) -> Int32 {
    guard let main = try find(name) else { throw .symbolsNotFound([name], searched: []) }
    do {
      return try session.executor.runAsMain(main, arguments: arguments)
    } catch {
      throw .executor(error)
    }
  }
}
