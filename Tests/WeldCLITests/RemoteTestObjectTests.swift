import Foundation
import Testing

@Suite("weld run --executor: the programs of TestObjects")
struct RemoteTestObjectTests {
  private static let input = Command.objects.appending(path: "programs/standard_input.txt")

  private func run(_ line: RunLine, on machine: RemoteMachine, in folder: URL) throws {
    let outcome = try machine.run(
      ["--argv0", "program"] + line.arguments, in: folder, input: Self.input,
      environment: ["WELD_TEST": "yes"])
    let expected =
      line.expected == "-"
      ? "" : try String(contentsOf: Command.objects.appending(path: line.expected), encoding: .utf8)
    #expect(outcome.output == expected, "\(line.testDescription)")
    #expect(outcome.status == line.status, "\(line.testDescription): \(outcome.errors)")
  }

  @Test(arguments: RunLine.all)
  func `a program ends in an executor as it does here`(line: RunLine) throws {
    try run(line, on: .x86_64, in: Command.objects)
  }

  @Test func `there are programs for every machine`() {
    #expect(PortableProgram.all.count > 15)
    #expect(PortableProgram.all.reduce(0) { $0 + $1.lines.count } > 35)
  }

  @Test(arguments: PortableProgram.all, RemoteMachine.emulated)
  func `a program ends on other machines as it does here`(program: PortableProgram, machine: RemoteMachine)
    throws
  {
    let scratch = try Scratch()
    try program.compile(for: machine, in: scratch)
    for line in program.lines { try run(line, on: machine, in: scratch.folder) }
  }

  @Test(arguments: RemoteMachine.allCases)
  func `constructors, destructors and exit handlers run in the order in which they do elsewhere`(
    machine: RemoteMachine
  ) throws {
    let scratch = try Scratch()
    let sources = ["startup/constructors.c", "startup/objects.cpp"].map {
      Command.objects.appending(path: $0)
    }
    let objects = try RemoteCompiler(machine, "-O2 -fPIC").compile(sources, in: scratch)
    let expected = try machine.runStatically(objects, in: scratch)
    let found = try machine.run(objects, in: scratch.folder)
    #expect(expected.output.split(separator: "\n").count > 20)
    #expect(found == expected)
  }

  @Test(arguments: RemoteMachine.allCases)
  func `frames of C are unwound by hand and by a thread that exits`(machine: RemoteMachine) throws {
    let scratch = try Scratch()
    let source = Command.root.appending(path: "Tests/Programs/Other/unwinding.c")
    let objects = try RemoteCompiler(machine, "-O2 -fPIC -fexceptions").compile([source], in: scratch)
    let expected = try machine.runStatically(objects, libraries: ["-pthread"], in: scratch)
    #expect(expected.output == "frames seen: 3\ncleaned up 0\ncleaned up 11\ncleaned up 22\nleft\n")
    #expect(try machine.run(objects, in: scratch.folder) == expected)
  }

  @Test(arguments: RemoteMachine.allCases, ["-O2 -fPIC", "-O0", "-O2 -fno-pic"])
  func `indirect functions are chosen where the program runs`(machine: RemoteMachine, options: String) throws
  {
    // They would hold an address in 32 bits.
    guard machine != .x86_64 || options != "-O2 -fno-pic" else { return }
    let scratch = try Scratch()
    let folder = Command.root.appending(path: "Tests/Programs/Other")
    let sources = ["indirect.c", "indirect_other.c"].map { folder.appending(path: $0) }
    let objects = try RemoteCompiler(machine, options).compile(sources, in: scratch)
    let expected = try machine.runStatically(objects, in: scratch)
    #expect(!expected.output.isEmpty)
    #expect(try machine.run(objects, in: scratch.folder) == expected)
  }
}
