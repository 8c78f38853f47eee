internal import WeldBytes
internal import WeldLink

/// Gives expressions their values.
struct Evaluation {
  let index: MapIndex
  /// The instructions that the expressions ask about.
  let instructions: Instructions

  func value(of expression: Expression) throws(CheckError) -> UInt64 {
    try place(of: expression).number
  }

  private func place(of expression: Expression) throws(CheckError) -> Place {
    var result = try place(of: expression.terms[0])
    for (operation, term) in zip(expression.operators, expression.terms.dropFirst()) {
      result = .combine(result, operation, try place(of: term))
    }
    return result
  }

  private func place(of term: Expression.Term) throws(CheckError) -> Place {
    let result =
      switch term.kind {
      case .number(let value): Place(value)
      case .name(let name): try at(term.column) { () throws(ExpressionProblem) in try index.place(of: name) }
      case .group(let inner): try place(of: inner)
      case .load(let byteCount, let address): try load(byteCount, at: address, column: term.column)
      case .operand(let number, let code): try operand(number, of: code, column: term.column)
      case .nextInstruction(let code): try nextInstruction(code)
      }
    return term.slice.map { Place($0(result.number)) } ?? result
  }

  private func load(_ byteCount: Int, at address: Expression, column: Int) throws(CheckError) -> Place {
    let place = try place(of: address)
    let bytes = try at(column) { () throws(ExpressionProblem) in
      try index.bytes(at: place, byteCount: byteCount)
    }
    let fromHighest = index.map.byteOrder == .big ? bytes : bytes.reversed()
    return Place(fromHighest.reduce(0) { $0 << 8 | UInt64($1) })
  }

  private func operand(
    _ number: Int, of code: Expression.CodePlace, column: Int
  ) throws(CheckError) -> Place {
    let (instruction, _) = try instruction(at: code)
    return try at(column) { () throws(ExpressionProblem) in
      Place(UInt64(bitPattern: try instruction.immediate(number)))
    }
  }

  private func nextInstruction(_ code: Expression.CodePlace) throws(CheckError) -> Place {
    let start = try at(code.column) { () throws(ExpressionProblem) in try index.place(of: code) }
    let (_, byteCount) = try instruction(at: code)
    return .combine(start, .add, Place(UInt64(byteCount)))
  }

  private func instruction(
    at code: Expression.CodePlace
  ) throws(CheckError) -> (instruction: Instruction, byteCount: Int) {
    guard let machine = InstructionSet(of: index.map.machine) else {
      throw .decoder(.unsupportedMachine("\(index.map.machine)"))
    }
    let bytes = try at(code.column) { () throws(ExpressionProblem) in
      try index.bytes(at: code, atMost: machine.longestByteCount)
    }
    guard let found = try instructions[bytes] else {
      throw .expression(.undecodable(bytes), column: code.column)
    }
    return found
  }

  /// The result of `body`, whose errors are about the text at `column`.
  private func at<Result>(
    _ column: Int, _ body: () throws(ExpressionProblem) -> Result
  ) throws(CheckError) -> Result {
    do {
      return try body()
    } catch {
      throw .expression(error, column: column)
    }
  }
}
