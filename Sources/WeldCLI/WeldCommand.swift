import ArgumentParser
import Glibc
import Weld

/// The `weld` command.
@main
struct WeldCommand: ParsableCommand {
  static var configuration: CommandConfiguration {
    CommandConfiguration(
      commandName: "weld", abstract: "Links ELF objects and archives into memory, and runs them.",
      subcommands: verbs)
  }

  private static var verbs: [any Verb.Type] {
    [
      RunCommand.self, LinkCommand.self, CheckCommand.self, CompareCommand.self, RelocationsCommand.self,
      InspectCommand.self,
    ]
  }

  static func main() {
    let words = CommandLine.arguments.dropFirst()
    let verb = verbs.first { $0.configuration.commandName == words.first }
    do {
      // The arguments of a program are its own, whatever they look like.
      let own = verb == RunCommand.self ? words.prefix { $0 != "--" } : words
      var command = try parseAsRoot(verb == RunCommand.self ? Input.marking(own) : Array(own))
      if var run = command as? RunCommand {
        run.arguments = Array(words.dropFirst(own.count + 1))
        command = run
      }
      try command.run()
    } catch {
      // Help that was asked for, a status that a verb ends with, or no verb.
      guard let verb, exitCode(for: error) != .success, !(error is ExitCode) else { exit(withError: error) }
      Diagnostics.report(message(for: error))
      Glibc.exit(verb.failureStatus)
    }
  }
}

/// A verb of the command. What is thrown in it becomes lines of error.
protocol Verb: ParsableCommand {
  /// The exit status if something was thrown, or the command line is wrong.
  static var failureStatus: Int32 { get }
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
  static func write(_ text: String) { put(text + "\n") }

  /// Writes `text`.
  static func put(_ text: String) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      // The call reads at most the bytes it is given.
      let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
