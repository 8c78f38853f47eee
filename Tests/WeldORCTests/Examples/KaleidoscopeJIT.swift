import Weld

/// Compiles functions of the language with LLVM's `llc`.
struct KaleidoscopeCompiler: Weld.Compiler {
  /// A version of a function.
  struct Source: Sendable {
    var function: Kaleidoscope.Function
    /// What this version of it is called.
    var symbol: String
  }

  let compiled = Shared<[String]>([])
  private let compiler = ExternalCompiler.llc(program: "llc-19")

  func interface(of source: Source, names: SymbolStringPool) -> ObjectInterface {
    ObjectInterface(symbols: [names.intern(source.symbol): [.exported, .callable]])
  }

  func compile(_ source: Source) throws -> ObjectFile {
    compiled.change { $0.append(source.symbol) }
    let module = try Kaleidoscope.Generator.module(of: source.function, called: source.symbol)
    return try compiler.compile(SourceText(module, name: source.symbol))
  }
}

/// Runs the language: each function is compiled when it is first called, and may be defined again at any time.
final class KaleidoscopeJIT: Sendable {
  let jit: LLJIT
  let compiler = KaleidoscopeCompiler()
  private let layer: CompileLayer<KaleidoscopeCompiler>
  private let callThrough: LazyCallThroughManager
  private let stubs: IndirectStubsManager
  private let redirectable: RedirectableSymbolManager
  private let versions = Shared<[String: Int]>([:])

  init() throws {
    jit = try LLJIT()
    layer = CompileLayer(compiler, to: jit.objectLayer)
    callThrough = try LazyCallThroughManager(for: jit.session)
    stubs = try IndirectStubsManager(for: jit.session)
    redirectable = RedirectableSymbolManager(stubs: stubs)
  }

  /// Defines the functions of `text`, and returns the values of its expressions.
  func run(_ text: String) throws -> [Double] {
    var parser = Kaleidoscope.Parser(text)
    var values: [Double] = []
    for item in try parser.items() {
      switch item {
      case .function(let function): try define(function)
      case .expression(let expression): values.append(try evaluate(expression))
      }
    }
    return values
  }

  private func define(_ function: Kaleidoscope.Function) throws {
    guard function.body != nil else { return }
    var version = 0
    versions.change { versions in
      versions[function.name, default: 0] += 1
      version = versions[function.name] ?? 0
    }
    let symbol = "\(function.name).\(version)"
    try layer.add(KaleidoscopeCompiler.Source(function: function, symbol: symbol), to: jit.mainDylib)
    let name = jit.session.intern(function.name)
    if version == 1 {
      // Whoever calls it calls a stub.
      let alias = SymbolAlias(jit.session.intern(symbol), flags: [.exported, .callable])
      try jit.define(lazyReexports([name: alias], from: jit.mainDylib, through: callThrough, stubs: stubs))
      _ = try jit.lookup(function.name)
    } else {
      try redirectable.redirect(jit.mainDylib, name, to: jit.lookup(symbol).address)
    }
  }

  /// Compiles the expression as a function that is forgotten afterwards.
  private func evaluate(_ expression: Kaleidoscope.Expression) throws -> Double {
    let function = Kaleidoscope.Function(name: "expression", parameters: [], body: expression)
    let tracker = try jit.mainDylib.makeTracker()
    try layer.add(
      KaleidoscopeCompiler.Source(function: function, symbol: "expression"), to: jit.mainDylib,
      tracker: tracker)
    defer { try? tracker.remove() }
    return try jit.lookup("expression", as: (@convention(c) () -> Double).self)()
  }
}
