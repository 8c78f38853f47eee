import Synchronization
import Testing
import Weld

/// A unit whose materializer and discards are closures.
final class TestUnit: MaterializationUnit {
  let name = "<test>"
  let symbols: SymbolFlagsMap
  let initializerSymbol: SymbolStringPtr?
  private let body: @Sendable (MaterializationResponsibility) -> Void
  private let onDiscard: @Sendable (SymbolStringPtr) -> Void

  init(
    _ symbols: SymbolFlagsMap, initializer: SymbolStringPtr? = nil,
    discard: @escaping @Sendable (SymbolStringPtr) -> Void = { _ in },
    materialize: @escaping @Sendable (MaterializationResponsibility) -> Void
  ) {
    self.symbols = symbols
    initializerSymbol = initializer
    onDiscard = discard
    body = materialize
  }

  func materialize(_ responsibility: MaterializationResponsibility) { body(responsibility) }
  func discard(_ name: SymbolStringPtr, in dylib: JITDylib) { onDiscard(name) }
}

/// A value that threads and closures share.
final class Shared<Value: Sendable>: Sendable {
  private let mutex: Mutex<Value>
  init(_ value: Value) { mutex = Mutex(value) }
  var value: Value {
    get { mutex.withLock { $0 } }
    set { mutex.withLock { $0 = newValue } }
  }
  func change(_ body: (inout Value) -> Void) { mutex.withLock { body(&$0) } }
}

/// A session with the dylib `main`, symbols of which have made-up addresses.
struct CoreFixture {
  let session: ExecutionSession
  let main: JITDylib
  let reports: Shared<[OrcError]>

  init(_ dispatcher: Dispatcher = .inline) throws {
    let reports = Shared<[OrcError]>([])
    self.reports = reports
    session = ExecutionSession(dispatcher: dispatcher) { error in reports.change { $0.append(error) } }
    main = try session.createDylib("main")
  }

  func name(_ text: String) -> SymbolStringPtr { session.intern(text) }
  var order: JITDylibSearchOrder { [SearchedJITDylib(main, .matchAllSymbols)] }

  /// Definitions of `names`, at addresses that tell the names.
  func definitions(_ names: some Sequence<SymbolStringPtr>, _ flags: SymbolFlags = .exported) -> SymbolMap {
    var map: SymbolMap = [:]
    for name in names { map[name] = EvaluatedSymbol(address: testAddress(name.text), flags: flags) }
    return map
  }

  func definitions(_ names: [String], _ flags: SymbolFlags = .exported) -> SymbolMap {
    definitions(names.map(name), flags)
  }

  func flags(_ names: [String], _ flags: SymbolFlags = .exported) -> SymbolFlagsMap {
    definitions(names, flags).mapValues(\.flags)
  }

  /// Looks up, and keeps the result when there is one.
  func start(
    _ names: [String], _ required: RequiredSymbolState = .ready, _ flags: SymbolLookupFlags = .required,
    in order: JITDylibSearchOrder? = nil
  ) -> Shared<Result<SymbolMap, OrcError>?> {
    let result = Shared<Result<SymbolMap, OrcError>?>(nil)
    session.lookup(SymbolLookupSet(names.map(name), flags), in: order ?? self.order, requiring: required) {
      answer in
      #expect(result.value == nil, "a lookup is answered once")
      result.value = answer
    }
    return result
  }

  /// Defines `names` by a unit that keeps its responsibility, and asks for the names.
  func materializing(
    _ names: [String], in dylib: JITDylib? = nil, tracker: ResourceTracker? = nil,
    _ flags: SymbolFlags = .exported
  ) throws -> MaterializationResponsibility {
    let kept = Shared<MaterializationResponsibility?>(nil)
    let dylib = dylib ?? main
    try dylib.define(TestUnit(self.flags(names, flags)) { kept.value = $0 }, tracker: tracker)
    session.lookup(
      SymbolLookupSet(names.map(name), .weaklyReferenced), in: [SearchedJITDylib(dylib, .matchAllSymbols)]
    ) { _ in }
    let responsibility = try #require(kept.value)
    kept.value = nil
    return responsibility
  }

  func resolve(_ responsibility: MaterializationResponsibility) throws(OrcError) {
    let names = responsibility.symbols.filter { !$0.value.contains(.materializationSideEffectsOnly) }.keys
    try responsibility.notifyResolved(definitions(names))
  }

  /// Resolves and emits, depending on symbols of `dylib`.
  func emit(
    _ responsibility: MaterializationResponsibility, needing names: [String] = [], of dylib: JITDylib? = nil
  ) throws(OrcError) {
    try resolve(responsibility)
    let symbols = Set(responsibility.symbols.keys)
    let dependencies = [dylib ?? main: Set(names.map(name))]
    try responsibility.notifyEmitted(
      names.isEmpty ? [] : [SymbolDependenceGroup(symbols, dependOn: dependencies)])
  }

  func symbol(_ name: String, _ dylib: String = "main") -> OrcError.Symbol {
    OrcError.Symbol(name: name, dylib: dylib)
  }
}

/// A made-up address for a name.
func testAddress(_ name: String) -> Address {
  Address(rawValue: name.utf8.reduce(UInt64(0x1000)) { $0 &* 131 &+ UInt64($1) })
}

let brokenCompiler = OrcError.other(ForeignError("the compiler broke"))

extension Shared where Value == Result<SymbolMap, OrcError>? {
  var error: OrcError? {
    if case .failure(let error)? = value { return error }
    return nil
  }
  var names: Set<String>? {
    if case .success(let map)? = value { return Set(map.keys.map(\.text)) }
    return nil
  }
}
