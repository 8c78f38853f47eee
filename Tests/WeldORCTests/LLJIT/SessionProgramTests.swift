import Testing
import Weld

@Suite("LLJIT: programs that are run")
struct SessionProgramTests {
  private typealias Notes = @convention(c) () -> Int

  private static let notes = """
    static long value; void note(int n) { value = value * 10 + n; } long notes(void) { return value; }
    """

  private func object(_ name: String, _ source: String) throws -> LinkInput {
    .object(try Compiler.object(name, "void note(int); int atexit(void (*)(void)); " + source))
  }

  @Test(arguments: [false, true])
  func `constructors, main, exit handlers and destructors run in their order, each time`(isLazy: Bool) throws
  {
    var options = SessionProgram.Options()
    options.isLazy = isLazy
    var program = SessionProgram.Dylib("main")
    program.inputs = [
      try object(
        "main.o",
        """
        static void last(void) { note(3); }
        __attribute__((constructor)) static void begin(void) { note(1); atexit(last); }
        __attribute__((destructor)) static void end(void) { note(4); }
        int main(int argc, char **argv) { note(2); return argc * 10 + (argv[argc] == 0); }
        """)
    ]
    let library = SessionProgram.Dylib("library", [try object("notes.o", Self.notes)])
    let session = try SessionProgram(of: [program, library], options: options)
    try session.link()
    #expect(try session.run(arguments: ["program", "argument"]) == 21)
    let found = try session.jit.lookup("notes", in: session.jit.dylib(named: "library"), as: Notes.self)
    #expect(found() == 1234)
    #expect(try session.run(arguments: ["program"]) == 11)
    #expect(found() == 12342, "what was constructed once is not constructed again")
  }

  @Test func `a program without its entry is an error before anything runs`() throws {
    let program = try SessionProgram(of: [SessionProgram.Dylib("main", [try object("f.o", "int f;")])])
    #expect(throws: OrcError.symbolsNotFound(["main"], searched: ["main"])) { try program.link() }
    #expect(throws: OrcError.symbolsNotFound(["main"], searched: ["main"])) { try program.run(arguments: []) }
  }

  @Test func `a link order that names no dylib is an error`() throws {
    var dylib = SessionProgram.Dylib("main")
    dylib.linkOrder = ["nowhere"]
    #expect(throws: OrcError.noSuchDylib(dylib: "nowhere")) { try SessionProgram(of: [dylib]) }
  }

  @Test func `members of archives are lazy, too, and variables are shared`() throws {
    let folder = try TemporaryFolder()
    let path = try Compiler.archive(
      [
        (file: "counter.o", source: "int counter = 5; int step(void) { return ++counter; }"),
        (file: "other.o", source: "int nowhere(void); int other(void) { return nowhere(); }"),
      ], in: folder)
    var options = SessionProgram.Options()
    options.isLazy = true
    let source = """
      extern int counter; int step(void); int other(void);
      int main(int argc, char **argv) { if (argc > 5) return other(); step(); return counter * 10 + step(); }
      """
    let program = try SessionProgram(
      of: [SessionProgram.Dylib("main", [try object("main.o", source), try LinkInput(path: path)])],
      options: options)
    try program.link()
    #expect(try program.run(arguments: ["program"]) == 67)
  }
}
