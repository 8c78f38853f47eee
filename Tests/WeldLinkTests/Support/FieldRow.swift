import Testing
import WeldLink

/// A row of a psABI's table of relocation types: written from the psABI and from what GNU ld and lld check,
/// and not from Weld's table.
struct FieldRow: Sendable, CustomTestStringConvertible {
  let machine: CrossMachine
  /// The psABI's name and number of the type.
  let name: String
  let number: UInt32
  let formula: Formula
  /// Bytes of the container that the field is in; 0 where nothing is written.
  let byteCount: Int
  /// The bits of the container that are replaced.
  let mask: UInt64
  /// What the value must be a multiple of.
  let alignment: Int64
  /// The values that fit; `nil` if all do.
  let range: ClosedRange<Int64>?
  /// What stands in the bits of `mask` for a value.
  let bits: @Sendable (Int64) -> UInt64

  var testDescription: String { name }

  /// In the letters of the psABIs; GOT is `.TOC.` on ppc64le.
  enum Formula: Equatable, Sendable {
    case none, dynamicOnly, deprecated
    case SA, SAP, LAP, SAGOT, LAGOT, GOT, GOTAP
    /// The local entry point, plus A.
    case localA
    /// The address of a slot, counted from 0, P or GOT. On s390x A is added to it.
    case slot(SlotKind, Origin)
    case SATP, SADTP
    case moduleNumber
  }

  enum Origin: Sendable { case zero, P, GOT }

  /// How errors call the way to a thread-local variable; `nil` for types that have nothing to do with those.
  var model: String? {
    switch formula {
    case .SATP: "local exec"
    case .SADTP, .slot(.module, _), .slot(.moduleOffset, _): "local dynamic"
    case .slot(.threadPointerOffset, _): "initial exec"
    case .moduleNumber, .slot(.moduleAndOffset, _): "general dynamic"
    default: nil
    }
  }

  /// Whether the field holds a value of the formula.
  var isStored: Bool { byteCount > 0 }
  /// Whether that value can be chosen.
  var isFree: Bool { isStored && formula != .moduleNumber }

  /// `old` with the field replaced by `value`.
  func container(_ value: Int64, in old: UInt64) -> UInt64 { old & ~mask | bits(value) & mask }

  /// Values to try: both ends, what lies next to them, and carries between the parts of a value.
  var values: [Int64] {
    let carries: [Int64] = [
      0, 1, -1, 0x7fff, 0x8000, -0x8000, -0x8001, 0x1234_7ff0, 0x1234_8010, -0x1234_7ff0, 0x7fff_7fff,
      0x1234_5678_9abc_def0, -0x1234_5678_9abc_def0, 0x0123_ffff_ffff_8000, 0x1_ffff_ffff, 0x2_0000_0000,
      0x2_0000_8000, 0x7fff_ffff_ffff_7fff, .min, .max,
    ]
    let range = range ?? .min ... .max
    let ends = [
      range.lowerBound, range.lowerBound &+ alignment, range.upperBound, range.upperBound &- alignment,
    ]
    return (ends + carries).map { $0 & ~(alignment - 1) }.filter(range.contains)
  }
}
