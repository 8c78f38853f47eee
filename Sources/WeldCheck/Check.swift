/// A statement about linked memory: that two expressions have the same value.
///
/// ```
/// check    = expr "=" expr
/// expr     = simple { op simple }           op: + - & | << >>, left to right, no precedence
/// simple   = ( "(" expr ")" | load | call | symbol | number ) [ "[" high ":" low "]" ]
/// load     = "*{" size "}" expr             size 1, 2, 4 or 8; target byte order
/// call     = decode_operand(symbol [+ number], index)      a number among the operands of the instruction
///          | next_pc(symbol [+ number])                    where the instruction ends
///          | stub_addr(FILE[/SECTION], symbol [, kind])    the stub that the file (section) uses
///          | got_addr(FILE[/SECTION], symbol [, kind])     the GOT slot that the file uses
///          | section_addr(FILE, SECTION)
/// ```
///
/// - Arithmetic is unsigned, has 64 bits and wraps. Shifting by 64 or more gives 0.
/// - Numbers are decimal, `0x` hexadecimal, or octal with a leading 0. There is no unary minus.
/// - Symbol characters are `0-9A-Za-z:_.$`, not a digit first. Local symbols count; a global one of the same
///   name wins.
/// - The first `=` of the text separates the expressions. A FILE is read up to the comma, a SECTION up to the
///   parenthesis. A FILE is an object's base name, for a member of an archive the member's name.
/// - A load takes the whole rest of the expression as its address: `*{1}f+1` reads at `f+1`. `(*{4}f) + 1`
///   adds after the load. A slice right behind the address slices the address; `(*{4}f)[15:0]` slices the
///   value.
/// - Inside a load names stand for a place in their section, so that a section without an address of its own
///   (`.debug_*`), or with the same as another, is read right. A number there is an address in a section that
///   is loaded. Zero-fill memory reads as 0.
/// - A `kind` need only be a part of the stub's or slot's kind (``LinkMap/Stub/kind``, ``SlotKind``). Without
///   it `got_addr` prefers the slot that holds the symbol's address without an addend.
///
/// It is the language of LLVM's `llvm-jitlink -check`, with blanks allowed everywhere.
public struct Check: Hashable, Sendable {
  /// The file that the check comes from.
  public var file: String
  /// The line on which it begins, from 1.
  public var line: Int
  /// The two expressions and the `=` between them.
  public var text: String

  /// The check `text` on `line` of `file`.
  public init(_ text: String, file: String, line: Int) {
    self.file = file
    self.line = line
    self.text = text
  }
}

/// What a check said about a link.
public struct CheckResult: Equatable, Sendable {
  /// The check.
  public var check: Check
  /// What came out.
  public var outcome: Outcome

  /// The result `outcome` of `check`.
  public init(_ check: Check, _ outcome: Outcome) {
    self.check = check
    self.outcome = outcome
  }

  /// What can come out of a check.
  public enum Outcome: Equatable, Sendable {
    /// Both sides have this value.
    case holds(UInt64)
    /// The sides differ.
    case isFalse(left: UInt64, right: UInt64)
    /// At least one side has no value.
    case hasNoValue(CheckError)
  }

  /// Whether both sides have the same value.
  public var holds: Bool {
    if case .holds = outcome { true } else { false }
  }
}

extension CheckResult: CustomStringConvertible {
  /// One line: `FILE:LINE: false: EXPR: 0x1ff9 != 0x2001`.
  public var description: String {
    let text = "\(check.file):\(check.line): "
    return switch outcome {
    case .holds(let value): "\(text)true: \(check.text): \(hexadecimal(value))"
    case .isFalse(let left, let right):
      "\(text)false: \(check.text): \(hexadecimal(left)) != \(hexadecimal(right))"
    case .hasNoValue(let error): "\(text)cannot be evaluated: \(check.text): \(error)"
    }
  }
}

private func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
