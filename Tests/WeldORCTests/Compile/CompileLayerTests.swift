import Foundation
import Testing
import Weld

@Suite("CompileLayer")
struct CompileLayerTests {
  private static let module = """
    @counter = global i32 5
    @"quoted name" = hidden constant i32 7
    @hidden_from_all = internal global i32 1
    @elsewhere = external global i32
    define i32 @add(i32 %a, i32 %b) {
      %sum = add i32 %a, %b
      ret i32 %sum
    }
    define weak_odr i32 @weak() { ret i32 1 }
    define internal i32 @local() { ret i32 1 }
    declare i32 @declared()
    """

  @Test func `LLVM IR is compiled when it is asked for`() throws {
    let jit = try LLJIT()
    let compiled = Shared<[String]>([])
    let layer = CompileLayer(ExternalCompiler.llc(program: "llc-19"), to: jit.objectLayer) { source, _ in
      compiled.change { $0.append(source.name) }
    }
    try layer.add(SourceText(Self.module, name: "module"), to: jit.mainDylib)
    #expect(compiled.value == [])
    let add = try jit.lookup("add", as: (@convention(c) (Int32, Int32) -> Int32).self)
    #expect(add(2, 3) == 5)
    #expect(compiled.value == ["module"])
    #expect(try jit.lookup("counter").flags == .exported)
    #expect(try jit.lookup("quoted name").flags == [])
    #expect(throws: OrcError.self) { try jit.lookup("local") }
  }

  @Test(arguments: ["llvm-as-19", "clang-19"])
  func `bitcode and other languages are compiled to know what they define`(tool: String) throws {
    let jit = try LLJIT()
    let folder = try TemporaryFolder()
    if tool == "clang-19" {
      let layer = CompileLayer(ExternalCompiler.clang("c", program: tool), to: jit.objectLayer)
      try layer.add(
        SourceText("int add(int a, int b) { return a + b; }", name: "add.c"), to: jit.mainDylib)
    } else {
      try Tool(tool)(["-o", "module.bc", "-"], in: folder, input: Self.module)
      let layer = CompileLayer(ExternalCompiler.llc(program: "llc-19"), to: jit.objectLayer)
      try layer.add(SourceText(folder.read("module.bc"), name: "module.bc"), to: jit.mainDylib)
    }
    let add = try jit.lookup("add", as: (@convention(c) (Int32, Int32) -> Int32).self)
    #expect(add(40, 2) == 42)
  }

  @Test func `a compiler that fails is the first cause, with what it said`() throws {
    let jit = try LLJIT()
    let layer = CompileLayer(ExternalCompiler.llc(program: "llc-19"), to: jit.objectLayer)
    try layer.add(SourceText("define i32 @f() { ret i32 %nothing }", name: "wrong"), to: jit.mainDylib)
    let error = orcError { _ = try jit.lookup("f") }
    guard case .other(let cause)? = error?.firstCause,
      case .failed("llc-19", "wrong", 1, nil, let messages)? = cause.original as? ExternalCompilerError
    else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(messages.contains("nothing"))
    let missing = CompileLayer(ExternalCompiler(["no-such-compiler"]), to: jit.objectLayer)
    let reason = "No such file or directory"
    #expect(
      throws: OrcError.other(
        ForeignError(
          ExternalCompilerError.notStarted(program: "no-such-compiler", source: "x", reason: reason)))
    ) { try missing.add(SourceText("", name: "x"), to: jit.mainDylib) }
    let slow = CompileLayer(
      ExternalCompiler(["sleep", "60"], timeLimit: .milliseconds(100)), to: jit.objectLayer)
    #expect(throws: OrcError.self) { try slow.add(SourceText("", name: "x"), to: jit.mainDylib) }
    let silent = CompileLayer(ExternalCompiler(["true"]), to: jit.objectLayer)
    #expect(throws: OrcError.self) { try silent.add(SourceText("", name: "x"), to: jit.mainDylib) }
  }

  @Test func `a transform changes the source`() throws {
    let jit = try LLJIT()
    let layer = CompileLayer(ExternalCompiler.clang("c", program: "clang-19"), to: jit.objectLayer)
    let transform = SourceTransformLayer(to: layer) { source in
      let text = String(decoding: source.bytes, as: UTF8.self)
      return SourceText(text.replacing("1", with: "2"), name: source.name, symbols: source.symbols)
    }
    try transform.add(
      SourceText("int f(void) { return 1; }", name: "f.c", symbols: ["f": [.exported, .callable]]),
      to: jit.mainDylib)
    #expect(try jit.lookup("f", as: IntFunction.self)() == 2)
  }

  @Test(arguments: [false, true])
  func `functions are compiled on demand`(perFunction: Bool) throws {
    let jit = try LLJIT()
    let compiled = Shared<[String]>([])
    let layer = CompileLayer(ExternalCompiler.clang("c", program: "clang-19"), to: jit.objectLayer) {
      source, _ in compiled.change { $0.append(source.name) }
    }
    let function: SymbolFlags = [.exported, .callable]
    let parts = [
      SourceText("int f(void); int g(void) { return f() + 1; }", name: "g", symbols: ["g": function]),
      SourceText(
        "int value; int f(void) { return value; }", name: "f", symbols: ["f": function, "value": .exported]),
      SourceText("int missing(void); int h(void) { return missing(); }", name: "h", symbols: ["h": function]),
    ]
    let whole = SourceText(
      parts[..<2].map { String(decoding: $0.bytes, as: UTF8.self) }.joined(separator: "\n"), name: "whole",
      symbols: ["f": function, "g": function, "value": .exported])
    let onDemand = try CompileOnDemandLayer(
      to: layer, in: jit.session, through: LazyCallThroughManager(for: jit.session),
      stubs: IndirectStubsManager(for: jit.session), partition: { perFunction ? parts : [$0] })
    let source =
      perFunction
      ? SourceText(
        "", name: "all", symbols: ["f": function, "g": function, "h": function, "value": .exported])
      : whole
    let tracker = try jit.mainDylib.makeTracker()
    try onDemand.add(source, to: jit.mainDylib, tracker: tracker)
    let g = try jit.lookup("g", as: IntFunction.self)
    #expect(compiled.value == [])
    #expect(g() == 1)
    #expect(compiled.value == (perFunction ? ["g", "f"] : ["whole"]))
    let value = UnsafeMutablePointer<Int32>(bitPattern: UInt(try jit.lookup("value").address.rawValue))!
    value.pointee = 41
    #expect(g() == 42)
    #expect(try jit.lookup("g", as: IntFunction.self)() == 42)
    try tracker.remove()
    #expect(throws: OrcError.self) { try jit.lookup("g") }
    #expect(jit.session.dylib(named: "main.implementation")?.state(of: jit.session.intern("g")) == nil)
  }
}

