import Testing
import Weld

/// The address of a function of this process.
func functionAddress(_ function: @convention(c) () -> Int32) -> Address {
  Address(rawValue: UInt64(UInt(bitPattern: unsafeBitCast(function, to: UnsafeRawPointer.self))))
}

extension MCJIT {
  /// Calls `int name(void)`.
  func call(_ name: String) throws -> Int32? { try pointerToFunction(named: name, as: IntFunction.self)?() }
}

@Suite("MCJIT: the verbs of ExecutionEngine")
struct MCJITTests {
  @Test func `objects come as files, bytes and objects, and are linked when somebody asks`() throws {
    let folder = try TemporaryFolder()
    try Compiler.compile("int one(void) { return 1; }", to: "one.o", in: folder)
    let engine = try MCJIT()
    try engine.addObjectFile(path: folder.path(of: "one.o"))
    try engine.addObjectFile(
      Compiler.object("two.o", "int one(void); int two(void) { return one() + 1; }").bytes, name: "two.o")
    engine.addObjectFile(
      try Compiler.object("three.o", "int two(void); int three(void) { return two() + 1; }"))
    #expect(engine.addressOfGlobalIfAvailable("three") == nil)
    #expect(try engine.call("three") == 3)
    #expect(engine.addressOfGlobalIfAvailable("one") != nil, "everything was linked")
  }

  @Test func `objects need each other, whatever the order`() throws {
    let engine = try MCJIT()
    engine.addObjectFile(
      try Compiler.object("even.o", "int odd(int); int even(int n) { return n == 0 ? 1 : odd(n - 1); }"))
    engine.addObjectFile(
      try Compiler.object("odd.o", "int even(int); int odd(int n) { return n == 0 ? 0 : even(n - 1); }"))
    try engine.finalizeObject()
    let even = try engine.pointerToFunction(named: "even", as: (@convention(c) (Int32) -> Int32).self)
    #expect(even?(10) == 1)
    #expect(even?(7) == 0)
  }

  @Test func `members of archives are linked on demand, and what they need of objects`() throws {
    let folder = try TemporaryFolder()
    let path = try Compiler.archive(
      [
        (file: "one.o", source: "int two(void); int one(void) { return two() - 1; }"),
        (file: "two.o", source: "int host(void); int two(void) { return host() + 2; }"),
        (file: "three.o", source: "int nowhere(void); int three(void) { return nowhere(); }"),
        (file: "four.o", source: "int four(void) { return 4; }"),
      ], in: folder)
    let engine = try MCJIT()
    try engine.addArchive(Archive(MappedFile.open(path), name: path))
    engine.addObjectFile(
      try Compiler.object("f.o", "int one(void); int f(void) { return one(); } int host(void) { return 10; }")
    )
    #expect(try engine.call("f") == 11)
    #expect(engine.addressOfGlobalIfAvailable("two") != nil)
    #expect(engine.addressOfGlobalIfAvailable("four") == nil)
    #expect(try engine.call("four") == 4)
    let error = #expect(throws: OrcError.self) { try engine.functionAddress(of: "three") }
    guard case .symbolsNotFound(["nowhere"], _)? = error?.firstCause else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    try engine.finalizeObject()
    #expect(try engine.call("f") == 11)
  }

