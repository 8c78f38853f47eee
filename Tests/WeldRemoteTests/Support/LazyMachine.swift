import Foundation
import Synchronization
import Testing
import WeldELF
import WeldExecutor
import WeldLink
import WeldMemory
import WeldORC
import WeldRemote

/// Where code is called lazily: this process, or an executor of its own on each machine.
enum LazyPlace: CaseIterable, Sendable, CustomTestStringConvertible {
  case here, x86_64, ppc64le, s390x

  var testDescription: String { self == .here ? "this process" : machine.rawValue }

  var machine: RealMachine {
    switch self {
    case .here, .x86_64: .x86_64
    case .ppc64le: .ppc64le
    case .s390x: .s390x
    }
  }

  /// Flags for the widest vectors that are passed in registers.
  var vectorFlags: [String] {
    switch machine {
    case .x86_64: ["-mavx"]
    case .ppc64le: []
    case .s390x: ["-march=z13"]
    }
  }

  func start() throws -> any ExecutorProcessControl {
    self == .here ? InProcessExecutor() : try machine.start()
  }
}

/// A session on some machine, with a dylib `source` of functions that are compiled C, and the managers of lazy calls.
struct LazyMachine: Sendable {
  let place: LazyPlace
  let executor: any ExecutorProcessControl
  let session: ExecutionSession
  let source: JITDylib
  let main: JITDylib
  let stubs: IndirectStubsManager
  let callThrough: LazyCallThroughManager
  /// What keeps the objects that are linked when they are called, and how often that happened.
  let links: Links
  let reports: Links

  final class Links: Sendable {
    private let state = Mutex<(linkers: [Kept], reports: [OrcError])>(([], []))

    /// A linker, which only one thread uses.
    struct Kept: @unchecked Sendable {
      let linker: RuntimeDyld
    }

    func keep(_ linker: Kept) { state.withLock { $0.linkers.append(linker) } }
    func note(_ error: OrcError) { state.withLock { $0.reports.append(error) } }
    var count: Int { state.withLock { $0.linkers.count } }
    var errors: [OrcError] { state.withLock { $0.reports } }
  }

  /// - Parameter failure: C of `long failed(long)`, where failing calls go.
  init(at place: LazyPlace, failure: String? = nil) throws {
    let reports = Links()
    self.place = place
    self.reports = reports
    executor = try place.start()
    links = Links()
    session = ExecutionSession(on: executor) { reports.note($0) }
    source = try session.createDylib("source")
    main = try session.createDylib("main")
    stubs = try IndirectStubsManager(for: session)
    var failureAddress: Address?
    if let failure {
      let linker = Self.link(
        try place.machine.compile(failure), symbols: [:], on: executor)
      let kept = try linker.get()
      links.keep(kept)
      failureAddress = kept.linker.symbol(named: "failed")?.address
    }
    callThrough = try LazyCallThroughManager(for: session, lazyCompileFailureAddress: failureAddress)
  }

  private static func link(
    _ object: ObjectFile, symbols: [String: Address], on executor: any ExecutorProcessControl
  ) -> Result<Links.Kept, any Error> {
    Result {
      let linker = RuntimeDyld(
        memory: try executor.makeMemory(for: MemoryNeeds()),
        lookup: RealMachine.Symbols(
          absolute: symbols,
          libraries: try LibrarySymbols(libraries: [], includingProcess: true, in: executor)))
      try linker.load(object)
      try linker.finalize()
      return Links.Kept(linker: linker)
    }
  }

  /// Links `code`, whose functions call stubs by the names in `symbols`, and returns one of its functions.
  func link(
    _ code: String, flags: [String] = [], language: String = "c", symbols: [String: Address] = [:],
    finding names: [String]
  ) throws -> [Address] {
    let object = try place.machine.compile(code, flags: flags, language: language)
    let kept = try Self.link(object, symbols: symbols, on: executor).get()
    links.keep(kept)
    return try names.map { try #require(kept.linker.symbol(named: $0)).address }
  }

  /// Defines `names` in `source`, which `code` defines once they are called; and stubs to them in `main`. Returns the stubs.
  func defineLazily(
    _ names: [String], _ code: String, flags: [String] = [], language: String = "c"
  ) throws -> [String: Address] {
    let object = try place.machine.compile(code, flags: flags, language: language)
    try source.define(LazyObject(object, Set(names.map { session.intern($0) }), executor, links))
    var aliases: SymbolAliasMap = [:]
    for name in names {
      aliases[session.intern(name)] = SymbolAlias(session.intern(name), flags: [.exported, .callable])
    }
    try main.define(lazyReexports(aliases, from: source, through: callThrough, stubs: stubs))
    let found = try session.lookup(
      SymbolLookupSet(aliases.keys), in: [SearchedJITDylib(main, .matchAllSymbols)])
    return Dictionary(uniqueKeysWithValues: found.map { ($0.key.text, $0.value.address) })
  }

  /// Calls `int function(void)`.
  func call(_ function: Address) throws -> Int32 { try executor.runAsVoidFunction(function) }

  /// Links an object when its symbols are needed.
  private struct LazyObject: MaterializationUnit {
    let name = "<lazy object>"
    let symbols: SymbolFlagsMap
    private let object: ObjectFile
    private let executor: any ExecutorProcessControl
    private let links: Links

    init(
      _ object: ObjectFile, _ names: Set<SymbolStringPtr>, _ executor: any ExecutorProcessControl,
      _ links: Links
    ) {
      self.object = object
      self.executor = executor
      self.links = links
      symbols = Dictionary(uniqueKeysWithValues: names.map { ($0, [.exported, .callable]) })
    }

    func materialize(_ responsibility: MaterializationResponsibility) {
      do {
        let kept = try LazyMachine.link(object, symbols: [:], on: executor).get()
        links.keep(kept)
        var map: SymbolMap = [:]
        for name in symbols.keys {
          let address = kept.linker.symbol(named: name.text)?.address ?? .zero
          map[name] = EvaluatedSymbol(address: address, flags: [.exported, .callable])
        }
        try responsibility.notifyResolved(map)
        try responsibility.notifyEmitted()
      } catch {
        responsibility.failMaterialization(error)
      }
    }
  }
}
