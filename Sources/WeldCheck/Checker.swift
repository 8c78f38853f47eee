public import WeldLink

/// Evaluates checks against a link.
///
/// A false check does not keep others from being evaluated. The instructions that all checks ask about are
/// decoded by one process.
public struct Checker: Sendable {
  private let map: LinkMap
  private let disassembler: Disassembler

  /// Evaluates against `map`, and has instructions decoded by `disassembler`.
  public init(_ map: LinkMap, disassembler: Disassembler = Disassembler()) {
    self.map = map
    self.disassembler = disassembler
  }

  /// The result of each of `checks`, in their order.
  public func results(of checks: [Check]) -> [CheckResult] {
    let parsed = checks.map { check in
      Result { () throws(CheckError) in try ExpressionParser.sides(of: check) }
    }
    let index = MapIndex(map)
    var codes: [Expression.CodePlace] = []
    for case .success(let sides) in parsed {
      sides.left.forEachInstruction { codes.append($0) }
      sides.right.forEachInstruction { codes.append($0) }
    }
    let evaluation = Evaluation(
      index: index, instructions: Instructions(at: codes, in: index, askedOf: disassembler))
    return zip(checks, parsed).map { check, parsed in
      CheckResult(check, outcome(of: parsed, by: evaluation))
    }
  }

  private func outcome(
    of parsed: Result<(left: Expression, right: Expression), CheckError>, by evaluation: Evaluation
  ) -> CheckResult.Outcome {
    do {
      let sides = try parsed.get()
      let left = try evaluation.value(of: sides.left)
      let right = try evaluation.value(of: sides.right)
      return left == right ? .holds(left) : .isFalse(left: left, right: right)
    } catch {
      return .hasNoValue(error)
    }
  }
}
