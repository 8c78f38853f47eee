internal import WeldBytes
public import WeldELF

extension PPC64LE {
  /// The table of the Power ELFv2 ABI, section 3.5.3, "Relocation Types Table"; `GOT` stands for `.TOC.`.
  ///
  /// Where instructions have a say in the field, ``field(of:in:at:isCode:)`` knows more.
  public static func rule(for relocation: PPC64Relocation) -> Rule {
    switch relocation {
    case .R_PPC64_NONE: .marker()
    case .R_PPC64_ADDR32: Rule(.absolute, into: .word32Either)
    case .R_PPC64_ADDR24: Rule(.absolute, into: .low24)
    case .R_PPC64_ADDR16: Rule(.absolute, into: .word16)
    case .R_PPC64_ADDR16_LO: Rule(.absolute, .lo, into: .word16)
    case .R_PPC64_ADDR16_HI: Rule(.absolute, .hi, into: .word16)
    case .R_PPC64_ADDR16_HA: Rule(.absolute, .ha, into: .word16)
    case .R_PPC64_ADDR14: Rule(.absolute, into: .low14)
    case .R_PPC64_ADDR14_BRTAKEN: .refused(.deprecated)
    case .R_PPC64_ADDR14_BRNTAKEN: .refused(.deprecated)
    case .R_PPC64_REL24: Rule(.branch, into: .low24)
    case .R_PPC64_REL14: Rule(.branch, into: .low14)
    case .R_PPC64_REL14_BRTAKEN: .refused(.deprecated)
    case .R_PPC64_REL14_BRNTAKEN: .refused(.deprecated)
    case .R_PPC64_GOT16: Rule(.slot(.address, from: .gotBase), into: .word16S)
    case .R_PPC64_GOT16_LO: Rule(.slot(.address, from: .gotBase), .lo, into: .word16)
    case .R_PPC64_GOT16_HI: Rule(.slot(.address, from: .gotBase), .hi, into: .word16)
    case .R_PPC64_GOT16_HA: Rule(.slot(.address, from: .gotBase), .ha, into: .word16)
    case .R_PPC64_COPY: .refused(.dynamicOnly)
    case .R_PPC64_GLOB_DAT: .refused(.dynamicOnly)
    case .R_PPC64_JMP_SLOT: .refused(.dynamicOnly)
    case .R_PPC64_RELATIVE: .refused(.dynamicOnly)
    case .R_PPC64_UADDR32: Rule(.absolute, into: .word32Either)
    case .R_PPC64_UADDR16: Rule(.absolute, into: .word16)
    case .R_PPC64_REL32: Rule(.pcRelative, into: .word32S)
    case .R_PPC64_PLT32: Rule(.slot(.address, from: .zero), into: .word32Either)
    case .R_PPC64_PLTREL32: Rule(.slot(.address, from: .place), into: .word32S)
    case .R_PPC64_PLT16_LO: Rule(.slot(.address, from: .gotBase), .lo, into: .word16)
    case .R_PPC64_PLT16_HI: Rule(.slot(.address, from: .gotBase), .hi, into: .word16)
    case .R_PPC64_PLT16_HA: Rule(.slot(.address, from: .gotBase), .ha, into: .word16)
    case .R_PPC64_SECTOFF: .refused(.deprecated)
    case .R_PPC64_SECTOFF_LO: .refused(.deprecated)
    case .R_PPC64_SECTOFF_HI: .refused(.deprecated)
    case .R_PPC64_SECTOFF_HA: .refused(.deprecated)
    case .R_PPC64_REL30: .refused(.deprecated)
    case .R_PPC64_ADDR64: Rule(.absolute, into: .word64)
    case .R_PPC64_ADDR16_HIGHER: Rule(.absolute, .higher, into: .word16)
    case .R_PPC64_ADDR16_HIGHERA: Rule(.absolute, .highera, into: .word16)
    case .R_PPC64_ADDR16_HIGHEST: Rule(.absolute, .highest, into: .word16)
    case .R_PPC64_ADDR16_HIGHESTA: Rule(.absolute, .highesta, into: .word16)
    case .R_PPC64_UADDR64: Rule(.absolute, into: .word64)
    case .R_PPC64_REL64: Rule(.pcRelative, into: .word64)
    case .R_PPC64_PLT64: Rule(.slot(.address, from: .zero), into: .word64)
    case .R_PPC64_PLTREL64: Rule(.slot(.address, from: .place), into: .word64)
    case .R_PPC64_TOC16: Rule(.gotRelative, into: .word16S)
    case .R_PPC64_TOC16_LO: Rule(.gotRelative, .lo, into: .word16)
    case .R_PPC64_TOC16_HI: Rule(.gotRelative, .hi, into: .word16)
    case .R_PPC64_TOC16_HA: Rule(.gotRelative, .ha, into: .word16, rewriting: .optional)
    case .R_PPC64_TOC: Rule(.gotBase, into: .word64)
    case .R_PPC64_PLTGOT16: .refused(.deprecated)
    case .R_PPC64_PLTGOT16_LO: .refused(.deprecated)
    case .R_PPC64_PLTGOT16_HI: .refused(.deprecated)
    case .R_PPC64_PLTGOT16_HA: .refused(.deprecated)
    case .R_PPC64_ADDR16_DS: Rule(.absolute, into: .ds16)
    case .R_PPC64_ADDR16_LO_DS: Rule(.absolute, .lo, into: .ds16)
    case .R_PPC64_GOT16_DS: Rule(.slot(.address, from: .gotBase), into: .ds16)
    case .R_PPC64_GOT16_LO_DS: Rule(.slot(.address, from: .gotBase), .lo, into: .ds16)
    case .R_PPC64_PLT16_LO_DS: Rule(.slot(.address, from: .gotBase), .lo, into: .ds16)
    case .R_PPC64_SECTOFF_DS: .refused(.deprecated)
    case .R_PPC64_SECTOFF_LO_DS: .refused(.deprecated)
    case .R_PPC64_TOC16_DS: Rule(.gotRelative, into: .ds16)
    case .R_PPC64_TOC16_LO_DS: Rule(.gotRelative, .lo, into: .ds16, rewriting: .optional)
    case .R_PPC64_PLTGOT16_DS: .refused(.deprecated)
    case .R_PPC64_PLTGOT16_LO_DS: .refused(.deprecated)
    case .R_PPC64_TLS: .marker(rewriting: .together)
    case .R_PPC64_DTPMOD64: Rule(.moduleNumber, into: .word64)
    case .R_PPC64_TPREL16: Rule(.threadPointerRelative, into: .word16S)
    case .R_PPC64_TPREL16_LO: Rule(.threadPointerRelative, .lo, into: .word16)
    case .R_PPC64_TPREL16_HI: Rule(.threadPointerRelative, .hi, into: .word16)
    case .R_PPC64_TPREL16_HA: Rule(.threadPointerRelative, .ha, into: .word16)
    case .R_PPC64_TPREL64: Rule(.threadPointerRelative, into: .word64)
    case .R_PPC64_DTPREL16: Rule(.moduleRelative, into: .word16S)
    case .R_PPC64_DTPREL16_LO: Rule(.moduleRelative, .lo, into: .word16)
    case .R_PPC64_DTPREL16_HI: Rule(.moduleRelative, .hi, into: .word16)
    case .R_PPC64_DTPREL16_HA: Rule(.moduleRelative, .ha, into: .word16)
    case .R_PPC64_DTPREL64: Rule(.moduleRelative, into: .word64)
    case .R_PPC64_GOT_TLSGD16:
      Rule(.slot(.moduleAndOffset, from: .gotBase), into: .word16S, rewriting: .together)
    case .R_PPC64_GOT_TLSGD16_LO:
      Rule(.slot(.moduleAndOffset, from: .gotBase), .lo, into: .word16, rewriting: .together)
    case .R_PPC64_GOT_TLSGD16_HI:
      Rule(.slot(.moduleAndOffset, from: .gotBase), .hi, into: .word16, rewriting: .together)
    case .R_PPC64_GOT_TLSGD16_HA:
      Rule(.slot(.moduleAndOffset, from: .gotBase), .ha, into: .word16, rewriting: .together)
    case .R_PPC64_GOT_TLSLD16: Rule(.slot(.module, from: .gotBase), into: .word16S, rewriting: .together)
    case .R_PPC64_GOT_TLSLD16_LO:
      Rule(.slot(.module, from: .gotBase), .lo, into: .word16, rewriting: .together)
    case .R_PPC64_GOT_TLSLD16_HI:
      Rule(.slot(.module, from: .gotBase), .hi, into: .word16, rewriting: .together)
    case .R_PPC64_GOT_TLSLD16_HA:
      Rule(.slot(.module, from: .gotBase), .ha, into: .word16, rewriting: .together)
    case .R_PPC64_GOT_TPREL16_DS:
      Rule(.slot(.threadPointerOffset, from: .gotBase), into: .ds16, rewriting: .together)
    case .R_PPC64_GOT_TPREL16_LO_DS:
      Rule(.slot(.threadPointerOffset, from: .gotBase), .lo, into: .ds16, rewriting: .together)
    case .R_PPC64_GOT_TPREL16_HI:
      Rule(.slot(.threadPointerOffset, from: .gotBase), .hi, into: .word16, rewriting: .together)
    case .R_PPC64_GOT_TPREL16_HA:
      Rule(.slot(.threadPointerOffset, from: .gotBase), .ha, into: .word16, rewriting: .together)
    case .R_PPC64_GOT_DTPREL16_DS: Rule(.slot(.moduleOffset, from: .gotBase), into: .ds16)
    case .R_PPC64_GOT_DTPREL16_LO_DS: Rule(.slot(.moduleOffset, from: .gotBase), .lo, into: .ds16)
    case .R_PPC64_GOT_DTPREL16_HI: Rule(.slot(.moduleOffset, from: .gotBase), .hi, into: .word16)
    case .R_PPC64_GOT_DTPREL16_HA: Rule(.slot(.moduleOffset, from: .gotBase), .ha, into: .word16)
    case .R_PPC64_TPREL16_DS: Rule(.threadPointerRelative, into: .ds16)
    case .R_PPC64_TPREL16_LO_DS: Rule(.threadPointerRelative, .lo, into: .ds16)
    case .R_PPC64_TPREL16_HIGHER: Rule(.threadPointerRelative, .higher, into: .word16)
    case .R_PPC64_TPREL16_HIGHERA: Rule(.threadPointerRelative, .highera, into: .word16)
    case .R_PPC64_TPREL16_HIGHEST: Rule(.threadPointerRelative, .highest, into: .word16)
    case .R_PPC64_TPREL16_HIGHESTA: Rule(.threadPointerRelative, .highesta, into: .word16)
    case .R_PPC64_DTPREL16_DS: Rule(.moduleRelative, into: .ds16)
    case .R_PPC64_DTPREL16_LO_DS: Rule(.moduleRelative, .lo, into: .ds16)
    case .R_PPC64_DTPREL16_HIGHER: Rule(.moduleRelative, .higher, into: .word16)
    case .R_PPC64_DTPREL16_HIGHERA: Rule(.moduleRelative, .highera, into: .word16)
    case .R_PPC64_DTPREL16_HIGHEST: Rule(.moduleRelative, .highest, into: .word16)
    case .R_PPC64_DTPREL16_HIGHESTA: Rule(.moduleRelative, .highesta, into: .word16)
    case .R_PPC64_TLSGD: .marker(rewriting: .together)
    case .R_PPC64_TLSLD: .marker(rewriting: .together)
    case .R_PPC64_TOCSAVE: .marker()
    case .R_PPC64_ADDR16_HIGH: Rule(.absolute, .high, into: .word16)
    case .R_PPC64_ADDR16_HIGHA: Rule(.absolute, .higha, into: .word16)
    case .R_PPC64_TPREL16_HIGH: Rule(.threadPointerRelative, .high, into: .word16)
    case .R_PPC64_TPREL16_HIGHA: Rule(.threadPointerRelative, .higha, into: .word16)
    case .R_PPC64_DTPREL16_HIGH: Rule(.moduleRelative, .high, into: .word16)
    case .R_PPC64_DTPREL16_HIGHA: Rule(.moduleRelative, .higha, into: .word16)
    case .R_PPC64_REL24_NOTOC: Rule(.branch, into: .low24)
    case .R_PPC64_ADDR64_LOCAL: Rule(.localEntry, into: .word64)
    case .R_PPC64_ENTRY: .marker()
    case .R_PPC64_PLTSEQ: .marker()
    case .R_PPC64_PLTCALL: .marker()
    case .R_PPC64_PLTSEQ_NOTOC: .marker()
    case .R_PPC64_PLTCALL_NOTOC: .marker()
    case .R_PPC64_PCREL_OPT: .marker(rewriting: .optional)
    case .R_PPC64_REL24_P9NOTOC: Rule(.branch, into: .low24)
    case .R_PPC64_D34: Rule(.absolute, into: .prefix34)
    case .R_PPC64_D34_LO: Rule(.absolute, .lo34, into: .prefix34)
    case .R_PPC64_D34_HI30: Rule(.absolute, .hi30, into: .prefix34)
    case .R_PPC64_D34_HA30: Rule(.absolute, .ha30, into: .prefix34)
    case .R_PPC64_PCREL34: Rule(.pcRelative, into: .prefix34)
    case .R_PPC64_GOT_PCREL34: Rule(.slot(.address, from: .place), into: .prefix34, rewriting: .optional)
    case .R_PPC64_PLT_PCREL34: Rule(.slot(.address, from: .place), into: .prefix34)
    case .R_PPC64_PLT_PCREL34_NOTOC: Rule(.slot(.address, from: .place), into: .prefix34)
    case .R_PPC64_ADDR16_HIGHER34: Rule(.absolute, .higher34, into: .word16)
    case .R_PPC64_ADDR16_HIGHERA34: Rule(.absolute, .highera34, into: .word16)
    case .R_PPC64_ADDR16_HIGHEST34: Rule(.absolute, .highest34, into: .word16)
    case .R_PPC64_ADDR16_HIGHESTA34: Rule(.absolute, .highesta34, into: .word16)
    case .R_PPC64_REL16_HIGHER34: Rule(.pcRelative, .higher34, into: .word16)
    case .R_PPC64_REL16_HIGHERA34: Rule(.pcRelative, .highera34, into: .word16)
    case .R_PPC64_REL16_HIGHEST34: Rule(.pcRelative, .highest34, into: .word16)
    case .R_PPC64_REL16_HIGHESTA34: Rule(.pcRelative, .highesta34, into: .word16)
    case .R_PPC64_D28: Rule(.absolute, into: .prefix28)
    case .R_PPC64_PCREL28: Rule(.pcRelative, into: .prefix28)
    case .R_PPC64_TPREL34: Rule(.threadPointerRelative, into: .prefix34)
    case .R_PPC64_DTPREL34: Rule(.moduleRelative, into: .prefix34)
    case .R_PPC64_GOT_TLSGD_PCREL34:
      Rule(.slot(.moduleAndOffset, from: .place), into: .prefix34, rewriting: .together)
    case .R_PPC64_GOT_TLSLD_PCREL34: Rule(.slot(.module, from: .place), into: .prefix34, rewriting: .together)
    case .R_PPC64_GOT_TPREL_PCREL34:
      Rule(.slot(.threadPointerOffset, from: .place), into: .prefix34, rewriting: .together)
    case .R_PPC64_GOT_DTPREL_PCREL34: Rule(.slot(.moduleOffset, from: .place), into: .prefix34)
    case .R_PPC64_REL16_HIGH: Rule(.pcRelative, .high, into: .word16)
    case .R_PPC64_REL16_HIGHA: Rule(.pcRelative, .higha, into: .word16)
    case .R_PPC64_REL16_HIGHER: Rule(.pcRelative, .higher, into: .word16)
    case .R_PPC64_REL16_HIGHERA: Rule(.pcRelative, .highera, into: .word16)
    case .R_PPC64_REL16_HIGHEST: Rule(.pcRelative, .highest, into: .word16)
    case .R_PPC64_REL16_HIGHESTA: Rule(.pcRelative, .highesta, into: .word16)
    case .R_PPC64_REL16DX_HA: Rule(.pcRelative, .ha, into: .dx16)
    case .R_PPC64_JMP_IREL: .refused(.deprecated)
    case .R_PPC64_IRELATIVE: .refused(.dynamicOnly)
    case .R_PPC64_REL16: Rule(.pcRelative, into: .word16S)
    case .R_PPC64_REL16_LO: Rule(.pcRelative, .lo, into: .word16)
    case .R_PPC64_REL16_HI: Rule(.pcRelative, .hi, into: .word16)
    case .R_PPC64_REL16_HA: Rule(.pcRelative, .ha, into: .word16)
    case .R_PPC64_GNU_VTINHERIT: .marker()
    case .R_PPC64_GNU_VTENTRY: .marker()
    }
  }
}

