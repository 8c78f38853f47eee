import Foundation
import Testing

/// A program of `Tests/Programs`, whose first lines say how it is compiled and what it is linked with.
struct RealProgram: CustomTestStringConvertible, Sendable {
  var file: String
  var flags: [String]
  var archives: [String]
  var libraries: [String]

  var testDescription: String { file }
  var compiler: String { file.hasSuffix(".cpp") ? "g++" : "gcc" }

  init(file: String) throws {
    self.file = file
    let text = try String(contentsOf: Self.folder.appending(path: file), encoding: .utf8)
    func words(after label: String) -> [String] {
      text.split(separator: "\n").filter { $0.hasPrefix("// \(label):") }.flatMap { line in
        line.dropFirst(label.count + 4).split(separator: " ").map(String.init)
      }
    }
    flags = words(after: "flags")
    archives = words(after: "archives").map { "/usr/lib/x86_64-linux-gnu/" + $0 }
    libraries = words(after: "libraries")
  }

  static let folder = Command.root.appending(path: "Tests/Programs")
}

@Suite("weld run: programs on archives that nobody here made")
struct ProgramTests {
  @Test(arguments: [
    "sql.c", "compress.c", "lua.c", "digest.c", "xz.c", "bignum.c", "containers.cpp",
  ])
  func `a program prints what it prints when ld linked it`(file: String) throws {
    let program = try RealProgram(file: file)
    let scratch = try Scratch()
    try scratch.tool(
      program.compiler,
      program.flags + ["-c", RealProgram.folder.appending(path: file).path, "-o", "program.o"])
    try scratch.tool(
      program.compiler, ["program.o"] + program.archives + program.libraries + ["-o", "program"])
    let expected = try Command.run(scratch.path("program"), [], in: scratch.folder)
    let found = try Command.weld(
      ["run", "--argv0", scratch.path("program"), "program.o"] + program.archives, in: scratch.folder)
    #expect(!expected.output.isEmpty)
    #expect(found == expected)
  }

  @Test func `a whole archive takes part when asked for`() throws {
    let libcrypto = "/usr/lib/x86_64-linux-gnu/libcrypto.a"
    let outcome = try Command.weld(["run", "--whole-archive", "sieve.o", libcrypto, "--", "100"])
    #expect(outcome == Outcome(status: 0, output: "25 primes up to 100, the largest is 97\n", errors: ""))
  }

  @Test func `every compiler, model and level of optimisation gives the same program`() throws {
    let scratch = try Scratch()
    let source = RealProgram.folder.appending(path: "containers.cpp").path
    var outputs: Set<String> = []
    for compiler in ["g++", "clang++-19"] {
      for flags in [
        ["-O0"], ["-O2", "-fPIC"], ["-Os"], ["-O2", "-mcmodel=large", "-fPIC"], ["-O1", "-fno-plt"],
      ] {
        try scratch.tool(compiler, ["-std=c++17", "-c", source, "-o", "program.o"] + flags)
        let outcome = try Command.weld(["run", "--argv0", "program", scratch.path("program.o")])
        #expect(outcome.status == 3, "\(compiler) \(flags): \(outcome.errors)")
        outputs.insert(outcome.output)
      }
    }
    #expect(outputs.count == 1)
  }
}
