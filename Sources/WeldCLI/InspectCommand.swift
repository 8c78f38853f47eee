import ArgumentParser
import Weld

/// `weld inspect`: shows what is in an object or archive.
struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "inspect", abstract: "Show what is in a file.")

  func run() throws {}
}
