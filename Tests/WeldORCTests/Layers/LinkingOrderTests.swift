import Testing
import Weld

/// When what is linked is bound to what, and who waits for whom.
@Suite("ObjectLinkingLayer: what comes when")
struct LinkingOrderTests {
  /// Answers when it is told to.
  private final class LateGenerator: DefinitionGenerator {
    let requests = Shared<[GenerationRequest]>([])

    func generate(_ request: GenerationRequest) { requests.change { $0.append(request) } }
  }

  @Test func `a generator that answers late comes before the dylibs behind its own`() throws {
    let jit = try LLJIT()
    let other = try jit.createDylib("other")
    try jit.mainDylib.addToLinkOrder(other)
    try jit.addObject(Compiler.object("one.o", "int foo(void) { return 1; }"), to: other)
    #expect(try jit.lookup("foo", in: other, as: IntFunction.self)() == 1)
    let late = LateGenerator()
    try jit.mainDylib.addGenerator(late)
    try jit.addObject(Compiler.object("user.o", "int foo(void); int user(void) { return foo(); }"))
    let found = Shared<Result<EvaluatedSymbol, OrcError>?>(nil)
    jit.lookup("user") { found.value = $0 }
    #expect(found.value == nil)
    let foo = jit.session.intern("foo")
    while let request = late.requests.value.first {
      late.requests.change { $0.removeFirst() }
      if request.symbols.contains(foo) {
        try jit.addObject(Compiler.object("two.o", "int foo(void) { return 2; }"))
      }
      request.finish()
    }
    #expect(found.value != nil)
    #expect(try jit.lookup("user", as: IntFunction.self)() == 2)
  }

  @Test func `a transformation that was set later may wait for what was asked for with its object`() throws {
    let jit = try LLJIT()
    try jit.addObject(Compiler.object("a.o", "int a(void) { return 1; }"))
    try jit.addObject(Compiler.object("b.o", "int b(void) { return 2; }"))
    let session = jit.session
    let order = [SearchedJITDylib(jit.mainDylib, .matchAllSymbols)]
    jit.objectLayer.transform = { object throws(OrcError) in
      if object.name == "a.o" { _ = try session.lookup("b", in: order) }
      return object
    }
    try onThread {
      let names = SymbolLookupSet(["a", "b"].map { session.intern($0) })
      let found = try session.lookup(names, in: order)
      #expect(found.count == 2)
    }
  }

  @Test func `an object for a dylib of another session fails`() throws {
    let (jit, other) = (try LLJIT(), try LLJIT())
    try jit.objectLayer.add(
      Compiler.object("a.o", "int a(void) { return 1; }"), to: other.mainDylib)
    let error = orcError { _ = try other.lookup("a") }
    #expect(error?.firstCause == .anotherSession(dylib: "main"))
  }

  @Test func `one who is told of a part of what was linked may ask for the rest`() throws {
    let jit = try LLJIT()
    let (first, second) = (try jit.mainDylib.makeTracker(), try jit.mainDylib.makeTracker())
    try jit.addObject(
      Compiler.object("a.o", "int b(void); int a(void) { return b() + 1; }"), tracker: first)
    try jit.addObject(Compiler.object("b.o", "int b(void) { return 2; }"), tracker: second)
    let sum = Shared<Int32>(0)
    try onThread {
      jit.lookup("a") { _ in
        guard let a = try? jit.lookup("a", as: IntFunction.self),
          let b = try? jit.lookup("b", as: IntFunction.self)
        else { return }
        sum.value = a() + b()
      }
    }
    #expect(sum.value == 5)
  }
}
