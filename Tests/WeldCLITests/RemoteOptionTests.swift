import Foundation
import Testing

@Suite("weld run --executor: options, streams and the end")
struct RemoteOptionTests {
  private func compile(
    _ text: String, for machine: RemoteMachine, options: String = "-O1 -fPIC", in scratch: Scratch
  ) throws -> String {
    let source = try scratch.write(text, to: "main.c")
    return try RemoteCompiler(machine, options).compile([URL(filePath: source)], in: scratch)[0]
  }

  @Test(arguments: RemoteMachine.allCases)
  func `another entry is called with the arguments`(machine: RemoteMachine) throws {
    let scratch = try Scratch()
    let source = Command.objects.appending(path: "programs/entry.c")
    let objects = try RemoteCompiler(machine, "-O2").compile([source], in: scratch)
    let outcome = try machine.run(["--entry", "begin"] + objects + ["--", "a", "b"], in: scratch.folder)
    #expect(outcome == Outcome(status: 4, output: "begin with 2 arguments: a b\n", errors: ""))
  }

  @Test(arguments: RemoteMachine.allCases)
  func `the program's name is the first input unless told otherwise, and arguments keep every character`(
    machine: RemoteMachine
  ) throws {
    let scratch = try Scratch()
    let object = try compile(
      """
      #include <stdio.h>
      int main(int argc, char **argv) {
        for (int i = 0; i <= argc; i++) printf("<%s>\\n", argv[i] ? argv[i] : "end");
      }
      """, for: machine, in: scratch)
    let strange = ["", " ", "a b", "'\"$HOME\\", "ü\u{1F600}", "--entry", "filedescs=0,1", "two\nlines"]
    let long = String(repeating: "x", count: 100_000)
    let plain = try machine.run([object, "--"] + strange + [long], in: scratch.folder)
    #expect(plain.output == ([object] + strange + [long, "end"]).map { "<\($0)>\n" }.joined())
    #expect(plain.errors == "" && plain.status == 0)
    let named = try machine.run(["--argv0", "a name", object], in: scratch.folder)
    #expect(named == Outcome(status: 0, output: "<a name>\n<end>\n", errors: ""))
  }

