import Testing
import Weld

@Suite("MCJIT: which definition a name is bound to")
struct MCJITSymbolTests {
  private func engine(_ sources: String...) throws -> MCJIT {
    let engine = try MCJIT()
    for source in sources { try add(source, to: engine) }
    return engine
  }

  @discardableResult
  private func add(_ source: String, to engine: MCJIT) throws -> MCJIT.ObjectToken {
    engine.addObjectFile(try Compiler.object("object.o", source, ["-fPIC", "-fno-builtin", "-fcommon"]))
  }

  @Test func `a name that nobody has is nil, wherever it is asked for`() throws {
    let engine = try engine("int f(void) { return 1; }")
    #expect(try engine.functionAddress(of: "no_such_name") == nil)
    #expect(try engine.globalValueAddress(of: "no_such_name") == nil)
    #expect(try engine.symbolAddress(of: "no_such_name") == nil)
    #expect(try engine.pointerToFunction(named: "no_such_name", as: IntFunction.self) == nil)
    #expect(engine.addressOfGlobalIfAvailable("no_such_name") == nil)
  }

  @Test func `the process is searched last, and not at all if that is disabled`() throws {
    let engine = try engine("int abs(int); int f(void) { return abs(-3); }")
    #expect(try engine.functionAddress(of: "abs") == nil, "it is not the engine's")
    #expect(try engine.symbolAddress(of: "abs") != nil)
    #expect(try engine.call("f") == 3)
    engine.disableSymbolSearching()
    #expect(try engine.symbolAddress(of: "abs") == nil)
    try add("int abs(int); int g(void) { return abs(-3); }", to: engine)
    #expect(throws: OrcError.self) { try engine.functionAddress(of: "g") }
    engine.disableSymbolSearching(false)
    #expect(try engine.call("g") == 3)
  }

  @Test func `mappings come before the process, and after objects`() throws {
    let engine = try engine("int abs(int); int here(void); int f(void) { return abs(-3) + here(); }")
    engine.addGlobalMapping("abs", functionAddress { 40 }, isFunction: true)
    let fifty = functionAddress { 50 }
    engine.addGlobalMapping("here", fifty, isFunction: true)
    try add("int here(void) { return 2; }", to: engine)
    #expect(try engine.call("f") == 42)
    #expect(try engine.functionAddress(of: "here") == fifty, "questions look at mappings first")
    let one = functionAddress { 1 }
    #expect(engine.updateGlobalMapping("abs", one) != nil)
    #expect(try engine.functionAddress(of: "abs") == one)
    #expect(engine.globalValue(at: one) == "abs")
    #expect(engine.updateGlobalMapping("abs", nil) == one)
    #expect(engine.addressOfGlobalIfAvailable("abs") == nil)
    engine.clearAllGlobalMappings()
    #expect(try engine.call("here") == 2)
    #expect(try engine.call("f") == 42, "what is linked stays as it is")
  }

  @Test func `the lazy function creator is asked after everything but the process`() throws {
    let engine = try engine(
      "int abs(int); int made(void); int here(void) { return 1; } int f(void) { return abs(-3) + made(); }")
    let asked = Shared<[String]>([])
    let (forty, two) = (functionAddress { 40 }, functionAddress { 2 })
    engine.installLazyFunctionCreator { name in
      asked.change { $0.append(name) }
      return ["abs": forty, "made": two][name]
    }
    #expect(try engine.call("f") == 42)
    #expect(asked.value.sorted() == ["abs", "made"])
    #expect(try engine.functionAddress(of: "made") == two)
    #expect(try engine.functionAddress(of: "nothing") == nil)
    engine.installLazyFunctionCreator(nil)
    #expect(try engine.functionAddress(of: "made") == nil)
  }

  @Test func `the lazy function creator may add objects`() throws {
    let engine = try engine("int made(void); int f(void) { return made() + 1; }")
    let object = try Compiler.object("other.o", "int other(void) { return 6; }")
    engine.installLazyFunctionCreator { [unowned engine] name in
      guard name == "made" else { return nil }
      engine.addObjectFile(object)
      return try? engine.functionAddress(of: "other")
    }
    #expect(try engine.call("f") == 7)
  }

