internal import WeldBytes
internal import WeldLink

/// Values that a program computes in two instructions of 16 bits each, put together again.
struct Halves {
  private var values: [Key: Value] = [:]

  private struct Key: Hashable {
    var symbol: String
    var addend: Int64
    var value: String
  }

  /// The high and the low halves that all places of a section have for one symbol.
  private struct Value {
    var high: Set<Int64> = []
    var low: Set<Int64> = []
    /// Whether there is no instruction for the high half, as it is 0.
    var omitsHigh = false
  }

  private static func key(_ relocation: LinkMap.Relocation, _ rule: Rule) -> Key {
    Key(symbol: relocation.symbol, addend: relocation.addend, value: "\(rule.value)")
  }

  /// Notes the half at a relocation whose rule asks for one.
  ///
  /// - Parameter isNothing: whether the instruction is gone, as its half is 0.
  mutating func note(_ relocation: LinkMap.Relocation, _ rule: Rule, _ half: Int64, isNothing: Bool) {
    switch rule.part {
    case .ha:
      values[Self.key(relocation, rule), default: Value()].high.insert(half)
      if isNothing { values[Self.key(relocation, rule)]?.omitsHigh = true }
    case .lo: values[Self.key(relocation, rule), default: Value()].low.insert(half)
    default: break
    }
  }

  /// Whether the high half of the value is 0, and no instruction adds it.
  func omitsHigh(_ relocation: LinkMap.Relocation, _ rule: Rule) -> Bool {
    values[Self.key(relocation, rule)]?.omitsHigh ?? false
  }

  /// What both halves together are; `nil` if not all places agree.
  func whole(_ relocation: LinkMap.Relocation, _ rule: Rule) -> Int64? {
    guard let value = values[Self.key(relocation, rule)], value.high.count == 1, value.low.count == 1,
      let high = value.high.first, let low = value.low.first
    else { return nil }
    return high &+ low
  }
}
