import Foundation
import Testing

@Suite("weld run --executor: what cannot be run there")
struct RemoteRejectionTests {
  /// The lines of standard error that are Weld's: an executor may have written others.
  private func expectOneError(_ outcome: Outcome, _ comment: String = "") -> String {
    let errors = outcome.errors.split(separator: "\n").filter { $0.hasPrefix("weld: ") }
    #expect(outcome.status == 125, "\(comment): \(outcome.errors)")
    #expect(errors.count == 1 && errors[0].hasPrefix("weld: error: "), "\(comment): \(outcome.errors)")
    return String(errors.first ?? "")
  }

  @Test(arguments: [
    "/no/such/executor", "no-such-executor --option", "/", "/etc/passwd", "", "   ", "'unfinished",
    "\"unfinished",
  ])
  func `a command that cannot be started is one line of error`(command: String) throws {
    let outcome = try Command.weld(["run", "--executor", command, "sieve.o"])
    #expect(outcome.output == "")
    _ = expectOneError(outcome, command)
  }

  /// What each does with two descriptors of which it knows nothing.
  static let strangers = [
    "true", "false", "cat", "echo nonsense", "cat /dev/null", "sh -c 'exit 3'", "sh -c 'kill -9 $$'",
    "sh -c 'kill -15 $$'",
    // Without an answer: its descriptors are closed long before it ends.
    "sh -c 'for n in 3 4 5 6 7 8 9; do eval exec \"$n>&- $n<&-\"; done; sleep 1'",
    // Closes what it should read, and answers a few bytes, or many that mean nothing.
    "sh -c 'eval \"echo nonsense >&${0##*,}\"'",
    "sh -c 'eval \"head -c 100000 /dev/zero >&${0##*,}\"'",
    "sh -c 'eval \"head -c 100000 /dev/zero | tr \\\\\\\\0 \\\\\\\\377 >&${0##*,}\"'",
    "llvm-jitlink-executor-19 nonsense", "qemu-s390x /no/such/program", "llvm-mc-19",
  ]

  @Test(arguments: strangers)
  func `a command that is no executor is one line of error, and is gone`(command: String) throws {
    let mark = ProcessMark()
    let outcome = try Command.weld(
      ["run", "--executor", command, "sieve.o"], environment: mark.environment)
    _ = expectOneError(outcome, command)
    #expect(try mark.processes() == [])
  }

  @Test(arguments: RemoteMachine.emulated)
  func `an object for another machine than the executor's is one line of error`(machine: RemoteMachine) throws
  {
    let mark = ProcessMark()
    let outcome = try machine.run(["sieve.o"], in: Command.objects, environment: mark.environment)
    #expect(outcome.output == "")
    let error = expectOneError(outcome)
    #expect(error.hasPrefix("weld: error: sieve.o: "))
    #expect(error.contains("x86_64") && error.contains(machine.rawValue))
    #expect(try mark.processes() == [])
  }

  @Test func `an executor here runs no objects for another machine`() throws {
    let outcome = try RemoteMachine.x86_64.run(["reject/s390x.o"], in: Command.objects)
    #expect(outcome.output == "")
    let error = expectOneError(outcome)
    #expect(error.hasPrefix("weld: error: reject/s390x.o: ") && error.contains("s390x"))
  }

  @Test(arguments: RemoteMachine.allCases)
  func `undefined symbols come with all places`(machine: RemoteMachine) throws {
    let scratch = try Scratch()
    let source = Command.objects.appending(path: "reject/undefined.c")
    let objects = try RemoteCompiler(machine, "-O2 -fPIC").compile([source], in: scratch)
    let mark = ProcessMark()
    let outcome = try machine.run(objects, in: scratch.folder, environment: mark.environment)
    #expect(outcome.status == 125 && outcome.output == "")
    let lines = outcome.errors.split(separator: "\n")
    #expect(lines.allSatisfy { $0.hasPrefix("weld: error: undefined.o: ") })
    let prinft = try #require(lines.first { $0.contains("undefined symbol 'prinft'") })
    #expect(prinft.components(separatedBy: "undefined.o: .text+0x").count == 3)
    #expect(lines.contains { $0.contains("undefined symbol 'qzxvwkj'") })
    #expect(try mark.processes() == [])
  }

  @Test func `a missing entry comes with the nearest spelling`() throws {
    let outcome = try RemoteMachine.x86_64.run(["reject/no_main.o"], in: Command.objects)
    #expect(outcome.output == "")
    let error = expectOneError(outcome)
    #expect(error == "weld: error: 'main' is not defined by any of the objects; did you mean 'mian'?")
  }

  @Test(arguments: RemoteMachine.allCases)
  func `variables that are out of direct reach say how to compile`(machine: RemoteMachine) throws {
    // Code for ppc64le goes through its table of contents in any case.
    guard machine != .ppc64le else { return }
    let scratch = try Scratch()
    let source = Command.objects.appending(path: "programs/standard_streams.c")
    let options = machine == .s390x ? "-O2 -fno-pic" : "-O2"
    let objects = try RemoteCompiler(machine, options).compile([source], in: scratch)
    let outcome = try machine.run(
      objects, preloading: machine.distance(in: scratch), in: scratch.folder)
    #expect(outcome.status == 125 && outcome.output == "")
    #expect(outcome.errors.hasPrefix("weld: error: standard_streams.o: "))
    #expect(outcome.errors.contains("compile with -fPIC"))
  }
}
