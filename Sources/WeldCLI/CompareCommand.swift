import ArgumentParser
import Weld
import WeldCheck
import WeldCompare

/// `weld compare`: links objects as other linkers do, and shows where the bytes differ.
struct CompareCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "compare",
    abstract:
      "Link objects with Weld and with other linkers at the same addresses, and show where they differ.",
    discussion: """
      All objects take part, and all members of archives. Undefined symbols get addresses of their own. What may be \
      different, such as the numbers of slots in the GOT, is compared through what it leads to. A linker that refuses \
      the objects is passed over.

      Exit status: 0 if nothing differs in substance; 1 if something does; 2 if Weld cannot link the objects, no other \
      linker links them, or the command line is wrong.
      """)

  static let failureStatus: Int32 = 2

  /// The exit status if something differs.
  private static let differentStatus: Int32 = 1

  @Option(
    name: .customLong("peer"), parsing: .singleValue,
    help: ArgumentHelp(
      "Compare with this linker: ld.lld, ld, llvm-jitlink or llvm-rtdyld. May be repeated. (default: all)",
      valueName: "name"))
  var peers: [PeerArgument] = []

  @Flag(name: .customLong("no-relax"), help: "Let no linker rewrite instructions.")
  var keepsInstructions = false

  @Option(help: ArgumentHelp("Where the image begins.", valueName: "address"))
  var baseAddress: AddressArgument?

  @Flag(name: .customLong("all"), help: "Show all differences, not only the first 10 with each linker.")
  var showsAll = false

  @Argument(help: ArgumentHelp("Objects and archives.", valueName: "object"))
  var inputs: [String]

  func run() throws {
    let objects = try Comparison.objects(of: try inputs.map { try LinkInput(path: $0) })
    var options = Comparison.Options()
    options.relaxes = !keepsInstructions
    if let baseAddress { options.baseAddress = baseAddress.address }
    let comparison = try Comparison.run(
      objects, with: peers.isEmpty ? Peer.allCases : peers.map(\.peer), options: options)
    let report = ComparisonReport(
      machine: objects.first?.header.machine ?? .x86_64, limit: showsAll ? .max : 10)
    print(report.text(of: comparison))
    guard comparison.results.contains(where: { $0.findings != nil }) else {
      throw ExitCode(Self.failureStatus)
    }
    if !comparison.isSame { throw ExitCode(Self.differentStatus) }
  }
}

/// The name of another linker.
struct PeerArgument: ExpressibleByArgument {
  var peer: Peer

  init?(argument: String) {
    guard let peer = Peer(rawValue: argument) else { return nil }
    self.peer = peer
  }
}

/// Says in words what a comparison found.
struct ComparisonReport {
  /// The machine of the objects.
  let machine: Machine
  /// How many differences are shown of each linker.
  let limit: Int

  func text(of comparison: Comparison) -> String {
    comparison.results.map(lines).joined().joined(separator: "\n")
  }

  private func lines(_ result: Comparison.Result) -> [String] {
    switch result.outcome {
    case .absent: ["\(result.peer.rawValue): not installed for \(machine)"]
    case .refused(let program, let reason): ["\(result.peer.rawValue) (\(program)): refuses: \(reason)"]
    case .compared(let program, let findings):
      ["\(result.peer.rawValue) (\(program)): \(counts(findings))"] + explanations(findings)
        + differences(findings)
    }
  }

  private func counts(_ findings: Comparison.Findings) -> String {
    "\(findings.fieldCount) fields of \(findings.sectionCount) sections, "
      + (findings.differenceCount == 0 ? "none different" : "\(findings.differenceCount) DIFFERENT")
  }

  private func explanations(_ findings: Comparison.Findings) -> [String] {
    Explanation.allCases.compactMap { reason in
      findings.explanations[reason].map { "  \($0) the same in substance: \(reason.rawValue)" }
    }
      + Comparison.LeftOut.allCases.compactMap { reason in
        findings.leftOut[reason].map { "  \($0) not compared: \(reason.rawValue)" }
      }
  }

  private func differences(_ findings: Comparison.Findings) -> [String] {
    let shown = findings.differences.prefix(limit)
    // Without a disassembler there are the bytes.
    let code = shown.flatMap { [$0.ourCode, $0.theirCode] }
    let texts = (try? Disassembler().text(of: code, machine: machine)) ?? code.map { _ in "" }
    var lines: [String] = []
    for (position, difference) in shown.enumerated() {
      lines.append("  " + place(difference))
      lines.append("    Weld:  \(side(difference.ours, difference.ourMeaning, texts[position * 2]))")
      lines.append("    other: \(side(difference.theirs, difference.theirMeaning, texts[position * 2 + 1]))")
    }
    let rest = findings.differenceCount - shown.count
    return rest > 0 ? lines + ["  and \(rest) more; --all shows them"] : lines
  }

  private func place(_ difference: Comparison.Difference) -> String {
    let place = "\(difference.file): \(difference.section)+0x\(String(difference.offset, radix: 16))"
    guard let relocation = difference.relocation else { return "\(place): bytes that no relocation changes" }
    let addend =
      relocation.addend == 0 ? "" : relocation.addend < 0 ? "\(relocation.addend)" : "+\(relocation.addend)"
    return "\(place): \(machine.relocationName(relocation.type)) against '\(relocation.symbol)'\(addend)"
  }

  private func side(_ bytes: [UInt8], _ meaning: String, _ code: String) -> String {
    let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
    return [digits, meaning.isEmpty ? "" : "→ \(meaning)", code.isEmpty ? "" : "(\(code))"]
      .filter { !$0.isEmpty }.joined(separator: "  ")
  }
}
