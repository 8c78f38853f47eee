internal import Synchronization
public import WeldBytes
public import WeldELF
internal import WeldExecutor
public import WeldLink
internal import WeldMemory

/// A JIT that is ready for use: a session, a layer that links objects, the symbols of the process, and a platform that
/// runs constructors.
///
/// ```swift
/// let jit = try LLJIT()
/// try jit.addObject(path: "add.o")
/// let add = try jit.lookup("add", as: (@convention(c) (Int32, Int32) -> Int32).self)
/// print(add(2, 3))
/// ```
///
/// The code is there for as long as the ``LLJIT`` is; with it, what is still initialized is deinitialized, and the session
/// ends unless it was given. LLVM's `LLJIT`. Its `mangle` is missing: ELF has no prefix for the names of C.
public final class LLJIT: Sendable {
  /// The session with all dylibs.
  public let session: ExecutionSession
  /// The dylib for those who need only one.
  public let mainDylib: JITDylib
  /// What the process exports; `nil` if that is not linked.
  public let processSymbolsDylib: JITDylib?
  /// Links objects.
  public let objectLinkingLayer: any ObjectLayer
  /// Gets the objects, and passes them on to ``objectLinkingLayer``: the place to look at or change them.
  public let objectLayer: ObjectTransformLayer
  /// Whether code runs in this process.
  let isInProcess: Bool
  /// What lookups search that name no dylib.
  let mainOrder: JITDylibSearchOrder
  private let linksProcessSymbols: Bool
  private let platform = Mutex<(any PlatformSupport)?>(nil)
  /// What programs were started with.
  private let argumentBlocks = Mutex<[ArgumentBlock]>([])

  /// Makes a JIT with a dylib `main`.
  ///
  /// - Throws: ``OrcError/executor(_:)`` or ``OrcError/link(_:)`` if the executor cannot be used,
  ///   ``OrcError/duplicateDylib(dylib:)``, ``OrcError/sessionClosed``, and what the builder's closures throw.
  public init(_ builder: Builder = Builder()) throws(OrcError) {
    let session =
      builder.session
      ?? ExecutionSession(
        on: builder.executor, dispatcher: builder.dispatcher, errorReporter: builder.errorReporter)
    self.session = session
    let inner = ExecutionSession(of: session.core)
    objectLinkingLayer = try builder.makeLayer(of: inner)
    objectLayer = ObjectTransformLayer(objectLinkingLayer)
    processSymbolsDylib = try builder.makeProcessSymbols(of: inner)
    linksProcessSymbols = builder.linksProcessSymbolsByDefault
    mainDylib = try session.createDylib("main")
    mainOrder = [SearchedJITDylib(mainDylib, .matchAllSymbols)]
    isInProcess = session.executor is InProcessExecutor
    try builder.prePlatformSetup?(self)
    let platform: any PlatformSupport
    if let setup = builder.platformSetup {
      platform = try setup(self)
    } else {
      platform = try makeNativePlatform(arguments: builder.arguments)
    }
    self.platform.withLock { $0 = platform }
    try setUp(mainDylib)
    try builder.notifyCreated?(self)
  }

  deinit {
    // Nobody is left to be told.
    try? currentPlatform?.deinitializeAll()
  }

  func keep(_ block: ArgumentBlock) { argumentBlocks.withLock { $0.append(block) } }

  private func makeNativePlatform(arguments: [String]) throws(OrcError) -> any PlatformSupport {
    let platform = try NativePlatform(of: session, arguments: arguments)
    objectLayer.deliverInitializers(to: platform)
    return platform
  }

  var currentPlatform: (any PlatformSupport)? { platform.withLock { $0 } }
}

// MARK: - Dylibs

extension LLJIT {
  /// A new dylib, whose code finds what the process exports if that is linked by default, and which the platform has
  /// set up. Dylibs that are made by the session itself have neither.
  ///
  /// - Throws: ``OrcError/duplicateDylib(dylib:)``, ``OrcError/sessionClosed``, and what the platform throws.
  public func createDylib(_ name: String) throws(OrcError) -> JITDylib {
    let dylib = try session.createDylib(name)
    try setUp(dylib)
    return dylib
  }

  private func setUp(_ dylib: JITDylib) throws(OrcError) {
    if linksProcessSymbols, let processSymbolsDylib { try dylib.addToLinkOrder(processSymbolsDylib) }
    try currentPlatform?.setUp(dylib, of: self)
  }

  /// The dylib of this name, if there is one.
  public func dylib(named name: String) -> JITDylib? { session.dylib(named: name) }

  /// A new dylib with what the shared library at `path` exports, which the executor loads. To use it, put it into
  /// the link order of others. LLVM's `loadPlatformDynamicLibrary`.
  ///
  /// - Throws: ``OrcError/executor(_:)``, ``OrcError/duplicateDylib(dylib:)``, ``OrcError/sessionClosed``.
  public func loadPlatformDynamicLibrary(_ path: String) throws(OrcError) -> JITDylib {
    let generator = try DynamicLibrarySearchGenerator.forLibrary(at: path, in: session)
    let dylib = try session.createDylib(path)
    try dylib.addGenerator(generator)
    return dylib
  }

  /// Makes what the shared library at `path` exports part of a dylib; the executor loads it.
  ///
  /// - Throws: ``OrcError/executor(_:)``, ``OrcError/dylibClosed(dylib:)``, ``OrcError/sessionClosed``.
  public func loadDynamicLibrary(_ path: String, into dylib: JITDylib? = nil) throws(OrcError) {
    let generator = try DynamicLibrarySearchGenerator.forLibrary(at: path, in: session)
    try (dylib ?? mainDylib).addGenerator(generator)
  }
}

