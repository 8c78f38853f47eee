public import WeldBytes
public import WeldELF
public import WeldExecutor
internal import WeldLink
public import WeldMemory

/// An engine with the verbs and the symbol rules of LLVM's `ExecutionEngine`, for programs that come from `MCJIT`.
///
/// ```swift
/// let engine = try MCJIT()
/// try engine.addObjectFile(path: "add.o")
/// let add = try engine.pointerToFunction(named: "add", as: (@convention(c) (Int32, Int32) -> Int32).self)
/// ```
///
/// Objects are queued, and all that are queued are linked together by ``finalizeObject()`` or a question for a name that is
/// not linked. Each gets a dylib of its own in an ``LLJIT`` on an ``RTDyldObjectLinkingLayer``. What it does not define is
/// bound to, in this order: what was linked or queued before it, the latest first; what is queued after it, the last
/// first; mappings; members of archives; what the lazy function creator says; what the process exports. Visibility does
/// not matter: an engine is one library.
///
/// - A strong definition of a name that is defined already is no error; it is what later objects are bound to.
/// - Weak and common definitions stand back where the engine has linked a definition. Of those that are queued together, a
///   strong one is taken, else the largest common one, else the first weak one.
///
/// One thread at a time may use an engine, which the compiler sees to: LLVM's has a lock.
public final class MCJIT {
  /// What was added, to remove it with.
  public struct ObjectToken: Hashable, Sendable {
    let number: Int
  }

  /// An object whose code can be called.
  struct Linked {
    let dylib: JITDylib
    let symbols: SymbolMap
    /// How many bytes its common symbols have.
    let commonSizes: [SymbolStringPtr: UInt64]
  }

  let jit: LLJIT
  let layer: RTDyldObjectLinkingLayer
  var queue: [Queued] = []
  var linked: [Int: Linked] = [:]
  /// Who defines a name, the latest last.
  var definers: [SymbolStringPtr: [Int]] = [:]
  var mappings: [SymbolStringPtr: EvaluatedSymbol] = [:]
  var archives: [StaticLibraryDefinitionGenerator] = []
  var createFunction: ((String) -> Address?)?
  var searchesProcess = true
  private var cache: (any ObjectCache)?
  private var lastNumber = 0

  /// Makes an engine without code.
  ///
  /// - Parameters:
  ///   - executor: the process in which code runs; by default this one.
  ///   - memory: makes memory for each object, instead of a memory manager; by default windows near the libraries of
  ///     the process, and below 2 GiB for objects whose code model wants that.
  /// - Throws: ``OrcError/executor(_:)`` or ``OrcError/link(_:)`` if the executor cannot be used.
  public init(
    on executor: any ExecutorProcessControl = InProcessExecutor(),
    memory: RTDyldObjectLinkingLayer.MemoryFactory? = nil
  ) throws(OrcError) {
    let session = ExecutionSession(on: executor)
    layer = try RTDyldObjectLinkingLayer(ExecutionSession(of: session.core), memory: memory)
    var builder = LLJIT.Builder()
    builder.session = session
    builder.processSymbolsSetup = Self.supportingSymbols
    builder.objectLinkingLayer = { [layer] _ in layer }
    jit = try builder.build()
  }

  /// What the linker's own object needs of the process, whether code of the engine may search that or not.
  private static func supportingSymbols(of session: ExecutionSession) throws(OrcError) -> JITDylib {
    let support: ObjectFile
    do {
      support = try SupportObject.make(for: session.executor.target.machine)
    } catch {
      throw .link(error)
    }
    let needed = Set(ObjectSymbols(of: support, names: session.symbolStringPool).needs.map(\.name.text))
    let dylib = try session.createDylib("<what exit handlers need>")
    try dylib.addGenerator(
      DynamicLibrarySearchGenerator.forProcess(of: session) { needed.contains($0) })
    return dylib
  }

  var session: ExecutionSession { jit.session }
  var names: SymbolStringPool { session.symbolStringPool }
}

// MARK: - Code

extension MCJIT {
  /// Queues the object in the file at `path`. LLVM's `ExecutionEngine::addObjectFile`.
  ///
  /// - Throws: ``OrcError/link(_:)`` if the file is no object.
  @discardableResult
  public func addObjectFile(path: String) throws(OrcError) -> ObjectToken {
    let bytes: Bytes
    do {
      bytes = try MappedFile.open(path)
    } catch {
      throw .link(.memory(error))
    }
    return try addObjectFile(bytes, name: path)
  }

  /// Queues the object that `bytes` are; errors call it `name`. As ``addObjectFile(path:)``.
  @discardableResult
  public func addObjectFile(_ bytes: Bytes, name: String) throws(OrcError) -> ObjectToken {
    do {
      return addObjectFile(try ObjectFile(bytes, name: name))
    } catch {
      throw .link(.malformed(error))
    }
  }

