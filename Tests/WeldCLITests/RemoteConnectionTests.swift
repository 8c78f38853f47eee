import Foundation
import Testing

@Suite("weld run --connect: an executor that listens")
struct RemoteConnectionTests {
  private static let sieve = Command.objects.appending(path: "sieve.c")

  @Test(arguments: RemoteMachine.allCases)
  func `a program runs there, and its result comes back`(machine: RemoteMachine) throws {
    let scratch = try Scratch()
    let objects = try RemoteCompiler(machine, "-O2 -fPIC").compile([Self.sieve], in: scratch)
    for (arguments, status) in [(["100"], 0), (["ten"], 2)] as [([String], Int32)] {
      let executor = try ListeningExecutor(on: machine)
      let outcome = try Command.weld(
        ["run", "--connect", executor.address] + objects + ["--"] + arguments, in: scratch.folder)
      // Its output is where the executor was started, not here.
      #expect(outcome == Outcome(status: status, output: "", errors: ""))
      let remote = try executor.finish()
      #expect(remote.status == status)
      if status == 0 { #expect(remote.output == "25 primes up to 100, the largest is 97\n") }
    }
  }

  @Test(arguments: RemoteMachine.allCases)
  func `a program may end the executor with exit`(machine: RemoteMachine) throws {
    let scratch = try Scratch()
    let source = Command.objects.appending(path: "programs/exit_status.c")
    let objects = try RemoteCompiler(machine, "-O2 -fPIC").compile([source], in: scratch)
    let executor = try ListeningExecutor(on: machine)
    let outcome = try Command.weld(
      ["run", "--connect", executor.address] + objects + ["--", "exit", "42"], in: scratch.folder)
    #expect(outcome == Outcome(status: 42, output: "", errors: ""))
    let remote = try executor.finish()
    #expect(remote.status == 42)
    #expect(remote.output == "exit\nhandler registered second\nhandler registered first\n")
  }

  @Test func `a link that fails lets the executor end`() throws {
    let executor = try ListeningExecutor(on: .x86_64)
    let outcome = try Command.weld(["run", "--connect", executor.address, "reject/undefined.o"])
    #expect(outcome.status == 125)
    #expect(outcome.errors.contains("undefined symbol 'prinft'"))
    #expect(try executor.finish().status == 0)
  }

  @Test func `nobody who listens is one line of error`() throws {
    let address = "127.0.0.1:\(try ListeningExecutor.freePort())"
    let outcome = try Command.weld(["run", "--connect", address, "sieve.o"])
    #expect(outcome.status == 125 && outcome.output == "")
    #expect(outcome.errors.hasPrefix("weld: error: ") && outcome.errors.contains(address))
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }

  @Test(arguments: [
    "", "localhost", "localhost:", ":1234", "localhost:0", "localhost:65536", "localhost:http", "a:b:c",
    "no.such.host.invalid:1",
  ])
  func `an address of another form, or of nobody, is one line of error`(address: String) throws {
    let outcome = try Command.weld(["run", "--connect", address, "sieve.o"])
    #expect(outcome.status == 125 && outcome.output == "")
    #expect(outcome.errors.hasPrefix("weld: error: "))
    #expect(outcome.errors.split(separator: "\n").count == 1)
  }

  @Test func `an executor is started or connected to, not both`() throws {
    let outcome = try Command.weld(
      ["run", "--connect", "127.0.0.1:1", "--executor", RemoteMachine.x86_64.executor(), "sieve.o"])
    #expect(outcome.status == 125)
    #expect(outcome.errors.hasPrefix("weld: error: "))
  }
}
