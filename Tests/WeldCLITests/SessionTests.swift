import Foundation
import Testing

@Suite("weld run: programs that a session links")
struct SessionTests {
  /// Options that change how a program is linked, and nothing else.
  static let ways = [
    ["--lazy"], ["--jit-linker", "rtdyld"], ["--threads", "2"], ["--lazy", "--threads", "2"],
    ["--lazy", "--jit-linker=rtdyld"],
  ]

  /// Says in which order its parts run; exits with 5 if it gets two arguments.
  private static let orderly = """
    #include <stdio.h>
    #include <stdlib.h>
    static void last(void) { puts("exit handler"); }
    __attribute__((constructor)) static void begin(int argc, char **argv, char **environment) {
      printf("constructor %d %s %d\\n", argc, argv[1], environment != 0);
      atexit(last);
    }
    __attribute__((destructor)) static void end(void) { puts("destructor"); }
    int main(int argc, char **argv) { puts("main"); if (argc > 2) exit(5); return argc; }
    """

  private func compile(_ sources: [String: String], in scratch: Scratch) throws {
    for (name, source) in sources {
      _ = try scratch.write(source, to: "\(name).c")
      try scratch.tool("gcc", ["-fPIC", "-c", "\(name).c"])
    }
  }

  @Test(arguments: ways, ["sql.c", "lua.c", "xz.c", "containers.cpp"])
  func `a program prints what it prints when it is linked as a whole`(options: [String], file: String) throws
  {
    let program = try RealProgram(file: file)
    let scratch = try Scratch()
    try scratch.tool(
      program.compiler,
      program.flags + ["-c", RealProgram.folder.appending(path: file).path, "-o", "program.o"])
    let inputs = ["--argv0", "program", "program.o"] + program.archives
    let expected = try Command.weld(["run"] + inputs, in: scratch.folder)
    #expect(!expected.output.isEmpty)
    #expect(try Command.weld(["run"] + options + inputs, in: scratch.folder) == expected)
  }

  @Test(arguments: ways)
  func `constructors, exit handlers and destructors run in their order`(options: [String]) throws {
    let scratch = try Scratch()
    try compile(["orderly": Self.orderly], in: scratch)
    for (arguments, status) in [(["a"], 2), (["a", "b"], 5)] as [([String], Int32)] {
      let outcome = try Command.weld(
        ["run"] + options + ["orderly.o", "--"] + arguments, in: scratch.folder)
      let output = "constructor \(arguments.count + 1) a 1\nmain\nexit handler\ndestructor\n"
      #expect(outcome == Outcome(status: status, output: output, errors: ""))
    }
  }

  @Test(arguments: ways)
  func `the executor runs what a session links`(options: [String]) throws {
    let scratch = try Scratch()
    try compile(["orderly": Self.orderly], in: scratch)
    let outcome = try RemoteMachine.x86_64.run(
      options + ["orderly.o", "--", "a", "b"], in: scratch.folder)
    let output = "constructor 3 a 1\nmain\nexit handler\ndestructor\n"
    #expect(outcome == Outcome(status: 5, output: output, errors: ""))
  }

  @Test(arguments: RemoteMachine.emulated)
  func `lazy functions of other machines are linked when they are called`(machine: RemoteMachine) throws {
    let scratch = try Scratch()
    _ = try scratch.write(Self.orderly, to: "orderly.c")
    try scratch.tool("\(machine.triple)-gcc", machine.headers(["-fPIC"]) + ["-c", "orderly.c"])
    let outcome = try machine.run(["--lazy", "orderly.o", "--", "a"], in: scratch.folder)
    let output = "constructor 2 a 1\nmain\nexit handler\ndestructor\n"
    #expect(outcome == Outcome(status: 2, output: output, errors: ""))
  }

  @Test(arguments: ways)
  func `exceptions pass from an object that is linked later`(options: [String]) throws {
    let scratch = try Scratch()
    _ = try scratch.write(
      "int later(int n) { try { if (n) throw n; } catch (long) {} return 0; }", to: "later.cpp")
    _ = try scratch.write(
      """
      #include <cstdio>
      int later(int);
      int one = 1;
      int *pointer = &one;
      int main() { try { later(*pointer); } catch (int n) { return n + 1; } }
      """, to: "main.cpp")
    try scratch.tool("g++", ["-fPIC", "-c", "main.cpp", "later.cpp"])
    let outcome = try Command.weld(["run"] + options + ["main.o", "later.o"], in: scratch.folder)
    #expect(outcome == Outcome(status: 2, output: "", errors: ""))
  }

