internal import WeldExecutor
public import WeldLink
public import WeldMemory

/// A program of several dylibs in an ``LLJIT``: what ``Program`` is, with a choice of layers, threads and laziness.
///
/// Definitions in objects and archives win over fixed addresses, these over the given libraries, in order, and these over
/// what the process exports.
public final class SessionProgram {
  /// A dylib of the program.
  public struct Dylib: Sendable {
    /// Its name; the function to run is one of `main`.
    public var name: String
    /// What is in it: objects, and archives of which members are linked by need.
    public var inputs: [LinkInput]
    /// Sources, with what compiles them.
    public var sources: [SourceText] = []
    /// The names of the dylibs in which its code finds symbols, after itself; by default all others, in order.
    public var linkOrder: [String]?

    /// A dylib with these inputs.
    public init(_ name: String, _ inputs: [LinkInput] = []) {
      self.name = name
      self.inputs = inputs
    }
  }

  /// How to link.
  public struct Options: Sendable {
    /// How to make the ``LLJIT``; its ``LLJIT/Builder/processSymbolsSetup`` is not used.
    public var builder = LLJIT.Builder()
    /// Shared libraries that undefined symbols may come from, by path.
    public var libraries: [String] = []
    /// Symbols with fixed addresses, for names that no object defines.
    public var absoluteSymbols: [String: Address] = [:]
    /// Second names for symbols, in `main`, where no object defines them.
    public var aliases: [Alias] = []
    /// Whether all members of archives take part, needed or not.
    public var wholeArchives = false
    /// Whether functions are linked when they are first called, unless their objects have constructors. Otherwise all
    /// objects are linked before anything runs.
    public var isLazy = false
    /// Compiles sources.
    public var compiler: ExternalCompiler?
    /// Keeps the objects of sources.
    public var objectCache: (any ObjectCache)?

    /// The defaults.
    public init() {}
  }

  /// The JIT, to look at or add to.
  public let jit: LLJIT
  private let options: Options
  /// Where the objects of each dylib are.
  private var homes: [String: JITDylib] = [:]
  /// Keep the stubs of lazy functions.
  private var lazyManagers: (LazyCallThroughManager, IndirectStubsManager)?

  /// Makes the dylibs; nothing is linked.
  ///
  /// - Throws: ``OrcError/executor(_:)`` if a library cannot be loaded or the executor not be used,
  ///   ``OrcError/symbolsNotFound(_:searched:)`` for a dylib of a link order which does not exist, and as ``LLJIT/add(_:to:)``.
  public init(of dylibs: [Dylib], options: Options = Options()) throws(OrcError) {
    self.options = options
    var builder = options.builder
    builder.processSymbolsSetup = { [options] session throws(OrcError) in
      try Self.makeOutside(of: session, options)
    }
    jit = try builder.build()
    if options.isLazy {
      lazyManagers = (
        try LazyCallThroughManager(for: jit.session), try IndirectStubsManager(for: jit.session)
      )
    }
    for dylib in dylibs where homes[dylib.name] == nil { homes[dylib.name] = try makeHome(dylib.name) }
    try setLinkOrders(of: dylibs)
    for dylib in dylibs { try add(dylib) }
    for alias in options.aliases { try define(alias) }
  }

  /// What is found outside of the program.
  private static func makeOutside(
    of session: ExecutionSession, _ options: Options
  ) throws(OrcError) -> JITDylib {
    let outside = try session.createDylib("<outside>")
    var absolute: SymbolMap = [:]
    for (name, address) in options.absoluteSymbols {
      absolute[session.intern(name)] = EvaluatedSymbol(address: address, flags: .exported)
    }
    if !absolute.isEmpty { try outside.define(absoluteSymbols(absolute)) }
    for path in options.libraries {
      try outside.addGenerator(DynamicLibrarySearchGenerator.forLibrary(at: path, in: session))
    }
    try outside.addGenerator(DynamicLibrarySearchGenerator.forProcess(of: session))
    return outside
  }

  /// Makes the dylib; if functions are linked lazily also the one with its objects, which is returned.
  private func makeHome(_ name: String) throws(OrcError) -> JITDylib {
    let dylib = try name == jit.mainDylib.name ? jit.mainDylib : jit.createDylib(name)
    guard let (callThrough, stubs) = lazyManagers else { return dylib }
    let home = try jit.session.createDylib("\(name) (implementation)")
    try dylib.addGenerator(LazyReexportsGenerator(from: home, through: callThrough, stubs: stubs))
    return home
  }

