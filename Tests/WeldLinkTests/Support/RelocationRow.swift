import Testing
import WeldELF

/// A row of psABI 1.0, table 4.10, "Relocation Types", with the ranges that `ld` and `ld.lld` check; written
/// from those, and not from Weld's table.
struct RelocationRow: Sendable, CustomTestStringConvertible {
  let type: X86_64Relocation
  let formula: Formula
  /// Bytes of the field.
  let byteCount: Int
  /// The values that fit; `nil` if all 64 bits of a value are kept.
  let range: ClosedRange<Int64>?

  var testDescription: String { type.name }

  /// In the letters of the psABI, sums of unsigned 64-bit numbers that wrap.
  enum Formula: Equatable, Sendable {
    case none
    case SA, SAP, LAP, GA, GGOTAP, GOTAP, SAGOT, LAGOT, ZA
    case threadLocal(String)
    case dynamicOnly
  }

  init(
    _ type: X86_64Relocation, _ formula: Formula, byteCount: Int = 0, _ range: ClosedRange<Int64>? = nil
  ) {
    self.type = type
    self.formula = formula
    self.byteCount = byteCount
    self.range = range
  }

  /// What the formulas are computed from; L is S where everything is near.
  struct Letters {
    var S: UInt64 = 0
    var A: UInt64 = 0
    var P: UInt64 = 0
    var G: UInt64 = 0
    var GOT: UInt64 = 0
    var Z: UInt64 = 0
  }

  /// The value of the formula.
  func value(_ of: Letters) -> UInt64 {
    switch formula {
    case .SA: of.S &+ of.A
    case .SAP, .LAP: of.S &+ of.A &- of.P
    case .GA: of.G &+ of.A
    case .GGOTAP: of.G &+ of.GOT &+ of.A &- of.P
    case .GOTAP: of.GOT &+ of.A &- of.P
    case .SAGOT, .LAGOT: of.S &+ of.A &- of.GOT
    case .ZA: of.Z &+ of.A
    case .none, .threadLocal, .dynamicOnly: 0
    }
  }

  /// Whether a GOT slot is read.
  var usesSlot: Bool { formula == .GA || formula == .GGOTAP }
  /// Whether the field holds a value of the formula.
  var isStored: Bool { byteCount > 0 }
}

extension RelocationRow {
  private static let signed8: ClosedRange<Int64> = -0x80...0x7f
  private static let either8: ClosedRange<Int64> = -0x80...0xff
  private static let signed16: ClosedRange<Int64> = -0x8000...0x7fff
  private static let either16: ClosedRange<Int64> = -0x8000...0xffff
  private static let signed32: ClosedRange<Int64> = -0x8000_0000...0x7fff_ffff
  private static let unsigned32: ClosedRange<Int64> = 0...0xffff_ffff

