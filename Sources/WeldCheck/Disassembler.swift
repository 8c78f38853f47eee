internal import WeldExecutor
public import WeldELF

/// Has instructions decoded by LLVM's `llvm-mc`, version 14 or newer.
public struct Disassembler: Sendable {
  /// The command and its first arguments; `nil` to look for one.
  public var command: [String]?
  /// How long to wait for the answer.
  public var timeLimit: Duration

  /// Uses the first of `llvm-mc`, `llvm-mc-30` … `llvm-mc-14` on the search path.
  public init() {
    command = nil
    timeLimit = .seconds(60)
  }

  /// Uses `command`, a program (looked for on the search path if its name has no `/`) and perhaps its first
  /// arguments, and waits for its answer no longer than `timeLimit`.
  public init(command: [String], timeLimit: Duration = .seconds(60)) {
    self.command = command
    self.timeLimit = timeLimit
  }

  /// The text of the instructions in each of `codes`, separated by `; `. Bytes that are none are shown as
  /// `.byte`.
  ///
  /// One process decodes all of them. Each is decoded as if it were at address 0.
  public func text(of codes: [[UInt8]], machine: Machine) throws(CheckError) -> [String] {
    guard !codes.isEmpty else { return [] }
    guard let set = InstructionSet(of: machine) else { throw .decoder(.unsupportedMachine("\(machine)")) }
    let blocks: [DecodedBlock]
    do {
      blocks = try self.blocks(of: codes, set)
    } catch {
      throw .decoder(error)
    }
    return zip(codes, blocks).map { code, block in
      guard !block.isWhole else { return block.text }
      let bytes = ".byte " + code.map { "0x" + String($0, radix: 16) }.joined(separator: ", ")
      return block.instructions.isEmpty ? bytes : "\(block.text); not an instruction, in \(bytes)"
    }
  }

  /// Decodes each of `codes`.
  func blocks(of codes: [[UInt8]], _ set: InstructionSet) throws(DecoderProblem) -> [DecodedBlock] {
    let command =
      if let command = self.command { command } else { try Self.find() }
    let name = command.first ?? ""
    let input = DecoderAnswer.question(codes, marker: Array(set.marker.joined()))
    for (position, processor) in set.processors.enumerated() {
      let output: ChildProcess.Output
      do {
        output = try ChildProcess.run(
          command + ["--disassemble", "--triple=\(set.triple)", "--show-inst"]
            + (processor.map { ["--mcpu=\($0)"] } ?? []),
          input: input, timeLimit: timeLimit, outputLimit: 1 << 24 + codes.count << 12)
      } catch {
        throw DecoderProblem(error, command: name)
      }
      let answer = DecoderAnswer(output: output.output, errors: output.errors)
      if !answer.knowsProcessor, position < set.processors.count - 1 { continue }
      if let signal = output.signal { throw .died(command: name, signal: signal) }
      guard let blocks = answer.blocks(count: codes.count, markerLength: set.marker.count) else {
        throw .unintelligible(command: name, message: answer.complaint)
      }
      return blocks
    }
    return []
  }

  /// The newest `llvm-mc` on the search path.
  private static func find() throws(DecoderProblem) -> [String] {
    let names = ["llvm-mc"] + (14...30).reversed().map { "llvm-mc-\($0)" }
    for name in names {
      if let path = ChildProcess.path(of: name) { return [path] }
    }
    throw .notFound
  }
}

extension DecoderProblem {
  /// What went wrong with the process of `command`.
  init(_ problem: ChildProcess.Problem, command: String) {
    switch problem {
    case .notStarted(let errno): self = .notStarted(command: command, errno: errno)
    case .timedOut(let limit): self = .timedOut(command: command, limit: limit)
    case .tooMuchOutput(let limit): self = .tooMuchOutput(command: command, limit: limit)
    }
  }
}
