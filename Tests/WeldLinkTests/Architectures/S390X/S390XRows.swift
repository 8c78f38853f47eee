import WeldELF

/// The s390x ELF ABI 1.6, "Relocation Types", with the ranges that `ld.lld` checks.
enum S390XRows {
  /// A field, in the bits of a big-endian container.
  enum Shape {
    case bytes(Int)
    /// The displacement of a base and index address.
    case low12
    /// A long displacement: its lower 12 bits before its upper 8.
    case mid20
    /// Half the value, in that many bits.
    case halfwords12, halfwords16, halfwords24, halfwords32

    /// Bytes of the container, the bits of the field, what the value is a multiple of.
    var facts: (byteCount: Int, mask: UInt64, alignment: Int64) {
      switch self {
      case .bytes(let count): (count, count == 8 ? .max : 1 << UInt64(count * 8) - 1, 1)
      case .low12: (2, 0x0fff, 1)
      case .mid20: (4, 0x0fff_ff00, 1)
      case .halfwords12: (2, 0x0fff, 2)
      case .halfwords16: (2, 0xffff, 2)
      case .halfwords24: (3, 0xff_ffff, 2)
      case .halfwords32: (4, 0xffff_ffff, 2)
      }
    }

    /// What stands in the field's bits.
    func bits(_ value: Int64) -> UInt64 {
      switch self {
      case .bytes, .low12: UInt64(bitPattern: value)
      case .mid20: UInt64(bitPattern: value & 0xfff) << 16 | UInt64(bitPattern: value >> 12 & 0xff) << 8
      case .halfwords12, .halfwords16, .halfwords24, .halfwords32: UInt64(bitPattern: value / 2)
      }
    }
  }

  private static func row(
    _ type: S390XRelocation, _ formula: FieldRow.Formula, _ shape: Shape? = nil,
    _ range: ClosedRange<Int64>? = nil
  ) -> FieldRow {
    let facts = shape?.facts ?? (byteCount: 0, mask: 0, alignment: 1)
    return FieldRow(
      machine: .s390x, name: type.name, number: type.rawValue, formula: formula,
      byteCount: facts.byteCount, mask: facts.mask, alignment: facts.alignment, range: range,
      bits: { shape?.bits($0) ?? 0 })
  }

  private static let either8: ClosedRange<Int64> = -0x80...0xff
  private static let unsigned12: ClosedRange<Int64> = 0...0xfff
  private static let signed16: ClosedRange<Int64> = -0x8000...0x7fff
  private static let either16: ClosedRange<Int64> = -0x8000...0xffff
  private static let signed20: ClosedRange<Int64> = -0x8_0000...0x7_ffff
  private static let signed32: ClosedRange<Int64> = -0x8000_0000...0x7fff_ffff
  private static let either32: ClosedRange<Int64> = -0x8000_0000...0xffff_ffff
  // Even numbers, whose halves have a bit less.
  private static let signed13: ClosedRange<Int64> = -0x1000...0xffe
  private static let signed17: ClosedRange<Int64> = -0x1_0000...0xfffe
  private static let signed25: ClosedRange<Int64> = -0x100_0000...0xff_fffe
  private static let signed33: ClosedRange<Int64> = -0x1_0000_0000...0xffff_fffe