  static let all: [RelocationRow] = [
    RelocationRow(.R_X86_64_NONE, .none),
    RelocationRow(.R_X86_64_64, .SA, byteCount: 8),
    RelocationRow(.R_X86_64_PC32, .SAP, byteCount: 4, signed32),
    RelocationRow(.R_X86_64_GOT32, .GA, byteCount: 4, signed32),
    RelocationRow(.R_X86_64_PLT32, .LAP, byteCount: 4, signed32),
    RelocationRow(.R_X86_64_COPY, .dynamicOnly),
    RelocationRow(.R_X86_64_GLOB_DAT, .dynamicOnly),
    RelocationRow(.R_X86_64_JUMP_SLOT, .dynamicOnly),
    RelocationRow(.R_X86_64_RELATIVE, .dynamicOnly),
    RelocationRow(.R_X86_64_GOTPCREL, .GGOTAP, byteCount: 4, signed32),
    RelocationRow(.R_X86_64_32, .SA, byteCount: 4, unsigned32),
    RelocationRow(.R_X86_64_32S, .SA, byteCount: 4, signed32),
    RelocationRow(.R_X86_64_16, .SA, byteCount: 2, either16),
    RelocationRow(.R_X86_64_PC16, .SAP, byteCount: 2, signed16),
    RelocationRow(.R_X86_64_8, .SA, byteCount: 1, either8),
    RelocationRow(.R_X86_64_PC8, .SAP, byteCount: 1, signed8),
    RelocationRow(.R_X86_64_DTPMOD64, .dynamicOnly),
    RelocationRow(.R_X86_64_DTPOFF64, .threadLocal("local dynamic")),
    RelocationRow(.R_X86_64_TPOFF64, .threadLocal("local exec")),
    RelocationRow(.R_X86_64_TLSGD, .threadLocal("general dynamic")),
    RelocationRow(.R_X86_64_TLSLD, .threadLocal("local dynamic")),
    RelocationRow(.R_X86_64_DTPOFF32, .threadLocal("local dynamic")),
    RelocationRow(.R_X86_64_GOTTPOFF, .threadLocal("initial exec")),
    RelocationRow(.R_X86_64_TPOFF32, .threadLocal("local exec")),
    RelocationRow(.R_X86_64_PC64, .SAP, byteCount: 8),
    RelocationRow(.R_X86_64_GOTOFF64, .SAGOT, byteCount: 8),
    RelocationRow(.R_X86_64_GOTPC32, .GOTAP, byteCount: 4, signed32),
    RelocationRow(.R_X86_64_GOT64, .GA, byteCount: 8),
    RelocationRow(.R_X86_64_GOTPCREL64, .GGOTAP, byteCount: 8),
    RelocationRow(.R_X86_64_GOTPC64, .GOTAP, byteCount: 8),
    RelocationRow(.R_X86_64_GOTPLT64, .GA, byteCount: 8),
    RelocationRow(.R_X86_64_PLTOFF64, .LAGOT, byteCount: 8),
    RelocationRow(.R_X86_64_SIZE32, .ZA, byteCount: 4, unsigned32),
    RelocationRow(.R_X86_64_SIZE64, .ZA, byteCount: 8),
    RelocationRow(.R_X86_64_GOTPC32_TLSDESC, .threadLocal("TLS descriptor")),
    RelocationRow(.R_X86_64_TLSDESC_CALL, .threadLocal("TLS descriptor")),
    RelocationRow(.R_X86_64_TLSDESC, .dynamicOnly),
    RelocationRow(.R_X86_64_IRELATIVE, .dynamicOnly),
    RelocationRow(.R_X86_64_RELATIVE64, .dynamicOnly),
    RelocationRow(.R_X86_64_PC32_BND, .SAP, byteCount: 4, signed32),
    RelocationRow(.R_X86_64_PLT32_BND, .LAP, byteCount: 4, signed32),
    RelocationRow(.R_X86_64_GOTPCRELX, .GGOTAP, byteCount: 4, signed32),
    RelocationRow(.R_X86_64_REX_GOTPCRELX, .GGOTAP, byteCount: 4, signed32),
    RelocationRow(.R_X86_64_CODE_4_GOTPCRELX, .GGOTAP, byteCount: 4, signed32),
    RelocationRow(.R_X86_64_CODE_4_GOTTPOFF, .threadLocal("initial exec")),
    RelocationRow(.R_X86_64_CODE_4_GOTPC32_TLSDESC, .threadLocal("TLS descriptor")),
    RelocationRow(.R_X86_64_CODE_5_GOTPCRELX, .GGOTAP, byteCount: 4, signed32),
    RelocationRow(.R_X86_64_CODE_5_GOTTPOFF, .threadLocal("initial exec")),
    RelocationRow(.R_X86_64_CODE_5_GOTPC32_TLSDESC, .threadLocal("TLS descriptor")),
    RelocationRow(.R_X86_64_CODE_6_GOTPCRELX, .GGOTAP, byteCount: 4, signed32),
    RelocationRow(.R_X86_64_CODE_6_GOTTPOFF, .threadLocal("initial exec")),
    RelocationRow(.R_X86_64_CODE_6_GOTPC32_TLSDESC, .threadLocal("TLS descriptor")),
    RelocationRow(.R_X86_64_GNU_VTINHERIT, .none),
    RelocationRow(.R_X86_64_GNU_VTENTRY, .none),
  ]

  /// Those that write something.
  static let stored = all.filter(\.isStored)
  /// Those whose field cannot hold every value.
  static let limited = all.filter { $0.range != nil }
}