  /// Queues `object`. LLVM's `ExecutionEngine::addObjectFile`.
  @discardableResult
  public func addObjectFile(_ object: ObjectFile) -> ObjectToken { enqueue(.object(object)) }

  /// Queues `source`, which `compiler` compiles when it is linked, unless the object cache has it. LLVM's
  /// `ExecutionEngine::addModule`.
  @discardableResult
  public func addModule<C: Compiler>(_ source: C.Source, compiledBy compiler: C) -> ObjectToken {
    let layer = jit.objectLayer
    return enqueue(
      .source { cache throws(OrcError) in
        do {
          return try CompileLayer(compiler, to: layer, cache: cache).object(of: source)
        } catch {
          throw OrcError(error)
        }
      })
  }

  func enqueue(_ input: Queued.Input, isMember: Bool = false) -> ObjectToken {
    lastNumber += 1
    queue.append(Queued(number: lastNumber, isMember: isMember, input: input))
    return ObjectToken(number: lastNumber)
  }

  /// Has members of `archive` linked when something that they define is needed. LLVM's `ExecutionEngine::addArchive`.
  ///
  /// - Throws: ``OrcError/link(_:)`` if its index is malformed.
  public func addArchive(_ archive: Archive) throws(OrcError) {
    archives.append(
      try StaticLibraryDefinitionGenerator(archive, layer: jit.objectLayer, session: session))
  }

  /// Removes what was added, linked or not, with its memory; its exit handlers and destructors run before. Others must not
  /// use it any more, which is not checked. LLVM's `ExecutionEngine::removeModule`, which keeps the memory.
  ///
  /// - Returns: whether it was there.
  /// - Throws: ``OrcError/executor(_:)``.
  @discardableResult
  public func removeObject(_ token: ObjectToken) throws(OrcError) -> Bool {
    if let position = queue.firstIndex(where: { $0.number == token.number }) {
      queue.remove(at: position)
      return true
    }
    guard let object = linked.removeValue(forKey: token.number) else { return false }
    for name in object.symbols.keys {
      definers[name]?.removeAll { $0 == token.number }
      if definers[name]?.isEmpty == true { definers[name] = nil }
    }
    try jit.deinitialize(object.dylib)
    try session.remove(object.dylib)
    return true
  }

  /// Has objects of sources kept in, and taken from, `cache`; `nil` for none. LLVM's `ExecutionEngine::setObjectCache`.
  public func setObjectCache(_ cache: (any ObjectCache)?) { self.cache = cache }

  /// Tells `listener` of objects that are linked from now on. LLVM's `ExecutionEngine::RegisterJITEventListener`.
  public func registerJITEventListener(_ listener: some JITEventListener) { layer.add(listener) }

  /// Tells `listener` no more. LLVM's `ExecutionEngine::UnregisterJITEventListener`.
  public func unregisterJITEventListener(_ listener: some JITEventListener) { layer.remove(listener) }

  /// Compiles what is not compiled.
  func compile(_ queued: inout Queued) throws(OrcError) -> ObjectFile {
    switch queued.input {
    case .object(let object): return object
    case .source(let compile):
      let object = try compile(cache)
      queued.input = .object(object)
      return object
    }
  }
}

// MARK: - Symbols from outside

extension MCJIT {
  /// Says where `name` is, for the code that is linked from now on and for all questions. LLVM's
  /// `ExecutionEngine::addGlobalMapping`.
  ///
  /// - Parameter isFunction: whether a stub may stand for its address in code that is too far away to refer to it.
  public func addGlobalMapping(_ name: String, _ address: Address, isFunction: Bool = false) {
    mappings[session.intern(name)] = EvaluatedSymbol(
      address: address, flags: isFunction ? [.exported, .callable] : .exported)
  }

  /// Says that `name` is elsewhere, or with `nil` no more where it is. LLVM's `ExecutionEngine::updateGlobalMapping`.
  ///
  /// - Returns: where it was.
  @discardableResult
  public func updateGlobalMapping(
    _ name: String, _ address: Address?, isFunction: Bool = false
  ) -> Address? {
    let old = mappings.removeValue(forKey: session.intern(name))
    if let address { addGlobalMapping(name, address, isFunction: isFunction) }
    return old?.address
  }

  /// Forgets all mappings; linked code keeps their addresses. LLVM's `ExecutionEngine::clearAllGlobalMappings`.
  public func clearAllGlobalMappings() { mappings = [:] }

  /// Has `create` asked for names that the engine does not define, before the process is. It may use the engine. LLVM's
  /// `ExecutionEngine::InstallLazyFunctionCreator`.
  public func installLazyFunctionCreator(_ create: ((String) -> Address?)?) { createFunction = create }

  /// Whether what the process exports is left alone. LLVM's `ExecutionEngine::DisableSymbolSearching`.
  public func disableSymbolSearching(_ isDisabled: Bool = true) { searchesProcess = !isDisabled }
}
