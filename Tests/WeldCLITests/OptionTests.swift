import Foundation
import Testing

@Suite("weld run: options")
struct OptionTests {
  @Test func `another entry is called with the arguments`() throws {
    let outcome = try Command.weld(["run", "--entry", "begin", "programs/entry.o", "--", "a", "b"])
    #expect(outcome == Outcome(status: 4, output: "begin with 2 arguments: a b\n", errors: ""))
  }

  @Test func `the program's name is the first input unless told otherwise`() throws {
    let plain = try Command.weld(["run", "programs/main_args.o"], environment: ["WELD_TEST": "yes"])
    #expect(plain.output.contains("programs/main_args.o"))
    let named = try Command.weld(
      ["run", "--argv0", "other", "programs/main_args.o"], environment: ["WELD_TEST": "yes"])
    #expect(named.output.contains("other") && !named.output.contains("main_args.o"))
  }

  @Test func `options of Weld behind the terminator are the program's`() throws {
    let outcome = try Command.weld(["run", "sieve.o", "--", "--entry"])
    #expect(outcome.status == 2)
    #expect(!outcome.errors.contains("weld: error"))
  }

  @Test func `standard error is the program's, too`() throws {
    let outcome = try Command.weld(
      ["run", "programs/standard_streams_pic.o"],
      input: Command.objects.appending(path: "programs/standard_input.txt"))
    #expect(outcome.errors == "written to standard error\n")
  }

  @Test func `libraries are searched in order, before the process`() throws {
    let scratch = try Scratch()
    _ = try scratch.write("int which(void) { return 11; }", to: "first.c")
    _ = try scratch.write("int which(void) { return 22; } int abs(int x) { return 33; }", to: "second.c")
    _ = try scratch.write(
      "int which(void); int abs(int); int main(void) { return which() + abs(0); }", to: "main.c")
    for name in ["first", "second"] {
      try scratch.tool("gcc", ["-shared", "-fPIC", "-fno-builtin", "\(name).c", "-o", "lib\(name).so"])
    }
    try scratch.tool("gcc", ["-fno-builtin", "-c", "main.c"])
    let libraries = ["--library", scratch.path("libfirst.so"), "--library", scratch.path("libsecond.so")]
    #expect(try Command.weld(["run"] + libraries + ["main.o"], in: scratch.folder).status == 44)
    let missing = try Command.weld(["run", "--library", "libnone.so", "main.o"], in: scratch.folder)
    #expect(missing.status == 125)
    #expect(missing.errors.hasPrefix("weld: error: libnone.so: the library cannot be loaded: "))
  }

  @Test func `absolute symbols and aliases fill in what nobody defines`() throws {
    let scratch = try Scratch()
    _ = try scratch.write(
      "extern char here[]; int other(int); int main(void) { return (int)(long)here + other(-2); }",
      to: "main.c")
    try scratch.tool("gcc", ["-fPIC", "-c", "main.c"])
    let options = ["--absolute", "here=0x28", "--alias", "other=abs"]
    #expect(try Command.weld(["run"] + options + ["main.o"], in: scratch.folder).status == 42)
    #expect(
      try Command.weld(
        ["run", "--alias", "start=main"] + options + ["--entry", "start", "main.o"], in: scratch.folder
      ).status == 42)
    #expect(
      try Command.weld(["run", "--absolute", "main=1"] + options + ["main.o"], in: scratch.folder).status
        == 42)
  }

  @Test func `a whole archive brings what nobody needs, and what that needs`() throws {
    let some = try Command.weld(["run", "archives/parity.o", "archives/libeven.a", "archives/libodd.a"])
    #expect(some.errors == "")
    let whole = try Command.weld([
      "run", "--whole-archive", "archives/parity.o", "archives/libeven.a", "archives/libodd.a",
    ])
    #expect(whole.status == 125)
    #expect(whole.errors.contains("undefined symbol 'nowhereDefined'"))
    #expect(whole.errors.contains("archives/libeven.a(unneeded.o)"))
  }

  @Test func `the map shows sections and symbols on standard error`() throws {
    let outcome = try Command.weld(["run", "--show-map", "sieve.o", "--", "10"])
    #expect(outcome.output == "4 primes up to 10, the largest is 7\n")
    #expect(outcome.errors.contains(/0x[0-9a-f]+ +414 +rx +\.text\.startup +sieve\.o/))
    #expect(outcome.errors.contains(/0x[0-9a-f]+ +exported,function +main/))
  }
}
