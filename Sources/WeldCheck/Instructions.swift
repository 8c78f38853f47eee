internal import WeldLink

/// An instruction, as LLVM describes it.
struct Instruction: Equatable {
  /// LLVM's name of the operation: `CALL64pcrel32`.
  var name: String
  /// As an assembler takes it.
  var text: String
  /// In LLVM's order: results first.
  var operands: [Operand] = []

  enum Operand: Equatable {
    case immediate(Int64)
    /// A register or something else, in LLVM's words.
    case other(String)
  }

  /// The operand at `index`, which must be a number.
  func immediate(_ index: Int) throws(ExpressionProblem) -> Int64 {
    let immediates = operands.indices.filter { if case .immediate = operands[$0] { true } else { false } }
    guard operands.indices.contains(index) else {
      throw .operandOutOfRange(index, count: operands.count, immediates: immediates, instruction: text)
    }
    switch operands[index] {
    case .immediate(let value): return value
    case .other(let operand):
      throw .notImmediate(index, operand: operand, immediates: immediates, instruction: text)
    }
  }
}

/// The instructions that the expressions of a run ask about, decoded together.
struct Instructions {
  private var found: Result<[[UInt8]: (instruction: Instruction, byteCount: Int)], DecoderProblem>

  /// Has `disassembler` decode what is at `codes`. Those that lead nowhere are left out.
  init(at codes: [Expression.CodePlace], in index: MapIndex, askedOf disassembler: Disassembler) {
    found = .success([:])
    guard let machine = InstructionSet(of: index.map.machine) else { return }
    var questions: Set<[UInt8]> = []
    var windows: [(question: [UInt8], byteCount: Int)] = []
    for code in codes {
      guard let bytes = try? index.bytes(at: code, atMost: machine.longestByteCount),
        questions.insert(bytes).inserted
      else { continue }
      windows += machine.byteCounts(bytes).map { (bytes, $0) }
    }
    guard !windows.isEmpty else { return }
    found = Result { () throws(DecoderProblem) in
      let blocks = try disassembler.blocks(of: windows.map { Array($0.question[..<$0.byteCount]) }, machine)
      var instructions: [[UInt8]: (Instruction, Int)] = [:]
      for (window, block) in zip(windows, blocks) where instructions[window.question] == nil {
        // Of the lengths that were tried, the first that is an instruction is the right one.
        instructions[window.question] = block.onlyInstruction.map { ($0, window.byteCount) }
      }
      return instructions
    }
  }

  /// The instruction with which `bytes` begins; `nil` if it does not begin with one.
  subscript(bytes: [UInt8]) -> (instruction: Instruction, byteCount: Int)? {
    get throws(CheckError) {
      do {
        return try found.get()[bytes]
      } catch {
        throw .decoder(error)
      }
    }
  }
}

/// The instructions that bytes were decoded to.
struct DecodedBlock: Equatable {
  var instructions: [Instruction] = []
  /// Whether all of the bytes are instructions.
  var isWhole = true

  /// The instruction, if all of the bytes are one, perhaps with prefixes that LLVM describes as instructions
  /// of their own: `lock`, `rep`.
  var onlyInstruction: Instruction? {
    guard isWhole, var last = instructions.last, !last.isPrefix,
      instructions.dropLast().allSatisfy(\.isPrefix)
    else { return nil }
    last.text = text
    return last
  }

  /// All instructions, with `; ` between them.
  var text: String {
    var text = ""
    for instruction in instructions {
      let separator = text.isEmpty ? "" : " "
      text += separator + instruction.text + (instruction.isPrefix ? "" : ";")
    }
    return text.hasSuffix(";") ? String(text.dropLast()) : text
  }
}

extension Instruction {
  fileprivate var isPrefix: Bool { name.hasSuffix("_PREFIX") }
}