// MARK: - Definitions

extension LLJIT {
  /// Adds the object in the file at `path`; it is linked when one of its symbols is looked up.
  ///
  /// - Parameters:
  ///   - dylib: by default ``mainDylib``, or that of `tracker`.
  ///   - tracker: of the dylib; by default the default tracker.
  /// - Throws: ``OrcError/link(_:)`` if the file is no object, and as ``JITDylib/define(_:tracker:)``.
  public func addObject(
    path: String, to dylib: JITDylib? = nil, tracker: ResourceTracker? = nil
  ) throws(OrcError) {
    try addObject(Self.open(path), name: path, to: dylib, tracker: tracker)
  }

  private static func open(_ path: String) throws(OrcError) -> Bytes {
    do {
      return try MappedFile.open(path)
    } catch {
      throw .link(.memory(error))
    }
  }

  /// Adds the object that `bytes` are; errors call it `name`. As ``addObject(path:to:tracker:)``.
  public func addObject(
    _ bytes: [UInt8], name: String, to dylib: JITDylib? = nil, tracker: ResourceTracker? = nil
  ) throws(OrcError) {
    try addObject(Bytes(bytes), name: name, to: dylib, tracker: tracker)
  }

  /// Adds the object that `bytes` are; errors call it `name`. As ``addObject(path:to:tracker:)``.
  public func addObject(
    _ bytes: Bytes, name: String, to dylib: JITDylib? = nil, tracker: ResourceTracker? = nil
  ) throws(OrcError) {
    let object: ObjectFile
    do {
      object = try ObjectFile(bytes, name: name)
    } catch {
      throw .link(.malformed(error))
    }
    try addObject(object, to: dylib, tracker: tracker)
  }

  /// Adds `object`. As ``addObject(path:to:tracker:)``.
  public func addObject(
    _ object: ObjectFile, to dylib: JITDylib? = nil, tracker: ResourceTracker? = nil
  ) throws(OrcError) {
    let dylib = dylib ?? tracker?.dylib ?? mainDylib
    try objectLayer.add(
      PendingObject(reading: object, names: dylib.core.names), to: dylib, tracker: tracker)
  }

  /// Adds an object, or an archive as ``linkStaticLibrary(_:into:)`` does.
  public func add(_ input: LinkInput, to dylib: JITDylib? = nil) throws(OrcError) {
    switch input {
    case .object(let object): try addObject(object, to: dylib)
    case .archive(let archive): try linkStaticLibrary(archive, into: dylib)
    }
  }

  /// Has members of the archive at `path` added to a dylib when they are needed there. LLVM's
  /// `linkStaticLibraryInto`.
  ///
  /// - Throws: ``OrcError/link(_:)`` if the file is no archive, ``OrcError/dylibClosed(dylib:)``,
  ///   ``OrcError/sessionClosed``.
  public func linkStaticLibrary(_ path: String, into dylib: JITDylib? = nil) throws(OrcError) {
    let bytes = try Self.open(path)
    let archive: Archive
    do {
      archive = try Archive(bytes, name: path)
    } catch {
      throw .link(.malformed(error))
    }
    try linkStaticLibrary(archive, into: dylib)
  }

  /// Has members of `archive` added to a dylib when they are needed there.
  ///
  /// - Throws: as ``linkStaticLibrary(_:into:)``.
  public func linkStaticLibrary(_ archive: Archive, into dylib: JITDylib? = nil) throws(OrcError) {
    try (dylib ?? mainDylib).addGenerator(
      StaticLibraryDefinitionGenerator(archive, layer: objectLayer, session: session))
  }

  /// Promises the symbols of `unit`. As ``JITDylib/define(_:tracker:)``.
  public func define(
    _ unit: some MaterializationUnit, in dylib: JITDylib? = nil, tracker: ResourceTracker? = nil
  ) throws(OrcError) {
    try (dylib ?? tracker?.dylib ?? mainDylib).define(unit, tracker: tracker)
  }
}

// MARK: - Running

extension LLJIT {
  /// Runs the constructors of the dylib's objects which have not run yet, after those of the dylibs that it links
  /// against, in turn. All these objects are linked, needed or not.
  ///
  /// Within a dylib, functions of `.preinit_array` come first, then those of `.init_array` and `.ctors` by priority,
  /// and where that is equal in the order in which the objects were added. They are called as glibc calls them, with
  /// `argc`, `argv` and the environment. Another call runs those of objects that came later.
  ///
  /// - Throws: what keeps an object from being linked, and nothing ran; ``OrcError/executor(_:)``.
  public func initialize(_ dylib: JITDylib? = nil) throws(OrcError) {
    try currentPlatform?.initialize(dylib ?? mainDylib)
  }

  /// Runs the exit handlers that code of the dylib registered, the last one first, and then the functions of
  /// `.fini_array` and `.dtors` of what was initialized, in the reverse order. The same for the dylibs that were
  /// initialized for its sake, unless another one that is initialized needs them.
  ///
  /// - Throws: ``OrcError/executor(_:)``.
  public func deinitialize(_ dylib: JITDylib? = nil) throws(OrcError) {
    try currentPlatform?.deinitialize(dylib ?? mainDylib)
  }
}
