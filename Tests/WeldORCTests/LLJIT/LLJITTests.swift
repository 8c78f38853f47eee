import Foundation
import Testing
import Weld

@Suite("LLJIT")
struct LLJITTests {
  @Test func `five lines are enough to call a function`() throws {
    let folder = try TemporaryFolder()
    try Compiler.compile("int add(int a, int b) { return a + b; }", to: "add.o", in: folder)
    let jit = try LLJIT()
    try jit.addObject(path: folder.path(of: "add.o"))
    let add = try jit.lookup("add", as: (@convention(c) (Int32, Int32) -> Int32).self)
    #expect(add(2, 3) == 5)
  }

  /// The lines of the test above.
  @Test(arguments: ["README.md", "docs/orc.md"])
  func `the five lines are those of the documentation`(page: String) throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
    let text = try String(contentsOf: root.appending(path: page), encoding: .utf8)
    #expect(
      text.contains(
        """
        let jit = try LLJIT()
        try jit.addObject(path: "add.o")
        let add = try jit.lookup("add", as: (@convention(c) (Int32, Int32) -> Int32).self)
        print(add(2, 3))
        """))
  }

  @Test func `objects come as bytes, objects or inputs, and find the process`() throws {
    let jit = try LLJIT()
    let object = try Compiler.object(
      "length.o", "#include <string.h>\nint length(const char *t) { return strlen(t); }")
    try jit.addObject([UInt8](copying: object.bytes.span), name: "length.o")
    let hello = try Compiler.object(
      "hello.o", "extern int length(const char *); int hello(void) { return length(\"hello\"); }")
    try jit.add(.object(hello))
    #expect(try jit.lookup("hello", as: IntFunction.self)() == 5)
    #expect(try jit.lookup("hello").flags == [.exported, .callable])
  }

  /// Only addresses in 32 bits must be low ones; what is linked later could not reach them.
  @Test func `objects with pointers lie near those without, and share references`() throws {
    let jit = try LLJIT()
    let pointers =
      "int one = 1; int *pointer = &one; int f() try { throw 1; } catch (int n) { return *pointer; }"
    let others = "int g() try { throw 2; } catch (int n) { return n; }"
    try jit.addObject(Compiler.object("f.o", "extern \"C\" { \(pointers) }", language: "c++"))
    try jit.addObject(Compiler.object("g.o", "extern \"C\" { \(others) }", language: "c++"))
    _ = try jit.session.executor.loadDylib("libstdc++.so.6")
    #expect(try jit.lookup("f", as: IntFunction.self)() == 1)
    #expect(try jit.lookup("g", as: IntFunction.self)() == 2)
    #expect(try jit.lookup("pointer").address.rawValue >> 32 != 0)
  }

  @Test func `code of any dylib finds the process, unless that is not wanted`() throws {
    let object = try Compiler.object(
      "f.o", "#include <stdlib.h>\nint f(void) { return abs(-3); }", ["-fno-builtin", "-fPIC"])
    let jit = try LLJIT()
    let other = try jit.createDylib("other")
    try jit.addObject(object, to: other)
    #expect(try jit.lookup("f", in: other, as: IntFunction.self)() == 3)
    #expect(throws: OrcError.symbolsNotFound(["f"], searched: ["main"])) { try jit.lookup("f") }
    #expect(jit.dylib(named: "other") == other)

    var builder = LLJIT.Builder()
    builder.linksProcessSymbolsByDefault = false
    let alone = try builder.build()
    #expect(alone.processSymbolsDylib == nil)
    try alone.addObject(object)
    let error = #expect(throws: OrcError.self) { try alone.lookup("f") }
    #expect(error?.firstCause == .symbolsNotFound(["abs"], searched: ["main"]))
  }

  @Test func `only functions of C can be made of addresses`() throws {
    let jit = try LLJIT()
    #expect(throws: OrcError.notAFunctionPointer(type: "Swift.Int")) { try jit.lookup("f", as: Int.self) }
    #expect(throws: OrcError.self) { try jit.lookup("f", as: (() -> Int32).self) }
  }

  @Test func `a task waits without a thread, and a completion without either`() async throws {
    let jit = try LLJIT()
    try jit.addObject(Compiler.object("f.o", "int f(void) { return 7; }"))
    #expect(try await jit.lookup("f", as: IntFunction.self)() == 7)
    #expect(try await jit.lookup("f").flags == [.exported, .callable])
    let found = Shared<Result<EvaluatedSymbol, OrcError>?>(nil)
    jit.lookup("f") { found.value = $0 }
    #expect(found.value != nil)
  }

  @Test func `files that are no objects or are missing are errors of the link`() throws {
    let jit = try LLJIT()
    #expect(throws: OrcError.link(.memory(.unreadable(path: "/nowhere.o", errno: 2)))) {
      try jit.addObject(path: "/nowhere.o")
    }
    #expect(throws: OrcError.self) { try jit.addObject([1, 2, 3], name: "noise") }
    #expect(throws: OrcError.self) { try jit.linkStaticLibrary("/etc/hostname") }
    #expect(throws: OrcError.self) { try jit.loadDynamicLibrary("/nowhere.so") }
  }

  @Test func `the builder's closures are called in their order`() throws {
    let calls = Shared<[String]>([])
    var builder = LLJIT.Builder()
    builder.objectLinkingLayer = { session throws(OrcError) in
      calls.change { $0.append("layer") }
      return try RTDyldObjectLinkingLayer(session)
    }
    builder.processSymbolsSetup = { session throws(OrcError) in
      calls.change { $0.append("process") }
      return try session.createDylib("process")
    }
    builder.prePlatformSetup = { jit throws(OrcError) in calls.change { $0.append("before \(jit.mainDylib)") }
    }
    builder.platformSetup = { _ throws(OrcError) in
      calls.change { $0.append("platform") }
      return InactivePlatform()
    }
    builder.notifyCreated = { _ throws(OrcError) in calls.change { $0.append("created") } }
    let jit = try builder.build()
    #expect(calls.value == ["layer", "process", "before main", "platform", "created"])
    #expect(jit.processSymbolsDylib?.name == "process")
    builder.notifyCreated = { _ throws(OrcError) in throw brokenCompiler }
    #expect(throws: brokenCompiler) { try builder.build() }
  }

  @Test func `a session that was given outlives the JIT`() throws {
    let session = ExecutionSession()
    var builder = LLJIT.Builder()
    builder.session = session
    var jit: LLJIT? = try builder.build()
    try jit?.addObject(Compiler.object("f.o", "int f(void) { return 7; }"))
    jit = nil
    let main = try #require(session.dylib(named: "main"))
    #expect(try session.lookup("f", in: [SearchedJITDylib(main)]).address != .zero)
    try session.endSession()
  }

  @Test func `threads of a pool link`() throws {
    var builder = LLJIT.Builder()
    builder.dispatcher = .pool(threadCount: 2)
    let jit = try builder.build()
    for number in 0..<20 {
      let next = "extern int f\(number + 1)(void); "
      let body = number == 19 ? "return 0;" : "return 1 + f\(number + 1)();"
      try jit.addObject(Compiler.object("f\(number).o", next + "int f\(number)(void) { \(body) }"))
    }
    let result = Shared<Int32>(-1)
    try onThread { result.value = try jit.lookup("f0", as: IntFunction.self)() }
    #expect(result.value == 19)
  }
}