  @Test func `a later strong definition is what later objects get, and no error`() throws {
    let engine = try engine("int f(void) { return 1; }", "int f(void); int first(void) { return f(); }")
    #expect(try engine.call("first") == 1)
    let token = try add("int f(void) { return 2; }", to: engine)
    #expect(try engine.call("f") == 1, "a question for what is linked links nothing")
    try add("int f(void); int second(void) { return f(); }", to: engine)
    #expect(try engine.call("second") == 2)
    #expect(try engine.call("first") == 1)
    #expect(try engine.call("f") == 2)
    try engine.removeObject(token)
    #expect(try engine.call("f") == 1, "the earlier one is there again")
  }

  @Test func `of what is queued together, the nearest before counts, else the last after`() throws {
    let engine = try engine(
      "int f(void); int early(void) { return f(); }", "int f(void) { return 1; }",
      "int f(void); int middle(void) { return f(); }", "int f(void) { return 2; }",
      "int f(void); int late(void) { return f(); }")
    #expect(try engine.call("early") == 2)
    #expect(try engine.call("middle") == 1)
    #expect(try engine.call("late") == 2)
  }

  @Test func `there is one common symbol, the largest that is queued`() throws {
    let engine = try engine(
      "int shared; int *small(void) { return &shared; }",
      "int shared[100]; int *large(void) { shared[99] = 7; return shared; }")
    let small = try engine.pointerToFunction(named: "small", as: (@convention(c) () -> UInt).self)
    let large = try engine.pointerToFunction(named: "large", as: (@convention(c) () -> UInt).self)
    #expect(small?() == large?())
    try add("int shared[50]; int *later(void) { return shared; }", to: engine)
    let later = try engine.pointerToFunction(named: "later", as: (@convention(c) () -> UInt).self)
    #expect(later?() == small?())
    let token = try add("int shared[101]; int *larger(void) { return shared; }", to: engine)
    #expect(throws: OrcError.commonTooSmall(symbol: "shared", byteCount: 400, expected: 404)) {
      try engine.finalizeObject()
    }
    try engine.removeObject(token)
    try engine.finalizeObject()
  }

  @Test func `a member that cannot be linked does not stay queued`() throws {
    let folder = try TemporaryFolder()
    let path = try Compiler.archive(
      [("larger.o", "__attribute__((common)) int shared[101]; int *larger(void) { return shared; }")],
      in: folder)
    let engine = try engine("int shared[100]; int *small(void) { return shared; }")
    try engine.finalizeObject()
    try engine.addArchive(Archive(MappedFile.open(path), name: path))
    #expect(throws: OrcError.commonTooSmall(symbol: "shared", byteCount: 400, expected: 404)) {
      try engine.functionAddress(of: "larger")
    }
    try add("int other(void) { return 3; }", to: engine)
    #expect(try engine.call("other") == 3)
  }

  @Test func `strong beats common, which beats weak, and what is linked beats weak and common`() throws {
    let engine = try engine(
      "__attribute__((weak)) int a = 1; __attribute__((weak)) int b = 1; int f(void) { return a * 10 + b; }",
      "int a; int b; int g(void) { return a * 10 + b; }", "int b = 5; int h(void) { return b; }")
    #expect(try engine.call("f") == 5)
    #expect(try engine.call("g") == 5)
    try add("__attribute__((weak)) int b = 9; int a; int k(void) { return a * 10 + b; }", to: engine)
    #expect(try engine.call("k") == 5)
  }

  @Test func `weak references to nothing are 0, and hidden symbols are the engine's`() throws {
    let engine = try engine(
      """
      __attribute__((weak)) int absent(void); __attribute__((visibility("hidden"))) int inner(void);
      int f(void) { return (absent ? absent() : 10) + inner(); }
      """, "__attribute__((visibility(\"hidden\"))) int inner(void) { return 3; }")
    #expect(try engine.call("f") == 13)
    #expect(try engine.call("inner") == 3)
  }
}

@Suite("MCJIT: many objects", .timeLimit(.minutes(2)))
struct MCJITScaleTests {
  @Test func `one object 250 times, each bound to the one before`() throws {
    let engine = try MCJIT()
    engine.addObjectFile(try Compiler.object("f.o", "int f(void) { return 7; }"))
    let object = try Compiler.object("g.o", "int f(void); int value = 1; int g(void) { return f() + value; }")
    let tokens = (0..<250).map { _ in engine.addObjectFile(object) }
    #expect(try engine.call("g") == 8)
    for token in tokens { try engine.removeObject(token) }
    #expect(try engine.functionAddress(of: "g") == nil)
    #expect(try engine.call("f") == 7)
  }
}