  @Test func `what keeps a lazy program from starting is said once`() throws {
    let scratch = try Scratch()
    try compile(["main": "int nowhere(void); int main(void) { return nowhere(); }"], in: scratch)
    let outcome = try Command.weld(["run", "--lazy", "main.o"], in: scratch.folder)
    #expect(outcome.status == 125)
    #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
  }

  @Test func `lazy functions are linked when they are called, and not before`() throws {
    let scratch = try Scratch()
    try compile(
      [
        "main": "int rare(void); int main(int argc, char **argv) { return argc > 1 ? rare() : 3; }",
        "rare": "int nowhere(void); int rare(void) { return nowhere(); }",
      ], in: scratch)
    let inputs = ["main.o", "rare.o"]
    #expect(try Command.weld(["run"] + inputs, in: scratch.folder).status == 125)
    #expect(try Command.weld(["run", "--jit-linker=rtdyld"] + inputs, in: scratch.folder).status == 125)
    #expect(
      try Command.weld(["run", "--lazy"] + inputs, in: scratch.folder)
        == Outcome(status: 3, output: "", errors: ""))
    let called = try Command.weld(["run", "--lazy"] + inputs + ["--", "x"], in: scratch.folder)
    #expect(called.status == 128 + 6)
    #expect(called.errors.contains("weld: error: symbols not found: 'nowhere'"))
  }

  @Test func `dylibs have names of their own, and find others in the order that they are given`() throws {
    let scratch = try Scratch()
    try compile(
      [
        "main": "int value(void); int get(void); int main(void) { return value() + get(); }",
        "one": "int value(void) { return 1; }",
        "twenty": "int value(void) { return 20; } int get(void) { return value(); }",
      ], in: scratch)
    func status(_ words: String...) throws -> Int32 {
      try Command.weld(["run"] + words, in: scratch.folder).status
    }
    #expect(try status("main.o", "one.o", "--dylib", "b", "twenty.o") == 21)
    #expect(try status("main.o", "--dylib", "a", "one.o", "--dylib=b", "twenty.o") == 21)
    let swapped = ["--link-order", "main=b,a"]
    #expect(
      try Command.weld(
        ["run", "main.o"] + swapped + ["--dylib", "a", "one.o", "--dylib", "b", "twenty.o"],
        in: scratch.folder
      ).status == 40)
    #expect(try status("--dylib", "b", "twenty.o", "--dylib", "main", "main.o", "one.o") == 21)
    #expect(try status("--lazy", "main.o", "--dylib", "a", "one.o", "--dylib", "b", "twenty.o") == 21)
    #expect(
      try status("main.o", "--link-order", "main=a", "--dylib=a", "one.o", "--dylib=b", "twenty.o") == 125)
  }

  @Test(arguments: ways)
  func `fixed addresses, aliases and libraries mean what they mean otherwise`(options: [String]) throws {
    let scratch = try Scratch()
    try compile(
      [
        "main":
          "extern char here[]; int other(int); int which(void); int main(void) { return (int)(long)here + other(-2) + which(); }",
        "library": "int which(void) { return 100; } int abs(int x) { return 99; }",
      ], in: scratch)
    try scratch.tool("gcc", ["-shared", "library.o", "-o", "library.so"])
    let words = ["--absolute", "here=0x28", "--library", scratch.path("library.so"), "--alias", "other=ffs"]
    #expect(try Command.weld(["run"] + options + words + ["main.o"], in: scratch.folder).status == 142)
    let start = ["--alias", "start=main", "--entry", "start"]
    #expect(
      try Command.weld(["run"] + options + words + start + ["main.o"], in: scratch.folder).status == 142)
    let library = try Command.weld(
      ["run"] + options + ["--alias", "main=abs"] + words + ["main.o"], in: scratch.folder)
    #expect(library.status == 142)
  }

  @Test func `inputs are compiled by a command, and kept`() throws {
    let scratch = try Scratch()
    _ = try scratch.write("int helper(void); int main(void) { return helper() + 40; }", to: "main.c")
    try compile(["helper": "int helper(void) { return 2; }"], in: scratch)
    let command = "tee -a compiled | clang-19 -c -fPIC -x c -o - -"
    for _ in 0..<2 {
      let outcome = try Command.weld(
        ["run", "--compiler", command, "--object-cache", "cache", "main.c", "helper.o"], in: scratch.folder)
      #expect(outcome == Outcome(status: 42, output: "", errors: ""))
    }
    #expect(try scratch.text("compiled") == scratch.text("main.c"), "compiled once")
    let ir = "define i32 @main() {\n  ret i32 7\n}\n"
    _ = try scratch.write(ir, to: "main.ll")
    #expect(
      try Command.weld(
        ["run", "--compiler", "clang-19 -c -fPIC -x ir -o - -", "main.ll"], in: scratch.folder
      ).status == 7)
    let broken = try Command.weld(["run", "--compiler", "exit 3", "main.c"], in: scratch.folder)
    #expect(
      broken == Outcome(status: 125, output: "", errors: "weld: error: main.c: sh failed with status 3\n"))
  }

  @Test func `the session is shown on standard error`() throws {
    let outcome = try Command.weld(["run", "--dump", "sieve.o", "--", "10"])
    #expect(outcome.output == "4 primes up to 10, the largest is 7\n")
    #expect(outcome.errors.contains(/main: ready at 0x[0-9a-f]+ \[exported, callable\]/))
    #expect(!outcome.errors.contains("materializing"))
  }

  @Test func `long links show how far they are, on terminals, to those who want it`() throws {
    let weld = Command.root.appending(path: ".build/release/weld").path
    let command =
      "\(weld) run --whole-archive --jit-linker rtdyld sieve.o /usr/lib/x86_64-linux-gnu/libcrypto.a"
    func terminal(_ options: String) throws -> Outcome {
      try Command.run(
        "/usr/bin/script", ["-qec", command + options + " -- 100", "/dev/null"], in: Command.objects)
    }
    let shown = try terminal("")
    #expect(shown.status == 0)
    #expect(shown.output.contains("\rweld: linking, 128 objects"))
    #expect(shown.output.hasSuffix("\r\u{1b}[K25 primes up to 100, the largest is 97\r\n"))
    #expect(try terminal(" --quiet").output == "25 primes up to 100, the largest is 97\r\n")
  }

  /// A command line, and the one line of error that it gives.
  static let mistakes: [(words: [String], message: String)] = [
    (["--threads", "0", "sieve.o"], "--threads 0: expected at least one"),
    (["--threads", "many", "sieve.o"], "The value 'many' is invalid for '--threads <count>'"),
    (
      ["--jit-linker", "gold", "sieve.o"],
      "The value 'gold' is invalid for '--jit-linker <jit-linker>'. Please provide one of 'rtdyld' and 'jitlink'."
    ),
    (["sieve.o", "--dylib"], "Missing value for '--dylib <name>'"),
    (["--dylib", "", "sieve.o"], "--dylib: expected a name"),
    (["--dylib", "empty"], "no input; expected an object or an archive"),
    (
      ["--link-order", "main", "sieve.o"], "The value 'main' is invalid for '--link-order <name=dylib,...>'"
    ),
    (
      ["--link-order", "main=a,", "sieve.o"],
      "The value 'main=a,' is invalid for '--link-order <name=dylib,...>'"
    ),
    (["--link-order", "main=other", "sieve.o"], "other: there is no dylib of this name; make it first"),
    (["--link-order", "other=main", "sieve.o"], "other: there is no dylib of this name; make it first"),
    (
      ["--object-cache", "cache", "sieve.o"],
      "--object-cache keeps what is compiled; expected --compiler with it"
    ),
    (
      ["--lazy", "--show-map", "sieve.o"],
      "--show-map is for programs that are linked as a whole; use --dump in a session"
    ),
    (
      ["--lazy", "--library", "libnone.so", "sieve.o"],
      "libnone.so: the library cannot be loaded: libnone.so: cannot open shared object file: No such file or directory"
    ),
    (["--lazy", "no_such_file.o"], "no_such_file.o: cannot be read: No such file or directory"),
    (
      ["--lazy", "reject/empty.o"],
      "reject/empty.o: the file is empty; expected an ELF relocatable object or an archive of them"
    ),
  ]

  @Test(arguments: mistakes)
  func `a mistake is one line of error`(words: [String], message: String) throws {
    let outcome = try Command.weld(["run"] + words)
    #expect(outcome == Outcome(status: 125, output: "", errors: "weld: error: \(message)\n"))
  }
}
