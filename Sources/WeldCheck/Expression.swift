/// An expression, as it is written: terms with operators between them, all of the same precedence.
struct Expression {
  /// At least one.
  var terms: [Term]
  /// One less than there are terms.
  var operators: [Operator]

  /// What can stand between two terms.
  enum Operator: String, CaseIterable {
    case add = "+"
    case subtract = "-"
    case and = "&"
    case or = "|"
    case shiftLeft = "<<"
    case shiftRight = ">>"
  }

  /// A part of an expression with a value of its own.
  struct Term {
    /// Where it begins: bytes of the check's text, from 1.
    var column: Int
    var kind: Kind
    /// The bits of the value that are wanted.
    var slice: Slice?
  }

  enum Kind {
    case number(UInt64)
    case name(Name)
    case group(Expression)
    /// The bytes at an address.
    case load(byteCount: Int, at: Expression)
    case operand(Int, of: CodePlace)
    case nextInstruction(CodePlace)
  }

  /// What the map gives an address.
  enum Name {
    case symbol(String)
    case section(file: String, name: String)
    /// `container` is a file or `FILE/SECTION`.
    case slot(container: String, symbol: String, kind: String?)
    case stub(container: String, symbol: String, kind: String?)
  }

  /// Where an instruction begins.
  struct CodePlace {
    var symbol: String
    /// Bytes from the symbol.
    var offset: UInt64
    /// Where the symbol is written: bytes of the check's text, from 1.
    var column: Int
  }

  /// The bits from `low` to `high`, both included; in 0...63.
  struct Slice {
    var high: UInt64
    var low: UInt64

    func callAsFunction(_ value: UInt64) -> UInt64 {
      // Shifting the upper bits out keeps all of them in [63:0], where a mask of 64 bits would overflow.
      (value << (63 - high)) >> (63 - high + low)
    }
  }

  /// Calls `body` with every instruction that the expression asks about.
  func forEachInstruction(_ body: (CodePlace) -> Void) {
    for term in terms {
      switch term.kind {
      case .operand(_, let place), .nextInstruction(let place): body(place)
      case .group(let inner), .load(_, let inner): inner.forEachInstruction(body)
      case .number, .name: break
      }
    }
  }
}

extension Expression.Operator {
  func callAsFunction(_ left: UInt64, _ right: UInt64) -> UInt64 {
    switch self {
    case .add: left &+ right
    case .subtract: left &- right
    case .and: left & right
    case .or: left | right
    // Swift's shifts give 0 for counts of 64 and more.
    case .shiftLeft: left << right
    case .shiftRight: left >> right
    }
  }
}