  private func setLinkOrders(of dylibs: [Dylib]) throws(OrcError) {
    var names: [String] = []
    for dylib in dylibs where !names.contains(dylib.name) { names.append(dylib.name) }
    for name in names {
      guard let dylib = jit.dylib(named: name), let home = homes[name] else { continue }
      let given = dylibs.last { $0.name == name && $0.linkOrder != nil }?.linkOrder
      var order = [SearchedJITDylib(dylib, .matchAllSymbols)]
      for other in given ?? names where other != name {
        guard homes[other] != nil, let other = jit.dylib(named: other) else {
          throw .noSuchDylib(dylib: other)
        }
        order.append(SearchedJITDylib(other))
      }
      if let outside = jit.processSymbolsDylib { order.append(SearchedJITDylib(outside)) }
      if home != dylib {
        try home.setLinkOrder(order, linksAgainstThisFirst: false)
        // Its constructors are among those that run before the dylib's code.
        order.append(SearchedJITDylib(home))
      }
      try dylib.setLinkOrder(order)
    }
  }

  private func add(_ dylib: Dylib) throws(OrcError) {
    guard let home = homes[dylib.name] else { return }
    for input in dylib.inputs {
      if case .archive(let archive) = input, options.wholeArchives {
        try jit.objectLayer.addWholeArchive(archive, to: home)
      } else {
        try jit.add(input, to: home)
      }
    }
    guard let compiler = options.compiler else { return }
    let layer = CompileLayer(compiler, to: jit.objectLayer, cache: options.objectCache)
    for source in dylib.sources { try layer.add(source, to: home) }
  }

  /// Defines the alias, unless some object or member of an archive defines its name.
  private func define(_ alias: Alias) throws(OrcError) {
    let (name, aliasee) = (jit.session.intern(alias.name), jit.session.intern(alias.target))
    let order = jit.mainDylib.linkOrder
    guard try find(name, in: order.filter { $0.dylib != jit.processSymbolsDylib }) == nil else { return }
    let found = try find(aliasee, in: order)
    let flags = found?.flags.subtracting([.weak, .common]) ?? .exported
    try jit.mainDylib.define(
      reexports([name: SymbolAlias(aliasee, flags: flags)], from: found?.dylib ?? jit.mainDylib))
  }

  /// The first dylib that has the name, and what it is there.
  private func find(
    _ name: SymbolStringPtr, in order: JITDylibSearchOrder
  ) throws(OrcError) -> (dylib: JITDylib, flags: SymbolFlags)? {
    for entry in order {
      let flags = try jit.session.lookupFlags(SymbolLookupSet(name, .weaklyReferenced), in: [entry])
      if let flags = flags[name] { return (entry.dylib, flags) }
    }
    return nil
  }

  // MARK: - Linking and running

  /// Links all objects, or if that is done lazily only the one that defines the function to run.
  ///
  /// - Throws: ``OrcError/symbolsNotFound(_:searched:)`` if no object defines `entry`, and what keeps something from being
  ///   linked.
  public func link(entry: String = "main") throws(OrcError) {
    if !options.isLazy {
      for home in homes.values.sorted(by: { $0.name < $1.name }) {
        let names = home.definedSymbols
        guard !names.isEmpty else { continue }
        _ = try jit.session.lookup(
          SymbolLookupSet(names, .weaklyReferenced), in: [SearchedJITDylib(home, .matchAllSymbols)])
      }
    }
    let main = jit.mainDylib
    let home = homes[main.name] ?? main
    // An alias is in the dylib itself.
    let order = (home == main ? [main] : [home, main]).map { SearchedJITDylib($0, .matchAllSymbols) }
    _ = try jit.session.lookup(entry, in: order)
  }

  /// Runs the program, and ends its process. As ``LLJIT/runToExit(_:arguments:in:)``.
  public func runToExit(entry: String = "main", arguments: [String]) throws(OrcError) -> Int32 {
    try jit.runToExit(entry, arguments: arguments)
  }

  /// Runs the program. As ``LLJIT/runAsMain(_:arguments:in:)``.
  public func run(entry: String = "main", arguments: [String]) throws(OrcError) -> Int32 {
    try jit.runAsMain(entry, arguments: arguments)
  }
}
