import Foundation
import Testing
import Weld

/// Who materializes, in turn.
let dispatchers: [Dispatcher] = [.inline, .pool(threadCount: 1), .pool(threadCount: 3)]

/// What `body` throws; an issue if that is nothing.
func orcError(_ body: () throws -> Void) -> OrcError? {
  do {
    try body()
    Issue.record("nothing was thrown")
    return nil
  } catch {
    return error as? OrcError
  }
}

@Suite("ObjectLinkingLayer")
struct ObjectLinkingLayerTests {
  private func jit(_ dispatcher: Dispatcher = .inline) throws -> LLJIT {
    var builder = LLJIT.Builder()
    builder.dispatcher = dispatcher
    let jit = try builder.build()
    #expect(jit.objectLinkingLayer is ObjectLinkingLayer)
    return jit
  }

  @Test(arguments: dispatchers)
  func `objects of two dylibs need each other`(dispatcher: Dispatcher) throws {
    let jit = try jit(dispatcher)
    let other = try jit.createDylib("other")
    try jit.mainDylib.addToLinkOrder(other)
    try other.addToLinkOrder(jit.mainDylib)
    try jit.addObject(
      Compiler.object("even.o", "int odd(int); int even(int n) { return n == 0 ? 1 : odd(n - 1); }"))
    try jit.addObject(
      Compiler.object("odd.o", "int even(int); int odd(int n) { return n == 0 ? 0 : even(n - 1); }"),
      to: other)
    try onThread {
      let even = try jit.lookup("even", as: (@convention(c) (Int32) -> Int32).self)
      #expect(even(10) == 1)
      #expect(even(7) == 0)
    }
  }

  @Test(arguments: dispatchers)
  func `what lacks a symbol fails with what needs it, and nothing else`(dispatcher: Dispatcher) throws {
    let jit = try jit(dispatcher)
    try jit.addObject(Compiler.object("bad.o", "int missing(void); int bad(void) { return missing(); }"))
    try jit.addObject(Compiler.object("user.o", "int bad(void); int user(void) { return bad(); }"))
    try jit.addObject(Compiler.object("good.o", "int good(void) { return 4; }"))
    try onThread {
      // All are asked for together, and so collected together.
      let names = SymbolLookupSet(["user", "good"].map { jit.session.intern($0) })
      let order = [SearchedJITDylib(jit.mainDylib, .matchAllSymbols)]
      let error = orcError { _ = try jit.session.lookup(names, in: order) }
      guard case .symbolsNotFound(["missing"], _)? = error?.firstCause else {
        Issue.record("another error: \(String(describing: error))")
        return
      }
      let good = try jit.lookup("good", as: IntFunction.self)
      #expect(good() == 4)
      let again = orcError { _ = try jit.lookup("bad") }
      #expect(again?.firstCause == error?.firstCause)
    }
  }

  /// A function whose bytes a relocation is applied to.
  private func object(_ name: String, relocation: UInt32, to target: String) throws -> ObjectFile {
    var writer = ObjectWriter(machine: .x86_64, byteOrder: .little)
    let text = writer.addSection(
      ".text", flags: [.alloc, .executable], contents: [0xb8, 0, 0, 0, 0, 0xc3, 0, 0, 0, 0, 0, 0])
    _ = writer.addSymbol(name, in: text, type: .function)
    writer.addRelocation(relocation, in: text, at: 6, to: writer.addUndefinedSymbol(target), addend: 0)
    return try ObjectFile(Bytes(writer.bytes()), name: "\(name).o")
  }