  @Test func `functions, variables and addresses are found by name, and names by address`() throws {
    let engine = try MCJIT()
    engine.addObjectFile(
      try Compiler.object("f.o", "int variable = 5; int *f(void) { return &variable; }"))
    let function = try #require(try engine.functionAddress(of: "f"))
    let variable = try #require(try engine.globalValueAddress(of: "variable"))
    #expect(engine.globalValue(at: function) == "f")
    #expect(engine.globalValue(at: variable) == "variable")
    #expect(engine.globalValue(at: Address(rawValue: 1)) == nil)
    let f = try engine.pointerToFunction(named: "f", as: (@convention(c) () -> UInt).self)
    #expect(f?() == UInt(variable.rawValue))
    #expect(throws: OrcError.notAFunctionPointer(type: "Swift.Int")) {
      try engine.pointerToFunction(named: "f", as: Int.self)
    }
  }

  @Test func `constructors run once when they are asked for, and destructors`() throws {
    let engine = try MCJIT()
    engine.addObjectFile(
      try Compiler.object(
        "notes.o",
        "static long value; void note(int n) { value = value * 10 + n; } long notes(void) { return value; }"))
    for number in [1, 2] {
      engine.addObjectFile(
        try Compiler.object(
          "\(number).o",
          """
          void note(int n); int atexit(void (*)(void));
          static void last(void) { note(\(number + 2)); }
          __attribute__((constructor)) static void begin(void) { note(\(number)); atexit(last); }
          __attribute__((destructor)) static void end(void) { note(\(number + 4)); }
          """))
    }
    let notes = try #require(
      try engine.pointerToFunction(named: "notes", as: (@convention(c) () -> Int).self))
    #expect(notes() == 0)
    try engine.runStaticConstructorsDestructors(isDestructors: false)
    try engine.runStaticConstructorsDestructors(isDestructors: false)
    #expect(notes() == 12)
    try engine.runStaticConstructorsDestructors(isDestructors: true)
    try engine.runStaticConstructorsDestructors(isDestructors: true)
    #expect(notes() == 12_4635)
  }

  @Test func `main gets its arguments`() throws {
    let engine = try MCJIT()
    engine.addObjectFile(
      try Compiler.object(
        "main.o", "int main(int argc, char **argv) { return argc * 100 + argv[1][0] + (argv[argc] != 0); }"))
    #expect(try engine.runFunctionAsMain("main", arguments: ["program", "A"]) == 265)
    #expect(throws: OrcError.symbolsNotFound(["other"], searched: [])) {
      try engine.runFunctionAsMain("other", arguments: ["program"])
    }
  }

  @Test func `modules are compiled when they are linked, or come from the cache`() throws {
    let folder = try TemporaryFolder()
    let source = SourceText("int f(void) { return 7; }", name: "f.c")
    let clang = ExternalCompiler.clang("c", program: "clang-19")
    let counting = CountingCompiler(clang)
    for expected in [1, 1] {
      let engine = try MCJIT()
      engine.setObjectCache(try DiskObjectCache(folder: folder.url.path))
      engine.addModule(source, compiledBy: counting)
      #expect(try engine.call("f") == 7)
      #expect(counting.count.value == expected)
    }
    let broken = try MCJIT()
    let token = broken.addModule(SourceText("int f(", name: "broken.c"), compiledBy: clang)
    #expect(throws: OrcError.self) { try broken.finalizeObject() }
    #expect(try broken.removeObject(token))
    #expect(try broken.functionAddress(of: "f") == nil)
  }

  private struct CountingCompiler: Weld.Compiler {
    let base: ExternalCompiler
    let count = Shared(0)

    init(_ base: ExternalCompiler) { self.base = base }
    func interface(of source: SourceText, names: SymbolStringPool) throws -> ObjectInterface {
      try base.interface(of: source, names: names)
    }
    func compile(_ source: SourceText) throws -> ObjectFile {
      count.change { $0 += 1 }
      return try base.compile(source)
    }
    func cacheKey(of source: SourceText) -> [UInt8]? { base.cacheKey(of: source) }
  }

  @Test func `listeners are told of objects that come and go`() throws {
    let engine = try MCJIT()
    let listener = Listener()
    engine.registerJITEventListener(listener)
    let token = engine.addObjectFile(try Compiler.object("f.o", "int f(void) { return 7; }"))
    try engine.finalizeObject()
    #expect(listener.events.value == ["loaded f.o"])
    try engine.removeObject(token)
    #expect(listener.events.value == ["loaded f.o", "freeing"])
    engine.unregisterJITEventListener(listener)
    engine.addObjectFile(try Compiler.object("g.o", "int g(void) { return 7; }"))
    try engine.finalizeObject()
    #expect(listener.events.value.count == 2)
  }

  private final class Listener: JITEventListener {
    let events = Shared<[String]>([])
    func notifyObjectLoaded(_ key: ObjectKey, _ object: ObjectFile, _ loaded: LoadedObject) {
      events.change { $0.append("loaded \(object.name)") }
    }
    func notifyFreeingObject(_ key: ObjectKey) { events.change { $0.append("freeing") } }
  }
}

