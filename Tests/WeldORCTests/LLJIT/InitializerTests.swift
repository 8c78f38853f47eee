import Testing
import Weld

@Suite("LLJIT: constructors and destructors")
struct LLJITInitializerTests {
  /// `note(n)` appends a digit to the number that `notes()` returns.
  private static let notes = """
    static long value; void note(int n) { value = value * 10 + n; } long notes(void) { return value; }
    """
  private typealias Notes = @convention(c) () -> Int

  private func object(_ name: String, _ source: String) throws -> ObjectFile {
    try Compiler.object(name, "void note(int); int atexit(void (*)(void)); " + source)
  }

  @Test func `constructors run once, by priority and then as objects were added, and destructors backwards`()
    throws
  {
    let jit = try LLJIT()
    try jit.addObject(Compiler.object("notes.o", Self.notes))
    for number in [1, 2] {
      try jit.addObject(
        object(
          "\(number).o",
          """
          static void last(void) { note(\(number + 4)); }
          __attribute__((constructor)) static void late(void) { note(\(number + 2)); atexit(last); }
          __attribute__((constructor(\(200 - number)))) static void early(void) { note(\(number)); }
          __attribute__((destructor)) static void end(void) { note(\(number + 6)); }
          """))
    }
    let notes = try jit.lookup("notes", as: Notes.self)
    #expect(notes() == 0)
    try jit.initialize()
    #expect(notes() == 2134)
    try jit.initialize()
    #expect(notes() == 2134)
    try jit.deinitialize()
    #expect(notes() == 2_134_6587)
    try jit.deinitialize()
    #expect(notes() == 2_134_6587)
  }

  @Test func `what a dylib links against comes first, and objects that were removed not at all`() throws {
    let jit = try LLJIT()
    let other = try jit.createDylib("other")
    try jit.mainDylib.addToLinkOrder(other)
    try other.addToLinkOrder(jit.mainDylib)
    try jit.addObject(Compiler.object("notes.o", Self.notes), to: other)
    try jit.addObject(object("1.o", "__attribute__((constructor)) static void f(void) { note(1); }"))
    try jit.addObject(
      object("2.o", "__attribute__((constructor)) static void f(void) { note(2); }"), to: other)
    let tracker = try jit.mainDylib.makeTracker()
    try jit.addObject(
      object("3.o", "int three; __attribute__((constructor)) static void f(void) { note(3); }"),
      tracker: tracker)
    _ = try jit.lookup("three")
    try tracker.remove()
    try jit.initialize()
    #expect(try jit.lookup("notes", in: other, as: Notes.self)() == 21)
  }

  @Test func `a removed dylib keeps nothing initialized`() throws {
    let jit = try LLJIT()
    let library = try jit.createDylib("library")
    let user = try jit.createDylib("user")
    let notes = try jit.createDylib("notes")
    try jit.addObject(Compiler.object("notes.o", Self.notes), to: notes)
    let value = try jit.lookup("notes", in: notes, as: Notes.self)
    for dylib in [jit.mainDylib, user] { try dylib.addToLinkOrder(library) }
    try library.addToLinkOrder(notes)
    try jit.addObject(
      object("1.o", "__attribute__((destructor)) static void f(void) { note(1); }"), to: library)
    try jit.initialize()
    try jit.initialize(user)
    try jit.session.remove(user)
    try jit.deinitialize()
    #expect(value() == 1)
  }
}
