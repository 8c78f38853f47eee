import Foundation
import Testing

@Suite("weld check")
struct CheckTests {
  /// A caller, with checks beside its lines; the third one is false.
  private static let source = """
        .text
        .globl caller
        .globl data
    # weld-check: decode_operand(caller, 0) = callee - next_pc(caller)
    # weld-check: *{1}caller = \\
    # weld-check:   0xe8
    caller:
        call callee
    # other-check: *{8}data = callee + 16
    # other-check: *{8}data = callee
        .data
    data:
        .quad callee + 16
    """

  private func scratch() throws -> Scratch {
    let scratch = try Scratch()
    _ = try scratch.write(Self.source + "\n", to: "caller.s")
    try scratch.tool(
      "llvm-mc-19", ["--filetype=obj", "--triple=x86_64-linux-gnu", "caller.s", "-o", "caller.o"])
    return scratch
  }

  private func check(_ arguments: [String], in scratch: Scratch) throws -> Outcome {
    try Command.weld(
      ["check"] + arguments + ["--absolute", "callee=0x10020000", "caller.o"], in: scratch.folder)
  }

  @Test func `without a check the link is what is checked`() throws {
    let scratch = try scratch()
    #expect(try check([], in: scratch) == Outcome(status: 0, output: "", errors: ""))
    let outcome = try Command.weld(["check", "caller.o"], in: scratch.folder)
    #expect(outcome.status == 2)
    #expect(outcome.errors.hasPrefix("weld: error: caller.o: undefined symbol 'callee'"))
    #expect(try Command.weld(["check", "--phantom-externals", "caller.o"], in: scratch.folder).status == 0)
  }

  @Test func `checks of a file that hold say nothing`() throws {
    let scratch = try scratch()
    #expect(
      try check(["--check-file", "caller.s", "--disassembler", "llvm-mc-19"], in: scratch)
        == Outcome(status: 0, output: "", errors: ""))
  }

  @Test func `every check that is false has a line, named for where it begins`() throws {
    let scratch = try scratch()
    let outcome = try check(
      [
        "--check-file", "caller.s", "--check-prefix", "other-check", "--check", "callee = 1", "--check",
        "*{1}caller = 0xe8", "--check", "nothing = 1",
      ], in: scratch)
    #expect(outcome.status == 1)
    #expect(outcome.output == "")
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines.first == "caller.s:10: false: *{8}data = callee: 0x10020010 != 0x10020000")
    #expect(
      lines.dropFirst().first?.hasPrefix("<command line>:1: false: callee = 1: 0x10020000 != 0x1") == true)
    #expect(lines.last?.hasPrefix("<command line>:3: cannot be evaluated: nothing = 1: ") == true)
  }

  @Test func `sections and the GOT lie where they are put`() throws {
    let scratch = try scratch()
    let outcome = try check(
      [
        "--section-address", "caller.o,.text=0x7000000", "--section-address=caller.o,.data=0x8000010",
        "--check",
        "caller = 0x7000000", "--check", "section_addr(caller.o, .data) = 0x8000010", "--check",
        "data = 0x8000010",
        "--check", "*{4}caller+1 = 0x901fffb",
      ], in: scratch)
    #expect(outcome == Outcome(status: 0, output: "", errors: ""))
  }

  @Test(arguments: [
    ["--check-file", "missing.s"], ["--check-file", "caller.s", "--check-prefix", "weld"],
    ["--section-address", "caller.o,.nothing=1"], ["--entry", "nothing"], ["--target", "s390x-linux-gnu"],
    ["--slab-size", "0"], ["--page-size", "3"], ["--check"],
  ])
  func `what cannot be meant is one line of error`(arguments: [String]) throws {
    let outcome = try check(arguments, in: scratch())
    #expect(outcome.status == 2)
    #expect(outcome.output == "")
    #expect(outcome.errors.hasPrefix("weld: error: "))
  }

  @Test func `a decoder that is none is an error of the check`() throws {
    let outcome = try check(
      ["--check", "next_pc(caller) = 0", "--disassembler", "./no-such-llvm-mc"], in: scratch())
    #expect(outcome.status == 1)
    #expect(outcome.errors.hasPrefix("<command line>:1: cannot be evaluated: "))
    #expect(outcome.errors.contains("no-such-llvm-mc"))
  }
}
