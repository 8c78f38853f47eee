import Testing
import Weld

@Suite("RTDyldObjectLinkingLayer")
struct RTDyldObjectLinkingLayerTests {
  private func jit(_ options: RTDyldObjectLinkingLayer.Options = .init()) throws -> LLJIT {
    var builder = LLJIT.Builder()
    builder.objectLinkingLayer = { session throws(OrcError) in
      try RTDyldObjectLinkingLayer(session, options: options)
    }
    return try builder.build()
  }

  @Test func `objects of two dylibs need each other`() throws {
    let jit = try jit()
    let other = try jit.createDylib("other")
    try jit.mainDylib.addToLinkOrder(other)
    try other.addToLinkOrder(jit.mainDylib)
    try jit.addObject(
      Compiler.object("even.o", "int odd(int); int even(int n) { return n == 0 ? 1 : odd(n - 1); }"))
    try jit.addObject(
      Compiler.object("odd.o", "int even(int); int odd(int n) { return n == 0 ? 0 : even(n - 1); }"),
      to: other)
    let even = try jit.lookup("even", as: (@convention(c) (Int32) -> Int32).self)
    #expect(even(10) == 1)
    #expect(even(7) == 0)
  }

  @Test func `a missing symbol is the first cause, and a weak one is 0`() throws {
    let jit = try jit()
    try jit.addObject(Compiler.object("f.o", "int missing(void); int f(void) { return missing(); }"))
    let error = #expect(throws: OrcError.self) { try jit.lookup("f") }
    guard case .symbolsNotFound(["missing"], _)? = error?.firstCause else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    try jit.addObject(
      Compiler.object(
        "g.o", "__attribute__((weak)) int absent(void); int g(void) { return absent ? absent() : 9; }"))
    #expect(try jit.lookup("g", as: IntFunction.self)() == 9)
  }

  @Test func `a weak definition that lost is bound to the one that won`() throws {
    let jit = try jit()
    try jit.addObject(
      Compiler.object(
        "weak.o",
        "__attribute__((weak, noinline)) int which(void) { return 1; } int f(void) { return which(); }"))
    try jit.addObject(Compiler.object("strong.o", "int which(void) { return 2; }"))
    #expect(try jit.lookup("f", as: IntFunction.self)() == 2)
  }

  private final class Listener: JITEventListener {
    let events = Shared<[String]>([])
    func notifyObjectLoaded(_ key: ObjectKey, _ object: ObjectFile, _ loaded: LoadedObject) {
      #expect(loaded.sections.contains { $0.name == ".text" })
      events.change { $0.append("loaded \(object.name) \(loaded.symbols.keys.sorted())") }
    }
    func notifyFreeingObject(_ key: ObjectKey) { events.change { $0.append("freeing") } }
  }

  @Test func `resources go with their tracker, wherever they were transferred, and listeners are told`()
    throws
  {
    let jit = try jit()
    let layer = try #require(jit.objectLinkingLayer as? RTDyldObjectLinkingLayer)
    let listener = Listener()
    layer.add(listener)
    let first = try jit.mainDylib.makeTracker()
    let second = try jit.mainDylib.makeTracker()
    try jit.addObject(Compiler.object("f.o", "int f(void) { return 7; }"), tracker: first)
    #expect(try jit.lookup("f", as: IntFunction.self)() == 7)
    try first.transfer(to: second)
    #expect(try jit.lookup("f", as: IntFunction.self)() == 7)
    #expect(listener.events.value == ["loaded f.o [\"f\"]"])
    try second.remove()
    #expect(listener.events.value == ["loaded f.o [\"f\"]", "freeing"])
    #expect(throws: OrcError.symbolsNotFound(["f"], searched: ["main"])) { try jit.lookup("f") }
  }

  @Test func `exceptions pass through objects, and removed ones leave no mapping behind`() throws {
    let jit = try jit()
    let object = try Compiler.object(
      "throw.o",
      """
      extern "C" int f() { try { throw 7; } catch (int n) { return n; } }
      asm(".text; .space 70000"); // More than shares pages.
      """, language: "c++")
    try jit.loadDynamicLibrary("libstdc++.so.6")
    func cycle() throws -> UInt64 {
      let tracker = try jit.mainDylib.makeTracker()
      try jit.addObject(object, tracker: tracker)
      #expect(try jit.lookup("f", as: IntFunction.self)() == 7)
      let address = try jit.lookup("f").address.rawValue
      #expect(try isExecutable(address))
      try tracker.remove()
      #expect(try !isExecutable(address))
      return address
    }
    let address = try cycle()
    for _ in 0..<20 { #expect(try cycle() == address, "the memory is used again") }
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

  @Test func `definitions that were not promised are an error, unless they are claimed`() throws {
    let object = try Compiler.object("f.o", "int f(void) { return 7; } int g(void) { return 8; }")
    for claims in [false, true] {
      var options = RTDyldObjectLinkingLayer.Options()
      options.claimsUnpromisedSymbols = claims
      let jit = try jit(options)
      let interface = ObjectInterface(symbols: [jit.session.intern("f"): [.exported, .callable]])
      try jit.objectLayer.add(object, to: jit.mainDylib, interface: interface)
      if claims {
        #expect(try jit.lookup("f", as: IntFunction.self)() == 7)
        #expect(try jit.lookup("g", as: IntFunction.self)() == 8)
      } else {
        let error = #expect(throws: OrcError.self) { try jit.lookup("f") }
        #expect(error?.firstCause == .unexpectedDefinitions([OrcError.Symbol(name: "g", dylib: "main")]))
      }
    }
  }

  @Test func `a transform changes objects, fails them, or writes them to a folder`() throws {
    let jit = try jit()
    let other = try Compiler.object("other.o", "int f(void) { return 8; }")
    jit.objectLayer.transform = { _ throws(OrcError) in other }
    try jit.addObject(Compiler.object("f.o", "int f(void) { return 7; }"))
    #expect(try jit.lookup("f", as: IntFunction.self)() == 8)
    jit.objectLayer.transform = { _ throws(OrcError) in throw brokenCompiler }
    try jit.addObject(Compiler.object("g.o", "int g(void) { return 7; }"))
    let error = #expect(throws: OrcError.self) { try jit.lookup("g") }
    #expect(error?.firstCause == brokenCompiler)
    let folder = try TemporaryFolder()
    let dump = DumpObjects(to: folder.url.path)
    jit.objectLayer.transform = { object throws(OrcError) in try dump(try dump(object)) }
    let object = try Compiler.object("h.o", "int h(void) { return 7; }")
    try jit.addObject(object)
    #expect(try jit.lookup("h", as: IntFunction.self)() == 7)
    #expect(try folder.read("h.o") == [UInt8](copying: object.bytes.span))
    #expect(try folder.read("h.2.o") == folder.read("h.o"))
  }
}
