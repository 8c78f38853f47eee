import Foundation
import Testing
import Weld

/// The examples of docs/migrating-from-mcjit.md, word for word; only the objects are in another folder.
@Suite("The examples of docs/migrating-from-mcjit.md")
final class MigrationExamplesTests {
  private static let sources = [
    "add.o": "int add(int a, int b) { return a + b; }",
    "caller.o": "int callee(void); int caller(void) { return callee() + 1; }",
    "callee.o": "int callee(void) { return 7; }",
    "query.o": "int query(void) { return 9; }",
    "first.o": "int version(void) { return 1; }",
    "second.o": "int version(void) { return 2; }",
    "guest.o": "int host(void); int made(void); int guest(void) { return host() + made(); }",
    "program.o":
      """
    static int n; __attribute__((constructor)) static void begin(void) { n = 19; }
    int main(int argc, char **argv) { return n + argc; }
    """,
  ]

  private let objects: TemporaryFolder
  private var printed: [String] = []

  init() throws { objects = try TemporaryFolder() }

  /// Where the object is, which is compiled now.
  private func path(_ name: String) throws -> String {
    try Compiler.compile(try #require(Self.sources[name]), to: name, in: objects)
    return objects.path(of: name)
  }

  private func print(_ value: some Any) { printed.append("\(value)") }

  private static let hostAddress = functionAddress { 42 }

  private final class Listener: JITEventListener {
    let loaded = Shared<[String]>([])
    func notifyObjectLoaded(_ key: ObjectKey, _ object: ObjectFile, _: LoadedObject) {
      loaded.change { $0.append(object.name.split(separator: "/").last.map(String.init) ?? "") }
    }
    func notifyFreeingObject(_ key: ObjectKey) {}
  }

  @Test func `are what the tests run`() throws {
    let root = #filePath.split(separator: "/").dropLast(4).reduce("") { $0 + "/" + $1 }
    let page = try String(contentsOfFile: root + "/docs/migrating-from-mcjit.md", encoding: .utf8)
    let tests = try String(contentsOfFile: #filePath, encoding: .utf8)
      .replacing(/path\(("[a-z]+\.o")\)/) { $0.output.1 }
    let examples = page.components(separatedBy: "```swift\n").dropFirst().map {
      $0.components(separatedBy: "```")[0]
    }
    #expect(examples.count == 16)
    for example in examples {
      let indented = example.split(separator: "\n", omittingEmptySubsequences: false).map {
        $0.isEmpty ? "" : "    " + $0
      }
      #expect(tests.contains(indented.joined(separator: "\n")), "\(example)")
    }
  }

  @Test func `an object and a function, with MCJIT`() throws {
    let engine = try MCJIT()
    try engine.addObjectFile(path: path("add.o"))
    try engine.finalizeObject()
    let add = try engine.pointerToFunction(named: "add", as: (@convention(c) (Int32, Int32) -> Int32).self)
    print(add?(2, 3) ?? 0)
    #expect(printed == ["5"])
  }

  @Test func `an object and a function, with LLJIT`() throws {
    let jit = try LLJIT()
    try jit.addObject(path: path("add.o"))
    let add = try jit.lookup("add", as: (@convention(c) (Int32, Int32) -> Int32).self)
    print(add(2, 3))
    #expect(printed == ["5"])
  }

  @Test func `what is missing is added, with MCJIT`() throws {
    let engine = try MCJIT()
    try engine.addObjectFile(path: path("caller.o"))
    do {
      try engine.finalizeObject()
    } catch {
      print(error.firstCause)
      try engine.addObjectFile(path: path("callee.o"))
    }
    let result = try engine.pointerToFunction(named: "caller", as: (@convention(c) () -> Int32).self)?()
    #expect(result == 8)
    #expect(printed.count == 1 && printed[0].contains("'callee'"))
  }

  @Test func `what is missing is added, with LLJIT`() throws {
    let jit = try LLJIT()
    let tracker = try jit.mainDylib.makeTracker()
    try jit.addObject(path: path("caller.o"), tracker: tracker)
    do {
      _ = try jit.lookup("caller")
    } catch {
      print(error.firstCause)
      try tracker.remove()
      try jit.addObject(path: path("callee.o"))
      try jit.addObject(path: path("caller.o"))
    }
    let result = try jit.lookup("caller", as: (@convention(c) () -> Int32).self)()
    #expect(result == 8)
    #expect(printed.count == 1 && printed[0].contains("'callee'"))
  }

  @Test func `memory goes, with MCJIT`() throws {
    let engine = try MCJIT()
    let token = try engine.addObjectFile(path: path("query.o"))
    let query = try engine.pointerToFunction(named: "query", as: (@convention(c) () -> Int32).self)
    let result = query?()
    try engine.removeObject(token)
    #expect(result == 9)
  }

  @Test func `memory goes, with LLJIT`() throws {
    let jit = try LLJIT()
    let tracker = try jit.mainDylib.makeTracker()
    try jit.addObject(path: path("query.o"), tracker: tracker)
    let result = try jit.lookup("query", as: (@convention(c) () -> Int32).self)()
    try tracker.remove()
    #expect(result == 9)
  }

  @Test func `a second definition, with MCJIT`() throws {
    let engine = try MCJIT()
    try engine.addObjectFile(path: path("first.o"))
    print(try engine.pointerToFunction(named: "version", as: (@convention(c) () -> Int32).self)?() ?? 0)
    try engine.addObjectFile(path: path("second.o"))
    try engine.finalizeObject()
    print(try engine.pointerToFunction(named: "version", as: (@convention(c) () -> Int32).self)?() ?? 0)
    #expect(printed == ["1", "2"])
  }

  @Test func `a second definition, with LLJIT`() throws {
    let jit = try LLJIT()
    try jit.addObject(path: path("first.o"))
    let newer = try jit.createDylib("newer")
    try newer.addToLinkOrder(jit.mainDylib)
    try jit.addObject(path: path("second.o"), to: newer)
    print(try jit.lookup("version", as: (@convention(c) () -> Int32).self)())
    print(try jit.lookup("version", in: newer, as: (@convention(c) () -> Int32).self)())
    #expect(printed == ["1", "2"])
  }

  @Test func `symbols of the host, with MCJIT`() throws {
    let hostAddress = Self.hostAddress
    let engine = try MCJIT()
    engine.addGlobalMapping("host", hostAddress, isFunction: true)
    engine.installLazyFunctionCreator { name in name == "made" ? hostAddress : nil }
    try engine.addObjectFile(path: path("guest.o"))
    let result = try engine.pointerToFunction(named: "guest", as: (@convention(c) () -> Int32).self)?()
    #expect(result == 84)
  }

  @Test func `symbols of the host, with LLJIT`() throws {
    let hostAddress = Self.hostAddress
    let jit = try LLJIT()
    let host = EvaluatedSymbol(address: hostAddress, flags: [.exported, .callable])
    try jit.define(absoluteSymbols([jit.session.intern("host"): host]))
    try jit.mainDylib.addGenerator(
      ClosureGenerator { request throws(OrcError) in
        let made = request.symbols.names.filter { $0.text == "made" }
        guard !made.isEmpty else { return }
        try request.dylib.define(absoluteSymbols([made[0]: host]))
      })
    try jit.addObject(path: path("guest.o"))
    let result = try jit.lookup("guest", as: (@convention(c) () -> Int32).self)()
    #expect(result == 84)
  }

  @Test func `compiling, with MCJIT`() throws {
    let (folder, clang) = (try TemporaryFolder(), "clang-19")
    let cacheFolder = folder.path(of: "cache")
    let engine = try MCJIT()
    engine.setObjectCache(try DiskObjectCache(folder: cacheFolder))
    let compiler = ExternalCompiler.clang("c", program: clang)
    engine.addModule(SourceText("int seven(void) { return 7; }", name: "seven.c"), compiledBy: compiler)
    let result = try engine.pointerToFunction(named: "seven", as: (@convention(c) () -> Int32).self)?()
    #expect(result == 7)
  }

  @Test func `compiling, with LLJIT`() throws {
    let (folder, clang) = (try TemporaryFolder(), "clang-19")
    let cacheFolder = folder.path(of: "cache")
    let jit = try LLJIT()
    let compiler = ExternalCompiler.clang("c", program: clang)
    let layer = CompileLayer(compiler, to: jit.objectLayer, cache: try DiskObjectCache(folder: cacheFolder))
    try layer.add(SourceText("int seven(void) { return 7; }", name: "seven.c"), to: jit.mainDylib)
    let result = try jit.lookup("seven", as: (@convention(c) () -> Int32).self)()
    #expect(result == 7)
  }

  @Test func `listeners, with MCJIT`() throws {
    let listener = Listener()
    let engine = try MCJIT()
    engine.registerJITEventListener(listener)
    try engine.addObjectFile(path: path("add.o"))
    try engine.finalizeObject()
    #expect(listener.loaded.value == ["add.o"])
  }

  @Test func `listeners, with LLJIT`() throws {
    let listener = Listener()
    var builder = LLJIT.Builder()
    builder.objectLinkingLayer = { session throws(OrcError) in
      let layer = try RTDyldObjectLinkingLayer(session)
      layer.add(listener)
      return layer
    }
    let jit = try builder.build()
    try jit.addObject(path: path("add.o"))
    _ = try jit.lookup("add")
    #expect(listener.loaded.value == ["add.o"])
  }

  @Test func `constructors and main, with MCJIT`() throws {
    let engine = try MCJIT()
    try engine.addObjectFile(path: path("program.o"))
    try engine.runStaticConstructorsDestructors(isDestructors: false)
    let status = try engine.runFunctionAsMain("main", arguments: ["program", "argument"])
    try engine.runStaticConstructorsDestructors(isDestructors: true)
    #expect(status == 21)
  }

  @Test func `constructors and main, with LLJIT`() throws {
    let jit = try LLJIT()
    try jit.addObject(path: path("program.o"))
    try jit.initialize()
    let main = try jit.lookup("main").address
    let status = try jit.session.executor.runAsMain(main, arguments: ["program", "argument"])
    try jit.deinitialize()
    #expect(status == 21)
  }
}