@Suite("Object cache")
struct ObjectCacheTests {
  private func layer(_ jit: LLJIT, _ cache: DiskObjectCache, _ compiled: Shared<Int>) -> CompileLayer<
    ExternalCompiler
  > {
    CompileLayer(ExternalCompiler.clang("c", program: "clang-19"), to: jit.objectLayer, cache: cache) {
      _, _ in
      compiled.change { $0 += 1 }
    }
  }

  private func run(_ folder: TemporaryFolder, _ text: String, _ compiled: Shared<Int>) throws -> Int32 {
    let jit = try LLJIT()
    let cache = try DiskObjectCache(folder: folder.path(of: "cache"))
    try layer(jit, cache, compiled).add(
      SourceText(text, name: "f.c", symbols: ["f": [.exported, .callable]]), to: jit.mainDylib)
    return try jit.lookup("f", as: IntFunction.self)()
  }

  @Test func `what was compiled once is found, as long as source and options are the same`() throws {
    let folder = try TemporaryFolder()
    let compiled = Shared(0)
    #expect(try run(folder, "int f(void) { return 1; }", compiled) == 1)
    #expect(try run(folder, "int f(void) { return 1; }", compiled) == 1)
    #expect(compiled.value == 1)
    #expect(try run(folder, "int f(void) { return 2; }", compiled) == 2)
    #expect(compiled.value == 2)
  }

  @Test func `torn, damaged and foreign files are compiled again, and replaced`() throws {
    let folder = try TemporaryFolder()
    let compiled = Shared(0)
    let text = "int f(void) { return 3; }"
    #expect(try run(folder, text, compiled) == 3)
    let cache = folder.path(of: "cache")
    let name = try #require(FileManager.default.contentsOfDirectory(atPath: cache).first)
    let whole = try folder.read("cache/\(name)")
    var damages: [[UInt8]] = [0, 8, 31, 32, whole.count - 1].map { Array(whole.prefix($0)) }
    damages.append(whole + [0])
    for position in [0, 7, 9, 17, 25, 40, whole.count - 1] {
      var damaged = whole
      damaged[position] ^= 1
      damages.append(damaged)
    }
    for (number, damage) in damages.enumerated() {
      try folder.write(damage, to: "cache/\(name)")
      #expect(try run(folder, text, compiled) == 3)
      #expect(compiled.value == number + 2)
      #expect(try folder.read("cache/\(name)") == whole)
    }
    // Nothing is left of how they were written.
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache) == [name])
  }

  @Test func `a folder that cannot be used is an error, one that goes away only costs time`() throws {
    let folder = try TemporaryFolder()
    try folder.write([], to: "file")
    for name in ["missing/cache", "file"] {
      let path = folder.path(of: name)
      let reason = name == "file" ? "Not a directory" : "No such file or directory"
      #expect(throws: OrcError.objectCache(path: path, reason: reason)) { try DiskObjectCache(folder: path) }
    }
    let reports = Shared<[String]>([])
    let cache = try DiskObjectCache(folder: folder.path(of: "gone")) { text in
      reports.change { $0.append(text) }
    }
    try FileManager.default.removeItem(atPath: folder.path(of: "gone"))
    cache.store(Bytes([1, 2, 3]), for: [1])
    #expect(cache.object(for: [1]) == nil)
    #expect(reports.value.count == 1)
  }
}