  /// Types that are refused before and after addresses are known: one that does not exist, and `R_X86_64_8`, in which no address fits.
  @Test(arguments: [UInt32(200), 14])
  func `an object that cannot be linked fails alone`(relocation: UInt32) throws {
    let jit = try jit()
    try jit.addObject(object("wrong", relocation: relocation, to: "abort"))
    try jit.addObject(Compiler.object("user.o", "int wrong(void); int user(void) { return wrong(); }"))
    try jit.addObject(Compiler.object("good.o", "int good(void) { return 4; }"))
    let names = SymbolLookupSet(["wrong", "good", "user"].map { jit.session.intern($0) })
    let order = [SearchedJITDylib(jit.mainDylib, .matchAllSymbols)]
    let error = orcError { _ = try jit.session.lookup(names, in: order) }
    guard case .link(.relocation(_, let place))? = error?.firstCause else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(place.file == "wrong.o")
    #expect(try jit.lookup("good", as: IntFunction.self)() == 4)
    let user = orcError { _ = try jit.lookup("user") }
    #expect(user?.firstCause == error?.firstCause)
  }

  @Test func `exceptions pass through what was linked with an object that failed`() throws {
    let jit = try jit()
    try jit.loadDynamicLibrary("libstdc++.so.6")
    // Frame descriptions of it stand before those of the others.
    try jit.addObject(
      Compiler.object(
        "wrong.o",
        """
        .text
        .globl wrong
        wrong: .cfi_startproc
        nop
        .cfi_endproc
        .byte abort
        """, [], language: "assembler"))
    try jit.addObject(
      Compiler.object(
        "throw.o",
        """
        extern "C" int wrong(void);
        extern "C" int thrower(int x) { if (x) throw x; return 0; }
        extern "C" int catcher(int x) { try { return thrower(x); } catch (int y) { return -y; } }
        """, language: "c++"))
    let names = SymbolLookupSet(["wrong", "catcher"].map { jit.session.intern($0) })
    let order = [SearchedJITDylib(jit.mainDylib, .matchAllSymbols)]
    let error = orcError { _ = try jit.session.lookup(names, in: order) }
    guard case .link? = error?.firstCause else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    let catcher = try jit.lookup("catcher", as: (@convention(c) (Int32) -> Int32).self)
    #expect(catcher(3) == -3)
  }

  @Test func `the resolver of an indirect function does not run if its object has failed`() throws {
    let jit = try jit()
    try jit.addObject(
      Compiler.object(
        "wrong.o",
        """
        .text
        .globl wrong
        .type wrong, @gnu_indirect_function
        wrong: ret
        .quad wrong
        .byte abort
        """, [], language: "assembler"))
    try jit.addObject(
      Compiler.object(
        "right.o",
        """
        static int one(void) { return 1; }
        static int (*choose(void))(void) { return one; }
        int right(void) __attribute__((ifunc("choose")));
        int call(void) { return right(); }
        """))
    let names = SymbolLookupSet(["wrong", "call"].map { jit.session.intern($0) })
    let order = [SearchedJITDylib(jit.mainDylib, .matchAllSymbols)]
    guard case .link? = orcError({ _ = try jit.session.lookup(names, in: order) })?.firstCause else {
      Issue.record("linked, or another error")
      return
    }
    #expect(try jit.lookup("call", as: IntFunction.self)() == 1)
  }

  @Test func `a weak definition that lost is bound to the one that won, of whatever tracker`() throws {
    let jit = try jit()
    let weak = try Compiler.object(
      "weak.o",
      "__attribute__((weak, noinline)) int which(void) { return 1; } int f(void) { return which(); }")
    let tracker = try jit.mainDylib.makeTracker()
    try jit.addObject(Compiler.object("strong.o", "int which(void) { return 2; }"), tracker: tracker)
    try jit.addObject(weak)
    #expect(try jit.lookup("f", as: IntFunction.self)() == 2)
    let other = try jit.createDylib("other")
    try jit.addObject(weak, to: other)
    #expect(try jit.lookup("f", in: other, as: IntFunction.self)() == 1)
  }

