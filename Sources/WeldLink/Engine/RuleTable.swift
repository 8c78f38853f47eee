/// The rules of an architecture by relocation number, in the form that the loops over relocations read.
///
/// Almost all relocations of real objects add a symbol's address and an addend, may subtract the place, and
/// fill a whole container. Their rows say so in a few bytes; what else a rule says is looked up in the rule.
public struct RuleTable: Sendable {
  private let rules: [Rule?]
  private let rows: [Row]

  /// A rule, abridged.
  struct Row: Sendable {
    var shape: Shape
    /// Whether the scan must look at it whatever its symbol is.
    var isExamined = false
    /// What the scan must do about it.
    var need: Rule.Value.Synthesis
    /// Bytes of the field.
    var byteCount: UInt8
    /// The range of the field.
    var lowest: Int64
    var highest: Int64
  }

  /// What kind of formula and field a rule has.
  enum Shape: UInt8, Sendable {
    /// The psABI has no such type.
    case unknown
    /// Nothing is to be done.
    case nothing
    /// `S + A` in a container of its own.
    case absolute
    /// `S + A - P` in a container of its own; for a branch that needs no stub, too.
    case pcRelative
    /// Anything else.
    case other
  }

  /// Makes the table of an architecture, which keeps it (``Architecture/rules``): small links take less time than that.
  init<A: Architecture>(of _: A.Type) {
    let count = A.RelocationKind.allCases.reduce(0) { max($0, Int($1.rawValue) + 1) }
    var rules = [Rule?](repeating: nil, count: count)
    for relocation in A.RelocationKind.allCases { rules[Int(relocation.rawValue)] = A.rule(for: relocation) }
    self.rules = rules
    rows = rules.map { rule in
      guard let rule else {
        return Row(shape: .unknown, need: .nothing, byteCount: 0, lowest: 0, highest: 0)
      }
      return Row(
        shape: Self.shape(
          of: rule, isPlain: !A.hasLocalEntries || rule.field.byteCount > 2 && rule.value != .branch),
        isExamined: A.hasLocalEntries && rule.value.synthesizes == .stubIfFar && rule.field.byteCount != 8
          || rule.value.threadLocalModel != nil,
        need: rule.value.synthesizes, byteCount: UInt8(rule.field.byteCount),
        lowest: rule.field.range.lowerBound, highest: rule.field.range.upperBound)
    }
  }

  /// - Parameter isPlain: whether neither instructions nor callees have a say in what is written.
  private static func shape(of rule: Rule, isPlain: Bool) -> Shape {
    guard rule.rewriting == .never,
      rule.field == Field(wholeBytes: rule.field.byteCount, range: rule.field.range)
    else {
      return .other
    }
    switch rule.value {
    case .none: return .nothing
    case .absolute: return isPlain ? .absolute : .other
    case .pcRelative: return isPlain ? .pcRelative : .other
    // Wider fields could hold what a route still sends through a stub.
    case .branch: return isPlain && rule.field.byteCount <= 4 ? .pcRelative : .other
    default: return .other
    }
  }

  /// The row of a relocation type; of an unknown shape for numbers that the psABI does not use.
  @inline(__always)
  subscript(type: UInt32) -> Row {
    let type = Int(type)
    guard type < rows.count else {
      return Row(shape: .unknown, need: .nothing, byteCount: 0, lowest: 0, highest: 0)
    }
    return rows[type]
  }

  /// The whole rule of a relocation type, if there is one.
  func rule(_ type: UInt32) -> Rule? { Int(type) < rules.count ? rules[Int(type)] : nil }
}
