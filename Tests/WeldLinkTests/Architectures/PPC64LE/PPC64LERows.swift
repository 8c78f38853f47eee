import WeldELF

/// The Power ELFv2 ABI 1.5, section 3.5.3, "Relocation Types Table".
enum PPC64LERows {
  /// The part of a value that a field holds, in the words of section 3.5.1.
  enum Part {
    case whole, lo, hi, ha, high, higha, higher, highera, highest, highesta
    case lo34, hi30, ha30, higher34, highera34, highest34, highesta34

    /// The part of `value`, with further bits above it.
    func of(_ value: Int64) -> UInt64 {
      // In 128 bits, so that what is added cannot overflow.
      let value = Int128(value)
      let shifted =
        switch self {
        case .whole, .lo, .lo34: value
        case .hi, .high: value >> 16
        case .ha, .higha: (value + 0x8000) >> 16
        case .higher: value >> 32
        case .highera: (value + 0x8000) >> 32
        case .highest: value >> 48
        case .highesta: (value + 0x8000) >> 48
        // Of 64 bits there are only 30 and 14 left, as GNU ld has it.
        case .hi30, .higher34: value >> 34 & 0x3fff_ffff
        case .ha30, .highera34: (value + 0x2_0000_0000) >> 34 & 0x3fff_ffff
        case .highest34: value >> 50 & 0x3fff
        case .highesta34: (value + 0x2_0000_0000) >> 50 & 0x3fff
        }
      return UInt64(truncatingIfNeeded: shifted)
    }
  }

  /// A field of section 3.5.1, in the bits of a little-endian container.
  enum Shape {
    case bytes(Int)
    /// 16 bits, all of them or without those that belong to the opcode.
    case half(Part)
    case ds(Part)
    /// The displacements of `b` and `bc`.
    case low24, low14
    /// A prefixed instruction, whose prefix comes first.
    case prefix34(Part)
    case prefix28
    /// `addpcis`
    case dx(Part)

    /// Bytes of the container, the bits of the field, what the value is a multiple of.
    var facts: (byteCount: Int, mask: UInt64, alignment: Int64) {
      switch self {
      case .bytes(let count): (count, count == 8 ? .max : 0xffff_ffff, 1)
      case .half: (2, 0xffff, 1)
      case .ds: (4, 0xfffc, 4)
      case .low24: (4, 0x03ff_fffc, 4)
      case .low14: (4, 0xfffc, 4)
      case .prefix34: (8, 0xffff_0003_ffff, 1)
      case .prefix28: (8, 0xffff_0000_0fff, 1)
      case .dx: (4, 0x001f_ffc1, 1)
      }
    }

    /// What stands in the field's bits.
    func bits(_ value: Int64) -> UInt64 {
      switch self {
      case .bytes, .low24, .low14: return UInt64(bitPattern: value)
      case .half(let part), .ds(let part): return part.of(value)
      case .prefix34(let part):
        let value = part.of(value)
        return value << 32 & 0xffff_0000_0000 | value >> 16 & 0x3_ffff
      case .prefix28:
        let value = UInt64(bitPattern: value)
        return value << 32 & 0xffff_0000_0000 | value >> 16 & 0xfff
      case .dx(let part):
        let value = part.of(value)
        // d0, d1 and d2 of `addpcis`: ten bits, five and one.
        return value & 0xffc0 | (value >> 1 & 0x1f) << 16 | value & 1
      }
    }
  }

  private static func row(
    _ type: PPC64Relocation, _ formula: FieldRow.Formula, _ shape: Shape? = nil,
    _ range: ClosedRange<Int64>? = nil
  ) -> FieldRow {
    let facts = shape?.facts ?? (byteCount: 0, mask: 0, alignment: 1)
    return FieldRow(
      machine: .ppc64le, name: type.name, number: type.rawValue, formula: formula,
      byteCount: facts.byteCount, mask: facts.mask, alignment: facts.alignment, range: range,
      bits: { shape?.bits($0) ?? 0 })
  }

