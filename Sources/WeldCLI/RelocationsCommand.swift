import ArgumentParser
import Weld

/// `weld relocations`: shows what Weld knows of the relocation types.
struct RelocationsCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "relocations", abstract: "Show every relocation type, with its formula and its field.",
    discussion: """
      The table is the one that linking goes by. Formulas are in the letters of the psABIs: S is the symbol's address, A \
      the addend, P the place, G the address of a GOT slot, GOT or .TOC. the base of the GOT, L the address of the \
      stub or S, Z the symbol's size, TP the thread pointer, DTP the base of the thread-local block.
      """)

  static let failureStatus: Int32 = 2

  @Flag(help: "Print the text of docs/relocations.md.")
  var markdown = false

  @Argument(
    help: ArgumentHelp("The architecture. (default: all)", valueName: "architecture"),
    transform: { try TargetTriple.linkedMachine(of: $0) })
  var architecture: Machine?

  func run() throws {
    let machines = architecture.map { [$0] } ?? RelocationReference.machines
    let references = try machines.map { try RelocationReference(of: $0) }
    print(markdown ? RelocationsText.markdown(of: references) : RelocationsText.text(of: references))
  }
}