  static let all: [FieldRow] = [
    row(.R_390_NONE, .none),
    row(.R_390_8, .SA, .bytes(1), either8),
    row(.R_390_12, .SA, .low12, unsigned12),
    row(.R_390_16, .SA, .bytes(2), either16),
    row(.R_390_32, .SA, .bytes(4), either32),
    row(.R_390_PC32, .SAP, .bytes(4), signed32),
    row(.R_390_GOT12, .slot(.address, .GOT), .low12, unsigned12),
    row(.R_390_GOT32, .slot(.address, .GOT), .bytes(4), either32),
    row(.R_390_PLT32, .LAP, .bytes(4), signed32),
    row(.R_390_COPY, .dynamicOnly),
    row(.R_390_GLOB_DAT, .dynamicOnly),
    row(.R_390_JMP_SLOT, .dynamicOnly),
    row(.R_390_RELATIVE, .dynamicOnly),
    row(.R_390_GOTOFF32, .SAGOT, .bytes(4), either32),
    row(.R_390_GOTPC, .GOTAP, .bytes(8)),
    row(.R_390_GOT16, .slot(.address, .GOT), .bytes(2), either16),
    row(.R_390_PC16, .SAP, .bytes(2), signed16),
    row(.R_390_PC16DBL, .SAP, .halfwords16, signed17),
    row(.R_390_PLT16DBL, .LAP, .halfwords16, signed17),
    row(.R_390_PC32DBL, .SAP, .halfwords32, signed33),
    row(.R_390_PLT32DBL, .LAP, .halfwords32, signed33),
    row(.R_390_GOTPCDBL, .GOTAP, .halfwords32, signed33),
    row(.R_390_64, .SA, .bytes(8)),
    row(.R_390_PC64, .SAP, .bytes(8)),
    row(.R_390_GOT64, .slot(.address, .GOT), .bytes(8)),
    row(.R_390_PLT64, .LAP, .bytes(8)),
    row(.R_390_GOTENT, .slot(.address, .P), .halfwords32, signed33),
    row(.R_390_GOTOFF16, .SAGOT, .bytes(2), signed16),
    row(.R_390_GOTOFF64, .SAGOT, .bytes(8)),
    row(.R_390_GOTPLT12, .slot(.address, .GOT), .low12, unsigned12),
    row(.R_390_GOTPLT16, .slot(.address, .GOT), .bytes(2), either16),
    row(.R_390_GOTPLT32, .slot(.address, .GOT), .bytes(4), either32),
    row(.R_390_GOTPLT64, .slot(.address, .GOT), .bytes(8)),
    row(.R_390_GOTPLTENT, .slot(.address, .P), .halfwords32, signed33),
    row(.R_390_PLTOFF16, .LAGOT, .bytes(2), signed16),
    row(.R_390_PLTOFF32, .LAGOT, .bytes(4), either32),
    row(.R_390_PLTOFF64, .LAGOT, .bytes(8)),
    row(.R_390_TLS_LOAD, .none),
    row(.R_390_TLS_GDCALL, .none),
    row(.R_390_TLS_LDCALL, .none),
    row(.R_390_TLS_GD32, .slot(.moduleAndOffset, .GOT), .bytes(4), either32),
    row(.R_390_TLS_GD64, .slot(.moduleAndOffset, .GOT), .bytes(8)),
    row(.R_390_TLS_GOTIE12, .slot(.threadPointerOffset, .GOT), .low12, unsigned12),
    row(.R_390_TLS_GOTIE32, .slot(.threadPointerOffset, .GOT), .bytes(4), either32),
    row(.R_390_TLS_GOTIE64, .slot(.threadPointerOffset, .GOT), .bytes(8)),
    row(.R_390_TLS_LDM32, .slot(.module, .GOT), .bytes(4), either32),
    row(.R_390_TLS_LDM64, .slot(.module, .GOT), .bytes(8)),
    row(.R_390_TLS_IE32, .slot(.threadPointerOffset, .zero), .bytes(4), either32),
    row(.R_390_TLS_IE64, .slot(.threadPointerOffset, .zero), .bytes(8)),
    row(.R_390_TLS_IEENT, .slot(.threadPointerOffset, .P), .halfwords32, signed33),
    row(.R_390_TLS_LE32, .SATP, .bytes(4), either32),
    row(.R_390_TLS_LE64, .SATP, .bytes(8)),
    row(.R_390_TLS_LDO32, .SADTP, .bytes(4), either32),
    row(.R_390_TLS_LDO64, .SADTP, .bytes(8)),
    row(.R_390_TLS_DTPMOD, .dynamicOnly),
    row(.R_390_TLS_DTPOFF, .dynamicOnly),
    row(.R_390_TLS_TPOFF, .dynamicOnly),
    row(.R_390_20, .SA, .mid20, signed20),
    row(.R_390_GOT20, .slot(.address, .GOT), .mid20, signed20),
    row(.R_390_GOTPLT20, .slot(.address, .GOT), .mid20, signed20),
    row(.R_390_TLS_GOTIE20, .slot(.threadPointerOffset, .GOT), .mid20, signed20),
    row(.R_390_IRELATIVE, .dynamicOnly),
    row(.R_390_PC12DBL, .SAP, .halfwords12, signed13),
    row(.R_390_PLT12DBL, .LAP, .halfwords12, signed13),
    row(.R_390_PC24DBL, .SAP, .halfwords24, signed25),
    row(.R_390_PLT24DBL, .LAP, .halfwords24, signed25),
    row(.R_390_GNU_VTINHERIT, .none),
    row(.R_390_GNU_VTENTRY, .none),
  ]

  /// Those that write something.
  static let stored = all.filter(\.isStored)
}