  @Test func `a definition that was not promised is an error`() throws {
    let jit = try jit()
    let object = try Compiler.object("two.o", "int one(void) { return 1; } int two(void) { return 2; }")
    let interface = ObjectInterface(symbols: [jit.session.intern("one"): [.exported, .callable]])
    try jit.objectLinkingLayer.add(object, to: jit.mainDylib, interface: interface)
    let error = orcError { _ = try jit.lookup("one") }
    #expect(error?.firstCause == .unexpectedDefinitions([OrcError.Symbol(name: "two", dylib: "main")]))

    let promised = [jit.session.intern("three"): SymbolFlags.exported]
    try jit.objectLinkingLayer.add(
      Compiler.object("none.o", "static int x; int *p(void) { return &x; }"),
      to: jit.createDylib("other"), interface: ObjectInterface(symbols: promised))
    #expect(throws: OrcError.self) { try jit.lookup("three", in: jit.dylib(named: "other")) }
  }

  @Test(arguments: dispatchers)
  func `a materializer may wait for what is collected with what it makes`(dispatcher: Dispatcher) throws {
    let jit = try jit(dispatcher)
    try jit.addObject(Compiler.object("tool.o", "int tool(void) { return 20; }"))
    try jit.addObject(Compiler.object("f.o", "int made(void); int f(void) { return made() + 1; }"))
    let object = try Compiler.object("made.o", "int made(void) { return 21; }")
    let name = jit.session.intern("made")
    // As a compiler that runs code to compile code.
    try jit.define(
      TestUnit([name: [.exported, .callable]]) { responsibility in
        let result = Result { try jit.lookup("tool", as: IntFunction.self)() }
        guard case .success(20) = result else {
          return responsibility.failMaterialization(OrcError.other(ForeignError("\(result)")))
        }
        jit.objectLinkingLayer.emit(responsibility, object)
      })
    try onThread {
      let names = SymbolLookupSet(["f", "tool"].map { jit.session.intern($0) })
      let order = [SearchedJITDylib(jit.mainDylib, .matchAllSymbols)]
      _ = try jit.session.lookup(names, in: order)
      let f = try jit.lookup("f", as: IntFunction.self)
      #expect(f() == 22)
    }
  }