  private static let signed16: ClosedRange<Int64> = -0x8000...0x7fff
  private static let either16: ClosedRange<Int64> = -0x8000...0xffff
  private static let signed32: ClosedRange<Int64> = -0x8000_0000...0x7fff_ffff
  private static let either32: ClosedRange<Int64> = -0x8000_0000...0xffff_ffff
  private static let signed34: ClosedRange<Int64> = -0x2_0000_0000...0x1_ffff_ffff
  /// What has 32 bits, with sign, once 0x8000 is added to it.
  private static let adjusted32: ClosedRange<Int64> = -0x8000_8000...0x7fff_7fff

  static let all: [FieldRow] = [
    row(.R_PPC64_NONE, .none),
    row(.R_PPC64_ADDR32, .SA, .bytes(4), either32),
    row(.R_PPC64_ADDR24, .SA, .low24, -0x200_0000...0x1ff_fffc),
    row(.R_PPC64_ADDR16, .SA, .half(.whole), signed16),
    row(.R_PPC64_ADDR16_LO, .SA, .half(.lo)),
    row(.R_PPC64_ADDR16_HI, .SA, .half(.hi), signed32),
    row(.R_PPC64_ADDR16_HA, .SA, .half(.ha), adjusted32),
    row(.R_PPC64_ADDR14, .SA, .low14, -0x8000...0x7ffc),
    row(.R_PPC64_ADDR14_BRTAKEN, .deprecated),
    row(.R_PPC64_ADDR14_BRNTAKEN, .deprecated),
    row(.R_PPC64_REL24, .LAP, .low24, -0x200_0000...0x1ff_fffc),
    row(.R_PPC64_REL14, .LAP, .low14, -0x8000...0x7ffc),
    row(.R_PPC64_REL14_BRTAKEN, .deprecated),
    row(.R_PPC64_REL14_BRNTAKEN, .deprecated),
    row(.R_PPC64_GOT16, .slot(.address, .GOT), .half(.whole), signed16),
    row(.R_PPC64_GOT16_LO, .slot(.address, .GOT), .half(.lo)),
    row(.R_PPC64_GOT16_HI, .slot(.address, .GOT), .half(.hi), signed32),
    row(.R_PPC64_GOT16_HA, .slot(.address, .GOT), .half(.ha), adjusted32),
    row(.R_PPC64_COPY, .dynamicOnly),
    row(.R_PPC64_GLOB_DAT, .dynamicOnly),
    row(.R_PPC64_JMP_SLOT, .dynamicOnly),
    row(.R_PPC64_RELATIVE, .dynamicOnly),
    row(.R_PPC64_UADDR32, .SA, .bytes(4), either32),
    row(.R_PPC64_UADDR16, .SA, .half(.whole), either16),
    row(.R_PPC64_REL32, .SAP, .bytes(4), signed32),
    row(.R_PPC64_PLT32, .slot(.address, .zero), .bytes(4), either32),
    row(.R_PPC64_PLTREL32, .slot(.address, .P), .bytes(4), signed32),
    row(.R_PPC64_PLT16_LO, .slot(.address, .GOT), .half(.lo)),
    row(.R_PPC64_PLT16_HI, .slot(.address, .GOT), .half(.hi), signed32),
    row(.R_PPC64_PLT16_HA, .slot(.address, .GOT), .half(.ha), adjusted32),
    row(.R_PPC64_SECTOFF, .deprecated),
    row(.R_PPC64_SECTOFF_LO, .deprecated),
    row(.R_PPC64_SECTOFF_HI, .deprecated),
    row(.R_PPC64_SECTOFF_HA, .deprecated),
    row(.R_PPC64_REL30, .deprecated),
    row(.R_PPC64_ADDR64, .SA, .bytes(8)),
    row(.R_PPC64_ADDR16_HIGHER, .SA, .half(.higher)),
    row(.R_PPC64_ADDR16_HIGHERA, .SA, .half(.highera)),
    row(.R_PPC64_ADDR16_HIGHEST, .SA, .half(.highest)),
    row(.R_PPC64_ADDR16_HIGHESTA, .SA, .half(.highesta)),
    row(.R_PPC64_UADDR64, .SA, .bytes(8)),
    row(.R_PPC64_REL64, .SAP, .bytes(8)),
    row(.R_PPC64_PLT64, .slot(.address, .zero), .bytes(8)),
    row(.R_PPC64_PLTREL64, .slot(.address, .P), .bytes(8)),
    row(.R_PPC64_TOC16, .SAGOT, .half(.whole), signed16),
    row(.R_PPC64_TOC16_LO, .SAGOT, .half(.lo)),
    row(.R_PPC64_TOC16_HI, .SAGOT, .half(.hi), signed32),
    row(.R_PPC64_TOC16_HA, .SAGOT, .half(.ha), adjusted32),
    row(.R_PPC64_TOC, .GOT, .bytes(8)),
    row(.R_PPC64_PLTGOT16, .deprecated),
    row(.R_PPC64_PLTGOT16_LO, .deprecated),
    row(.R_PPC64_PLTGOT16_HI, .deprecated),
    row(.R_PPC64_PLTGOT16_HA, .deprecated),
    row(.R_PPC64_ADDR16_DS, .SA, .ds(.whole), -0x8000...0x7ffc),
    row(.R_PPC64_ADDR16_LO_DS, .SA, .ds(.lo)),
    row(.R_PPC64_GOT16_DS, .slot(.address, .GOT), .ds(.whole), -0x8000...0x7ffc),
    row(.R_PPC64_GOT16_LO_DS, .slot(.address, .GOT), .ds(.lo)),
    row(.R_PPC64_PLT16_LO_DS, .slot(.address, .GOT), .ds(.lo)),
    row(.R_PPC64_SECTOFF_DS, .deprecated),
    row(.R_PPC64_SECTOFF_LO_DS, .deprecated),
    row(.R_PPC64_TOC16_DS, .SAGOT, .ds(.whole), -0x8000...0x7ffc),
    row(.R_PPC64_TOC16_LO_DS, .SAGOT, .ds(.lo)),
    row(.R_PPC64_PLTGOT16_DS, .deprecated),
    row(.R_PPC64_PLTGOT16_LO_DS, .deprecated),
    row(.R_PPC64_TLS, .none),
    row(.R_PPC64_DTPMOD64, .moduleNumber, .bytes(8)),
    row(.R_PPC64_TPREL16, .SATP, .half(.whole), signed16),
    row(.R_PPC64_TPREL16_LO, .SATP, .half(.lo)),
    row(.R_PPC64_TPREL16_HI, .SATP, .half(.hi), signed32),
    row(.R_PPC64_TPREL16_HA, .SATP, .half(.ha), adjusted32),
    row(.R_PPC64_TPREL64, .SATP, .bytes(8)),
    row(.R_PPC64_DTPREL16, .SADTP, .half(.whole), signed16),
    row(.R_PPC64_DTPREL16_LO, .SADTP, .half(.lo)),
    row(.R_PPC64_DTPREL16_HI, .SADTP, .half(.hi), signed32),
    row(.R_PPC64_DTPREL16_HA, .SADTP, .half(.ha), adjusted32),
    row(.R_PPC64_DTPREL64, .SADTP, .bytes(8)),
    row(.R_PPC64_GOT_TLSGD16, .slot(.moduleAndOffset, .GOT), .half(.whole), signed16),
    row(.R_PPC64_GOT_TLSGD16_LO, .slot(.moduleAndOffset, .GOT), .half(.lo)),
    row(.R_PPC64_GOT_TLSGD16_HI, .slot(.moduleAndOffset, .GOT), .half(.hi), signed32),
    row(.R_PPC64_GOT_TLSGD16_HA, .slot(.moduleAndOffset, .GOT), .half(.ha), adjusted32),
    row(.R_PPC64_GOT_TLSLD16, .slot(.module, .GOT), .half(.whole), signed16),
    row(.R_PPC64_GOT_TLSLD16_LO, .slot(.module, .GOT), .half(.lo)),
    row(.R_PPC64_GOT_TLSLD16_HI, .slot(.module, .GOT), .half(.hi), signed32),
    row(.R_PPC64_GOT_TLSLD16_HA, .slot(.module, .GOT), .half(.ha), adjusted32),
    row(.R_PPC64_GOT_TPREL16_DS, .slot(.threadPointerOffset, .GOT), .ds(.whole), -0x8000...0x7ffc),
    row(.R_PPC64_GOT_TPREL16_LO_DS, .slot(.threadPointerOffset, .GOT), .ds(.lo)),
    row(.R_PPC64_GOT_TPREL16_HI, .slot(.threadPointerOffset, .GOT), .half(.hi), signed32),
    row(.R_PPC64_GOT_TPREL16_HA, .slot(.threadPointerOffset, .GOT), .half(.ha), adjusted32),
    row(.R_PPC64_GOT_DTPREL16_DS, .slot(.moduleOffset, .GOT), .ds(.whole), -0x8000...0x7ffc),
    row(.R_PPC64_GOT_DTPREL16_LO_DS, .slot(.moduleOffset, .GOT), .ds(.lo)),
    row(.R_PPC64_GOT_DTPREL16_HI, .slot(.moduleOffset, .GOT), .half(.hi), signed32),
    row(.R_PPC64_GOT_DTPREL16_HA, .slot(.moduleOffset, .GOT), .half(.ha), adjusted32),
    row(.R_PPC64_TPREL16_DS, .SATP, .ds(.whole), -0x8000...0x7ffc),
    row(.R_PPC64_TPREL16_LO_DS, .SATP, .ds(.lo)),
    row(.R_PPC64_TPREL16_HIGHER, .SATP, .half(.higher)),
    row(.R_PPC64_TPREL16_HIGHERA, .SATP, .half(.highera)),
    row(.R_PPC64_TPREL16_HIGHEST, .SATP, .half(.highest)),
    row(.R_PPC64_TPREL16_HIGHESTA, .SATP, .half(.highesta)),
    row(.R_PPC64_DTPREL16_DS, .SADTP, .ds(.whole), -0x8000...0x7ffc),
    row(.R_PPC64_DTPREL16_LO_DS, .SADTP, .ds(.lo)),
    row(.R_PPC64_DTPREL16_HIGHER, .SADTP, .half(.higher)),
    row(.R_PPC64_DTPREL16_HIGHERA, .SADTP, .half(.highera)),
    row(.R_PPC64_DTPREL16_HIGHEST, .SADTP, .half(.highest)),
    row(.R_PPC64_DTPREL16_HIGHESTA, .SADTP, .half(.highesta)),
    row(.R_PPC64_TLSGD, .none),
    row(.R_PPC64_TLSLD, .none),
    row(.R_PPC64_TOCSAVE, .none),
    row(.R_PPC64_ADDR16_HIGH, .SA, .half(.high)),
    row(.R_PPC64_ADDR16_HIGHA, .SA, .half(.higha)),
    row(.R_PPC64_TPREL16_HIGH, .SATP, .half(.high)),
    row(.R_PPC64_TPREL16_HIGHA, .SATP, .half(.higha)),
    row(.R_PPC64_DTPREL16_HIGH, .SADTP, .half(.high)),
    row(.R_PPC64_DTPREL16_HIGHA, .SADTP, .half(.higha)),
    row(.R_PPC64_REL24_NOTOC, .LAP, .low24, -0x200_0000...0x1ff_fffc),
    row(.R_PPC64_ADDR64_LOCAL, .localA, .bytes(8)),
    row(.R_PPC64_ENTRY, .none),
    row(.R_PPC64_PLTSEQ, .none),
    row(.R_PPC64_PLTCALL, .none),
    row(.R_PPC64_PLTSEQ_NOTOC, .none),
    row(.R_PPC64_PLTCALL_NOTOC, .none),
    row(.R_PPC64_PCREL_OPT, .none),
    row(.R_PPC64_REL24_P9NOTOC, .LAP, .low24, -0x200_0000...0x1ff_fffc),
    row(.R_PPC64_D34, .SA, .prefix34(.whole), signed34),
    row(.R_PPC64_D34_LO, .SA, .prefix34(.lo34)),
    row(.R_PPC64_D34_HI30, .SA, .prefix34(.hi30)),
    row(.R_PPC64_D34_HA30, .SA, .prefix34(.ha30)),
    row(.R_PPC64_PCREL34, .SAP, .prefix34(.whole), signed34),
    row(.R_PPC64_GOT_PCREL34, .slot(.address, .P), .prefix34(.whole), signed34),
    row(.R_PPC64_PLT_PCREL34, .slot(.address, .P), .prefix34(.whole), signed34),
    row(.R_PPC64_PLT_PCREL34_NOTOC, .slot(.address, .P), .prefix34(.whole), signed34),
    row(.R_PPC64_ADDR16_HIGHER34, .SA, .half(.higher34)),
    row(.R_PPC64_ADDR16_HIGHERA34, .SA, .half(.highera34)),
    row(.R_PPC64_ADDR16_HIGHEST34, .SA, .half(.highest34)),
    row(.R_PPC64_ADDR16_HIGHESTA34, .SA, .half(.highesta34)),
    row(.R_PPC64_REL16_HIGHER34, .SAP, .half(.higher34)),
    row(.R_PPC64_REL16_HIGHERA34, .SAP, .half(.highera34)),
    row(.R_PPC64_REL16_HIGHEST34, .SAP, .half(.highest34)),
    row(.R_PPC64_REL16_HIGHESTA34, .SAP, .half(.highesta34)),
    row(.R_PPC64_D28, .SA, .prefix28, -0x800_0000...0x7ff_ffff),
    row(.R_PPC64_PCREL28, .SAP, .prefix28, -0x800_0000...0x7ff_ffff),
    row(.R_PPC64_TPREL34, .SATP, .prefix34(.whole), signed34),
    row(.R_PPC64_DTPREL34, .SADTP, .prefix34(.whole), signed34),
    row(.R_PPC64_GOT_TLSGD_PCREL34, .slot(.moduleAndOffset, .P), .prefix34(.whole), signed34),
    row(.R_PPC64_GOT_TLSLD_PCREL34, .slot(.module, .P), .prefix34(.whole), signed34),
    row(.R_PPC64_GOT_TPREL_PCREL34, .slot(.threadPointerOffset, .P), .prefix34(.whole), signed34),
    row(.R_PPC64_GOT_DTPREL_PCREL34, .slot(.moduleOffset, .P), .prefix34(.whole), signed34),
    row(.R_PPC64_REL16_HIGH, .SAP, .half(.high)),
    row(.R_PPC64_REL16_HIGHA, .SAP, .half(.higha)),
    row(.R_PPC64_REL16_HIGHER, .SAP, .half(.higher)),
    row(.R_PPC64_REL16_HIGHERA, .SAP, .half(.highera)),
    row(.R_PPC64_REL16_HIGHEST, .SAP, .half(.highest)),
    row(.R_PPC64_REL16_HIGHESTA, .SAP, .half(.highesta)),
    row(.R_PPC64_REL16DX_HA, .SAP, .dx(.ha), adjusted32),
    row(.R_PPC64_JMP_IREL, .deprecated),
    row(.R_PPC64_IRELATIVE, .dynamicOnly),
    row(.R_PPC64_REL16, .SAP, .half(.whole), signed16),
    row(.R_PPC64_REL16_LO, .SAP, .half(.lo)),
    row(.R_PPC64_REL16_HI, .SAP, .half(.hi), signed32),
    row(.R_PPC64_REL16_HA, .SAP, .half(.ha), adjusted32),
    row(.R_PPC64_GNU_VTINHERIT, .none),
    row(.R_PPC64_GNU_VTENTRY, .none),
  ]

  /// Those that write something.
  static let stored = all.filter(\.isStored)
  /// Those that write what one can choose.
  static let free = all.filter(\.isFree)

  static func row(_ type: PPC64Relocation) -> FieldRow? { all.first { $0.name == type.name } }
}