// MARK: - Fields

extension Field {
  /// 24 bits of words: the displacement of `b` and `bl`.
  fileprivate static let low24 = Field(
    byteCount: 4, mask: 0x03ff_fffc, alignment: 4, range: -0x200_0000...0x1ff_fffc)
  /// 14 bits of words: the displacement of `bc`.
  fileprivate static let low14 = Field(byteCount: 4, mask: 0xfffc, alignment: 4, range: -0x8000...0x7ffc)
  /// The displacement of a DS-form instruction, whose two lowest bits belong to the opcode.
  fileprivate static let ds16 = Field(byteCount: 4, mask: 0xfffc, alignment: 4, range: -0x8000...0x7ffc)
  /// The displacement of a DQ-form instruction, whose four lowest bits belong to the opcode.
  fileprivate static let dq16 = Field(byteCount: 4, mask: 0xfff0, alignment: 16, range: -0x8000...0x7ff0)
  /// The immediate of `addpcis`: bits 6 to 15 and bit 0 stay in place, bits 1 to 5 go to bits 16 to 20.
  fileprivate static let dx16 = Field(
    byteCount: 4, mask: 0xffc1, secondMask: 0x1f_0000, secondShift: -15, range: -0x8000...0x7fff)
  /// The immediate of a prefixed instruction: its upper 18 bits in the prefix, which comes first, its lower
  /// 16 in the suffix.
  static let prefix34 = Field(
    byteCount: 8, mask: 0x3_ffff, shift: 16, secondMask: 0xffff_0000_0000, secondShift: -32,
    range: -0x2_0000_0000...0x1_ffff_ffff)
  /// The same with 12 bits in the prefix.
  fileprivate static let prefix28 = Field(
    byteCount: 8, mask: 0xfff, shift: 16, secondMask: 0xffff_0000_0000, secondShift: -32,
    range: -0x800_0000...0x7ff_ffff)
}

extension PPC64LE {
  /// The field of a rule where the instruction decides: DQ-form instead of DS-form, and whether 16 bits are
  /// sign-extended.
  public static func field(of rule: Rule, in bytes: RawSpan, at offset: Int, isCode: Bool) -> Field {
    guard let instruction: UInt32 = try? bytes.load(at: offset, order: .little) else { return rule.field }
    let opcode = instruction >> 26
    if rule.field.mask == Field.ds16.mask {
      // lxvp and stxvp, lq; lxv and stxv share an opcode with the DS-form std.
      let isDQ = opcode == 6 || opcode == 56 || opcode == 61 && instruction & 3 == 1
      return isDQ ? rule.part.of(.dq16) : rule.field
    }
    guard isCode, rule.value == .absolute, rule.part == .whole, rule.field.byteCount == 2 else {
      return rule.field
    }
    switch opcode {
    // andi., andis., ori, oris, xori, xoris
    case 24...29: return .word16U
    // cmpli compares without sign, and assemblers take either.
    case 10: return .word16
    default: return .word16S
    }
  }
}