  @Test func `a materializer may wait for a thread that looks something else up`() throws {
    let jit = try jit()
    try jit.addObject(Compiler.object("a.o", "int a(void) { return 1; }"))
    try jit.addObject(Compiler.object("b.o", "int b(void) { return 2; }"))
    let name = jit.session.intern("made")
    try jit.define(
      TestUnit([name: .exported]) { responsibility in
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
          _ = try? jit.lookup("b")
          done.signal()
        }
        guard done.wait(timeout: .now() + 30) == .success else {
          return responsibility.failMaterialization(OrcError.other(ForeignError("b does not come")))
        }
        try? responsibility.notifyResolved([
          name: EvaluatedSymbol(address: Address(rawValue: 1), flags: .exported)
        ])
        try? responsibility.notifyEmitted()
      })
    try onThread {
      let names = SymbolLookupSet(["a", "made"].map { jit.session.intern($0) })
      _ = try jit.session.lookup(names, in: [SearchedJITDylib(jit.mainDylib, .matchAllSymbols)])
    }
  }

  @Test func `common symbols that are linked together are as large as the largest`() throws {
    let jit = try jit()
    try jit.addObject(Compiler.object("a.o", "int buffer[1]; int *a(void) { return buffer; }", ["-fcommon"]))
    try jit.addObject(
      Compiler.object("b.o", "int buffer[1000]; int *b(void) { return buffer; }", ["-fcommon"]))
    try jit.addObject(Compiler.object("c.o", "int next[4]; int *c(void) { return next; }", ["-fcommon"]))
    let names = SymbolLookupSet(["a", "b", "c"].map { jit.session.intern($0) })
    _ = try jit.session.lookup(names, in: [SearchedJITDylib(jit.mainDylib, .matchAllSymbols)]) as SymbolMap
    let addresses = try ["a", "b", "c"].map {
      UInt(bitPattern: try jit.lookup($0, as: (@convention(c) () -> UnsafeMutableRawPointer).self)())
    }
    #expect(addresses[0] == addresses[1])
    #expect(addresses[2] < addresses[0] || addresses[2] >= addresses[0] + 4000)
  }

  @Test func `what programs expect of the C library is there again after everything was removed`() throws {
    let jit = try jit()
    let object = try Compiler.object(
      "exit.o", "#include <stdlib.h>\nstatic void g(void) {} int f(void) { return atexit(g); }")
    for _ in 0..<2 {
      try jit.addObject(object)
      #expect(try jit.lookup("f", as: IntFunction.self)() == 0)
      try jit.deinitialize(jit.mainDylib)
      try jit.mainDylib.clear()
    }
  }

  @Test func `what fails while an object waits for it fails the object`() throws {
    let jit = try jit()
    let waiting = Shared<MaterializationResponsibility?>(nil)
    let name = jit.session.intern("later")
    try jit.define(TestUnit([name: [.exported, .callable]]) { waiting.value = $0 })
    try jit.addObject(Compiler.object("f.o", "int later(void); int f(void) { return later(); }"))
    try jit.addObject(Compiler.object("g.o", "int g(void) { return 5; }"))
    let found = Shared<Result<EvaluatedSymbol, OrcError>?>(nil)
    jit.lookup("f") { found.value = $0 }
    #expect(found.value == nil)
    #expect(try jit.lookup("g", as: IntFunction.self)() == 5)
    waiting.value?.failMaterialization(OrcError.other(ForeignError("no")))
    guard case .failure(let error)? = found.value else {
      Issue.record("not failed: \(String(describing: found.value))")
      return
    }
    #expect(error.firstCause == .other(ForeignError("no")))
  }

  @Test func `objects that expect low addresses get them, and find others`() throws {
    let jit = try jit()
    try jit.addObject(
      Compiler.object(
        "low.o", "int high(void); int x = 3; int *p = &x; int low(void) { return *p + high(); }",
        ["-fno-pic", "-fno-pie", "-mcmodel=small"]))
    try jit.addObject(Compiler.object("high.o", "int high(void) { return 4; }"))
    #expect(try jit.lookup("low", as: IntFunction.self)() == 7)
    try jit.addObject(Compiler.object("wide.o", "int wide = 1; int *pointer = &wide;"))
    for name in ["high", "pointer"] { #expect(try jit.lookup(name).address.rawValue > 1 << 32) }
    let table = try Compiler.object(
      "table.o", ".globl t\n.data\nt: .long t\n", [], language: "assembler")
    try jit.addObject(table)
    #expect(try jit.lookup("t").address.rawValue < 1 << 31)
  }

  @Test func `constructors of a batch run in the order in which objects were added`() throws {
    let jit = try jit()
    try jit.addObject(Compiler.object("log.o", "int log_[8], count;"))
    for number in 1...5 {
      try jit.addObject(
        Compiler.object(
          "c\(number).o",
          """
          extern int log_[], count;
          __attribute__((constructor)) static void c(void) { log_[count++] = \(number); }
          """))
    }
    try jit.initialize(jit.mainDylib)
    let log = UnsafePointer<Int32>(bitPattern: UInt(try jit.lookup("log_").address.rawValue))!
    #expect((0..<5).map { log[$0] } == [1, 2, 3, 4, 5])
  }

  @Test func `what is linked together finds what a link order has first`() throws {
    let jit = try jit()
    let other = try jit.createDylib("other")
    try jit.addObject(Compiler.object("one.o", "int one(void) { return 1; }"), to: other)
    try jit.addObject(Compiler.object("two.o", "int one(void) { return 2; }"))
    try jit.addObject(Compiler.object("user.o", "int one(void); int user(void) { return one(); }"))
    let order = [SearchedJITDylib(jit.mainDylib, .matchAllSymbols)]
    try jit.mainDylib.setLinkOrder(
      [SearchedJITDylib(other, .matchExportedSymbolsOnly)] + order, linksAgainstThisFirst: false)
    let names = SymbolLookupSet(["user", "one"].map { jit.session.intern($0) })
    _ = try jit.session.lookup(names, in: order)
    #expect(try jit.lookup("user", as: IntFunction.self)() == 1)
  }
}