@Suite("MCJIT: what goes wrong, and what goes away")
struct MCJITRemovalTests {
  @Test func `files that are no objects are errors when they are added`() throws {
    let engine = try MCJIT()
    #expect(throws: OrcError.link(.memory(.unreadable(path: "/nowhere.o", errno: 2)))) {
      try engine.addObjectFile(path: "/nowhere.o")
    }
    #expect(throws: OrcError.self) { try engine.addObjectFile(Bytes([1, 2, 3]), name: "noise") }
    try engine.finalizeObject()
  }

  @Test func `what cannot be linked stays queued until what is missing comes, or it goes`() throws {
    let engine = try MCJIT()
    let object = try Compiler.object("f.o", "int missing(void); int f(void) { return missing(); }")
    engine.addObjectFile(object)
    engine.addObjectFile(try Compiler.object("g.o", "int g(void) { return 8; }"))
    engine.addObjectFile(try Compiler.object("h.o", "int f(void); int h(void) { return f(); }"))
    let error = #expect(throws: OrcError.self) { try engine.finalizeObject() }
    guard case .symbolsNotFound(["missing"], _)? = error?.firstCause else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(engine.addressOfGlobalIfAvailable("g") != nil, "what needs nothing of it is linked")
    #expect(throws: OrcError.self) { try engine.functionAddress(of: "h") }
    engine.addObjectFile(try Compiler.object("missing.o", "int missing(void) { return 9; }"))
    #expect(try engine.call("h") == 9)
    let other = engine.addObjectFile(
      try Compiler.object("k.o", "int missing_again(void); int k(void) { return missing_again(); }"))
    #expect(throws: OrcError.self) { try engine.finalizeObject() }
    #expect(try engine.removeObject(other))
    #expect(try !engine.removeObject(other))
    try engine.finalizeObject()
  }

  @Test func `removal gives memory back, and runs destructors before`() throws {
    let engine = try MCJIT()
    engine.addObjectFile(
      try Compiler.object("notes.o", "static int n; void note(void) { n++; } int notes(void) { return n; }"))
    let object = try Compiler.object(
      "f.o",
      """
      void note(void); static volatile char large[1 << 20]; int f(void) { return 7 + large[99]; }
      __attribute__((destructor)) static void end(void) { note(); }
      """)
    func cycle() throws -> UInt64 {
      let token = engine.addObjectFile(object)
      #expect(try engine.call("f") == 7)
      try engine.runStaticConstructorsDestructors(isDestructors: false)
      let address = try #require(try engine.functionAddress(of: "f")).rawValue
      #expect(try isExecutable(address))
      #expect(try engine.removeObject(token))
      #expect(try !isExecutable(address))
      #expect(try engine.functionAddress(of: "f") == nil)
      return address
    }
    let address = try cycle()
    for _ in 0..<20 { #expect(try cycle() == address, "the memory is used again") }
    #expect(try engine.call("notes") == 21)
  }

  /// Whether the page of `address` is executable, by `/proc/self/maps`.
  private func isExecutable(_ address: UInt64) throws -> Bool {
    let bytes = try MappedFile.open("/proc/self/maps")
    return String(decoding: bytes.span).split(separator: "\n").contains { line in
      let fields = line.split(separator: " ")
      let bounds = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
      return bounds[0] <= address && address < bounds[1] && fields[1].contains("x")
    }
  }
}