  @Test(arguments: RemoteMachine.allCases)
  func `standard streams and the environment are the executor's, which inherits Weld's`(
    machine: RemoteMachine
  )
    throws
  {
    let scratch = try Scratch()
    let object = try compile(
      """
      #include <stdio.h>
      #include <stdlib.h>
      #include <unistd.h>
      int main(int argc, char **argv, char **environment) {
        char line[100];
        while (fgets(line, sizeof line, stdin)) printf("read: %s", line);
        fprintf(stderr, "to standard error\\n");
        for (char **entry = environment; *entry; entry++)
          if (*entry == getenv("WELD_TEST") - sizeof "WELD_TEST") puts(*entry);
        write(1, "written, not printed\\n", 21);
        printf("no end of line");
        return 1;
      }
      """, for: machine, in: scratch)
    let input = URL(filePath: try scratch.write("first\nsecond\n", to: "input"))
    let outcome = try machine.run(
      [object], in: scratch.folder, input: input, environment: ["WELD_TEST": "a b"])
    #expect(outcome.status == 1)
    #expect(
      outcome.output == "written, not printed\nread: first\nread: second\nWELD_TEST=a b\nno end of line")
    #expect(outcome.errors == "to standard error\n")
  }

  @Test(arguments: RemoteMachine.allCases)
  func `libraries are opened there, and searched in order before the process`(machine: RemoteMachine) throws {
    let scratch = try Scratch()
    _ = try scratch.write("int which(void) { return 11; } int shared = 100;", to: "first.c")
    _ = try scratch.write("int which(void) { return 22; } int abs(int x) { return 33; }", to: "second.c")
    for name in ["first", "second"] {
      try scratch.tool(
        "\(machine.triple)-gcc", ["-shared", "-fPIC", "-fno-builtin", "\(name).c", "-o", "lib\(name).so"])
    }
    let object = try compile(
      """
      int which(void); int abs(int); extern int shared;
      int main(void) { return which() + abs(0) + shared; }
      """, for: machine, options: "-fPIC -fno-builtin", in: scratch)
    let libraries = ["--library", scratch.path("libfirst.so"), "--library", scratch.path("libsecond.so")]
    #expect(
      try machine.run(libraries + [object], in: scratch.folder)
        == Outcome(status: 144, output: "", errors: ""))
    let missing = try machine.run(["--library", "libnone.so", object], in: scratch.folder)
    #expect(missing.status == 125 && missing.output == "")
    #expect(missing.errors.hasPrefix("weld: error: libnone.so: the library cannot be loaded: "))
    #expect(missing.errors.split(separator: "\n").count == 1)
  }

  @Test(arguments: RemoteMachine.allCases)
  func `absolute symbols and aliases fill in what nobody defines`(machine: RemoteMachine) throws {
    let scratch = try Scratch()
    let object = try compile(
      "extern char here[]; int other(int); int main(void) { return (int)(long)here + other(-2); }",
      for: machine, in: scratch)
    let options = ["--absolute", "here=0x28", "--alias", "other=abs", object]
    for more in [[], ["--alias", "start=main", "--entry", "start"], ["--absolute", "main=1"]] {
      let outcome = try machine.run(more + options, in: scratch.folder)
      #expect(outcome == Outcome(status: 42, output: "", errors: ""))
    }
  }

  @Test(arguments: RemoteMachine.allCases)
  func `the map shows addresses of the executor on standard error`(machine: RemoteMachine) throws {
    let scratch = try Scratch()
    let object = try compile(
      """
      #include <stdio.h>
      int main(void) { printf("%p", (void *)main); }
      """, for: machine, in: scratch)
    let outcome = try machine.run(["--show-map", object], in: scratch.folder)
    #expect(outcome.status == 0)
    let address = try number(outcome.output)
    let line = try #require(outcome.errors.split(separator: "\n").first { $0.hasSuffix(" main") })
    #expect(try number(String(#require(line.split(separator: " ").first))) == address)
  }

  /// How a program ends, and the exit status that this is.
  static let ends: [(statement: String, status: Int32)] = [
    ("return 0", 0), ("return 255", 255), ("return 256", 0), ("return -1", 255), ("exit(0)", 0),
    ("exit(9)", 9),
    ("_exit(10)", 10), ("quick_exit(11)", 11), ("abort()", 134), ("raise(SIGTERM)", 143),
    ("raise(SIGKILL)", 137), ("raise(SIGHUP)", 129), ("*(volatile int *)16 = 1", 139),
  ]

  @Test(arguments: RemoteMachine.allCases, ends)
  func `however a program ends, the status says so and nothing stays behind`(
    machine: RemoteMachine, end: (statement: String, status: Int32)
  ) throws {
    let scratch = try Scratch()
    let object = try compile(
      """
      #include <signal.h>
      #include <stdlib.h>
      #include <unistd.h>
      int main(void) { \(end.statement); return 99; }
      """, for: machine, in: scratch)
    let mark = ProcessMark()
    let outcome = try machine.run([object], in: scratch.folder, environment: mark.environment)
    #expect(outcome.status == end.status, "\(outcome.errors)")
    #expect(outcome.output == "")
    // Of a signal, Weld says which.
    #expect(outcome.errors.contains("weld: error: ") == (end.status > 128 && end.status < 255))
    #expect(try mark.processes() == [])
  }

  @Test(arguments: RemoteMachine.allCases)
  func `a program that ends in the midst of threads ends the executor`(machine: RemoteMachine) throws {
    let scratch = try Scratch()
    let object = try compile(
      """
      #include <pthread.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <unistd.h>
      static void *wait(void *unused) { for (;;) pause(); return unused; }
      static void *end(void *unused) { printf("ended by a thread\\n"); exit(6); return unused; }
      int main(void) {
        pthread_t thread;
        for (int i = 0; i < 3; i++) pthread_create(&thread, NULL, wait, NULL);
        pthread_create(&thread, NULL, end, NULL);
        for (;;) pause();
      }
      """, for: machine, in: scratch)
    let mark = ProcessMark()
    let outcome = try machine.run([object], in: scratch.folder, environment: mark.environment)
    #expect(outcome == Outcome(status: 6, output: "ended by a thread\n", errors: ""))
    #expect(try mark.processes() == [])
  }

  @Test func `the command is split like a shell does`() throws {
    let scratch = try Scratch()
    let script = try scratch.write(
      "#!/bin/sh\nprintf '<%s>' \"$1\" \"$2\" \"$3\" \"$4\" >&2\nshift 4\nexec llvm-jitlink-executor-19 \"$@\"\n",
      to: "an executor")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
    let outcome = try Command.weld(
      ["run", "--executor", "'\(script)' a\\ b  \"c 'd' \\\"e\\\"\" 'f \"g\" \\' ''", "sieve.o", "--", "10"])
    #expect(outcome.output == "4 primes up to 10, the largest is 7\n")
    #expect(outcome.status == 0 && outcome.errors == #"<a b><c 'd' "e"><f "g" \><>"#)
  }
}
