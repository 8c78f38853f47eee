import ArgumentParser
import Glibc
import Weld

/// The `weld` command.
@main
struct WeldCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weld", abstract: "Links ELF objects and archives into memory, and runs them.",
    subcommands: [RunCommand.self, InspectCommand.self])

  static func main() {
    do {
      // The arguments of a program are its own, whatever they look like.
      let words = CommandLine.arguments.dropFirst()
      let own = words.prefix { $0 != "--" }
      var command = try parseAsRoot(Array(own))
      if var run = command as? RunCommand {
        run.arguments = Array(words.dropFirst(own.count + 1))
        command = run
      }
      try command.run()
    } catch let failure as Failure {
      Diagnostics.report(failure.message)
      Glibc.exit(failure.status)
    } catch {
      // What the parser throws: help that was asked for, or a wrong command line.
      guard exitCode(for: error) != .success, CommandLine.arguments.dropFirst().first == "run" else {
        exit(withError: error)
      }
      Diagnostics.report(message(for: error))
      Glibc.exit(RunCommand.failureStatus)
    }
  }
}

/// A failure of Weld itself, which ends the command with `status`.
struct Failure: Error {
  var message: String
  var status: Int32
}

/// What the command says to people, on standard error.
enum Diagnostics {
  /// Writes each line of `message` as an error.
  static func report(_ message: String) {
    for line in message.split(separator: "\n", omittingEmptySubsequences: true) {
      write("weld: error: \(line)")
    }
  }

  /// Writes `text` and the end of a line.
  static func write(_ text: String) {
    var rest = Array((text + "\n").utf8)[...]
    while !rest.isEmpty {
      // The call reads at most the bytes it is given.
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
