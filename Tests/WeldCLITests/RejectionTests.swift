import Foundation
import Testing

@Suite("weld run: input that cannot be run")
struct RejectionTests {
  /// A file under `reject`, and what its one line of error says behind its name.
  static let rows: [(file: String, message: String)] = [
    ("i386.o", "ELF class 1 for i386; expected class 2 (64 bits), so compile for a 64-bit machine"),
    ("x32.o", "ELF class 1 for x86_64; expected class 2 (64 bits), so compile for a 64-bit machine"),
    ("aarch64.o", "an object for aarch64, which Weld does not link; expected x86_64, ppc64le or s390x"),
    ("powerpc64.o", "an object for big-endian ppc64, which Weld does not link; expected ppc64le (ELFv2)"),
    (
      "powerpc64le.o",
      "an object for ppc64le (ELFv2), which x86_64 cannot run; run it in an executor for its machine (weld run --executor), "
        + "or link it without running it (weld link, weld check)"
    ),
    (
      "s390x.o",
      "an object for s390x, which x86_64 cannot run; run it in an executor for its machine (weld run --executor), "
        + "or link it without running it (weld link, weld check)"
    ),
    (
      "bitcode.o",
      "LLVM bitcode, not machine code; compile it first, with `llc -filetype=obj` or without -flto and -emit-llvm"
    ),
    (
      "library.so",
      "a shared library or position independent executable; link the objects it was made of, or load a library with --library"
    ),
    ("executable", "not a relocatable object but an executable; expected the output of `cc -c`"),
    ("text.txt", "not an ELF file but text; expected an ELF relocatable object (`cc -c`)"),
    ("empty.o", "the file is empty; expected an ELF relocatable object or an archive of them"),
    ("no_such_file.o", "cannot be read: No such file or directory"),
    ("../reject", "is a directory; expected an object file or an archive"),
    (
      "writable_code.o",
      "section '.text.patched': the section is both writable and executable; expected at most one of the two"
    ),
    ("odd_init_array.o", "section '.init_array': 4 bytes are not a whole number of 8-byte pointers"),
    ("odd_ctors.o", "section '.ctors': 12 bytes are not a whole number of 8-byte pointers"),
  ]

  @Test(arguments: rows)
  func `a file of another kind is one line of error`(file: String, message: String) throws {
    let outcome = try Command.weld(["run", "reject/\(file)"])
    #expect(outcome == Outcome(status: 125, output: "", errors: "weld: error: reject/\(file): \(message)\n"))
  }

  @Test(arguments: ["truncated.a", "overflow.o", "position_independent_executable", "undefined.o"])
  func `a damaged or unusable file is an error that begins with its name`(file: String) throws {
    let outcome = try Command.weld(["run", "reject/\(file)"])
    #expect(outcome.status == 125)
    #expect(outcome.output == "")
    for line in outcome.errors.split(separator: "\n") {
      #expect(line.hasPrefix("weld: error: reject/\(file): "))
    }
    #expect(!outcome.errors.isEmpty)
  }

  @Test(arguments: [
    ("general_dynamic.o", "general dynamic"), ("local_dynamic.o", "local dynamic"),
    ("initial_exec.o", "initial exec"),
    ("local_exec.o", "local exec"), ("descriptor.o", "TLS descriptor"),
  ])
  func `a thread-local variable is refused by model and name`(file: String, model: String) throws {
    let outcome = try Command.weld(["run", "tls/\(file)"])
    #expect(outcome.status == 125)
    #expect(outcome.errors.contains("thread-local variables (\(model) model) cannot be linked yet"))
    #expect(outcome.errors.contains("against '"))
  }

  @Test func `a non-PIC reference to a distant variable says how to compile`() throws {
    let outcome = try Command.weld(["run", "programs/standard_streams_nopic.o"])
    #expect(outcome.status == 125)
    #expect(outcome.output == "")
    #expect(
      outcome.errors.contains("the variable lies too far away for a direct reference; compile with -fPIC"))
  }

  @Test func `two definitions name both objects`() throws {
    let outcome = try Command.weld(["run", "reject/duplicate_a.o", "reject/duplicate_b.o"])
    #expect(outcome.status == 125)
    #expect(outcome.errors.hasPrefix("weld: error: reject/duplicate_b.o: '"))
    #expect(outcome.errors.contains("is already defined in reject/duplicate_a.o"))
  }

  @Test func `undefined symbols come with all places and the nearest spellings`() throws {
    let outcome = try Command.weld(["run", "reject/undefined.o", "/usr/lib/x86_64-linux-gnu/libz.a"])
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.count == 4)
    let prinft = try #require(lines.first { $0.contains("'prinft'") })
    #expect(prinft.components(separatedBy: "reject/undefined.o: .text+0x").count == 3)
    #expect(prinft.contains("did you mean 'printf'"))
    #expect(lines.contains { $0.contains("'compres'") && $0.contains("did you mean 'compress'") })
    #expect(lines.contains { $0.contains("'greetign'") && $0.contains("did you mean 'greeting'?") })
    #expect(
      lines.contains {
        $0.contains("'qzxvwkj'") && $0.hasSuffix("add the object, archive or --library that defines it")
      })
  }

  @Test func `a missing entry comes with the nearest spelling`() throws {
    let outcome = try Command.weld(["run", "reject/no_main.o"])
    #expect(
      outcome
        == Outcome(
          status: 125, output: "",
          errors: "weld: error: 'main' is not defined by any of the objects; did you mean 'mian'?\n"))
  }

  @Test(arguments: [
    ["run"], ["run", "--bogus", "sieve.o"], ["run", "--absolute", "x", "sieve.o"],
    ["run", "--alias", "=y", "sieve.o"],
  ])
  func `a wrong command line is a failure of Weld`(arguments: [String]) throws {
    let outcome = try Command.weld(arguments)
    #expect(outcome.status == 125)
    #expect(outcome.errors.hasPrefix("weld: error: "))
  }
}
