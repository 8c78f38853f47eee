import Testing
import Weld

@Suite("Linking into memory that shares pages, and into pages of its own")
struct SharedPagesLinkTests {
  private func jit(sharesPages: Bool) throws -> LLJIT {
    let memory = try MappedMemory(sharesPages: sharesPages)
    var builder = LLJIT.Builder()
    builder.objectLinkingLayer = { session throws(OrcError) in try ObjectLinkingLayer(session, memory: memory)
    }
    return try builder.build()
  }

  @Test(arguments: [true, false])
  func `objects find each other, the process, and their variables`(sharesPages: Bool) throws {
    let jit = try jit(sharesPages: sharesPages)
    try jit.addObject(
      Compiler.object(
        "f.o",
        """
        #include <stdio.h>
        static const char *const words[] = {"none", "one"};
        int counter = 3; static char zeros[100];
        static int (*const pointer)(const char *, ...) = printf;
        int f(int n) { char text[20]; counter += zeros[n]; return snprintf(text, 20, "%s", words[n]) + !!pointer; }
        """))
    try jit.addObject(
      Compiler.object(
        "g.o", "extern int counter; int f(int); int g(void) { return f(1) * 100 + ++counter; }"))
    let g = try jit.lookup("g", as: IntFunction.self)
    #expect(g() == 404)
    #expect(g() == 405)
  }

  @Test(arguments: [true, false])
  func `a large object is linked like small ones, and in reach of them`(sharesPages: Bool) throws {
    let jit = try jit(sharesPages: sharesPages)
    try jit.addObject(
      Compiler.object("f.o", "int table[100000] = {5}; int f(int n) { return table[n]; }"))
    try jit.addObject(
      Compiler.object("g.o", "extern int table[]; int f(int); int g(void) { return f(0) + ++table[0]; }"))
    #expect(try jit.lookup("g", as: IntFunction.self)() == 11)
  }

  @Test(arguments: [true, false])
  func `indirect functions and constructors work`(sharesPages: Bool) throws {
    let jit = try jit(sharesPages: sharesPages)
    try jit.addObject(
      Compiler.object(
        "f.o",
        """
        static int seven(void) { return 7; }
        static int (*choose(void))(void) { return seven; }
        int chosen(void) __attribute__((ifunc("choose")));
        static int ready;
        __attribute__((constructor)) static void start(void) { ready = 10; }
        int f(void) { return chosen() + ready; }
        """))
    try jit.initialize()
    #expect(try jit.lookup("f", as: IntFunction.self)() == 17)
  }

  @Test(arguments: [true, false])
  func `exceptions pass, also in memory that is used again`(sharesPages: Bool) throws {
    let source = """
      extern "C" int thrower(int x) { if (x) throw x; return 0; }
      extern "C" int catcher(int x) { try { return thrower(x); } catch (int y) { return -y; } }
      """
    let object = try Compiler.object("throw.o", source, language: "c++")
    let jit = try jit(sharesPages: sharesPages)
    try jit.loadDynamicLibrary("libstdc++.so.6")
    for _ in 0..<2000 {
      let tracker = try jit.mainDylib.makeTracker()
      try jit.addObject(object, tracker: tracker)
      let catcher = try jit.lookup("catcher", as: (@convention(c) (Int32) -> Int32).self)
      #expect(catcher(7) == -7)
      try tracker.remove()
    }
  }
}
