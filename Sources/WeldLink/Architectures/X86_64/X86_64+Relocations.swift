public import WeldELF

extension X86_64 {
  /// The table of psABI 1.0, section 4.4.1, "Relocation Types".
  ///
  /// `R_X86_64_8` and `R_X86_64_16` may be signed or unsigned, as in `ld.lld`; the psABI does not say.
  public static func rule(for relocation: X86_64Relocation) -> Rule {
    switch relocation {
    case .R_X86_64_NONE: Rule(.none, into: .none)
    case .R_X86_64_64: Rule(.absolute, into: .word64)
    case .R_X86_64_PC32: Rule(.pcRelative, into: .word32S)
    case .R_X86_64_GOT32: Rule(.gotSlotOffset, into: .word32S)
    case .R_X86_64_PLT32: Rule(.branch, into: .word32S)
    case .R_X86_64_COPY: .refused(.dynamicOnly)
    case .R_X86_64_GLOB_DAT: .refused(.dynamicOnly)
    case .R_X86_64_JUMP_SLOT: .refused(.dynamicOnly)
    case .R_X86_64_RELATIVE: .refused(.dynamicOnly)
    case .R_X86_64_GOTPCREL: Rule(.gotSlotPCRelative, into: .word32S)
    case .R_X86_64_32: Rule(.absolute, into: .word32)
    case .R_X86_64_32S: Rule(.absolute, into: .word32S)
    case .R_X86_64_16: Rule(.absolute, into: .word16)
    case .R_X86_64_PC16: Rule(.pcRelative, into: .word16S)
    case .R_X86_64_8: Rule(.absolute, into: .word8)
    case .R_X86_64_PC8: Rule(.pcRelative, into: .word8S)
    case .R_X86_64_DTPMOD64: .refused(.dynamicOnly)
    case .R_X86_64_DTPOFF64: Rule(.threadLocal(.localDynamic), into: .word64)
    case .R_X86_64_TPOFF64: Rule(.threadLocal(.localExec), into: .word64)
    case .R_X86_64_TLSGD: Rule(.threadLocal(.generalDynamic), into: .word32S)
    case .R_X86_64_TLSLD: Rule(.threadLocal(.localDynamic), into: .word32S)
    case .R_X86_64_DTPOFF32: Rule(.threadLocal(.localDynamic), into: .word32S)
    case .R_X86_64_GOTTPOFF: Rule(.threadLocal(.initialExec), into: .word32S)
    case .R_X86_64_TPOFF32: Rule(.threadLocal(.localExec), into: .word32S)
    case .R_X86_64_PC64: Rule(.pcRelative, into: .word64)
    case .R_X86_64_GOTOFF64: Rule(.gotRelative, into: .word64)
    case .R_X86_64_GOTPC32: Rule(.gotBasePCRelative, into: .word32S)
    case .R_X86_64_GOT64: Rule(.gotSlotOffset, into: .word64)
    case .R_X86_64_GOTPCREL64: Rule(.gotSlotPCRelative, into: .word64)
    case .R_X86_64_GOTPC64: Rule(.gotBasePCRelative, into: .word64)
    // Withdrawn, and once meant to allow a lazily bound slot: the same as GOT64.
    case .R_X86_64_GOTPLT64: Rule(.gotSlotOffset, into: .word64)
    case .R_X86_64_PLTOFF64: Rule(.stubGOTRelative, into: .word64)
    case .R_X86_64_SIZE32: Rule(.size, into: .word32)
    case .R_X86_64_SIZE64: Rule(.size, into: .word64)
    case .R_X86_64_GOTPC32_TLSDESC: Rule(.threadLocal(.descriptor), into: .word32S)
    case .R_X86_64_TLSDESC_CALL: Rule(.threadLocal(.descriptor), into: .none)
    case .R_X86_64_TLSDESC: .refused(.dynamicOnly)
    case .R_X86_64_IRELATIVE: .refused(.dynamicOnly)
    case .R_X86_64_RELATIVE64: .refused(.dynamicOnly)
    // Withdrawn with MPX: the same as the types without `_BND`.
    case .R_X86_64_PC32_BND: Rule(.pcRelative, into: .word32S)
    case .R_X86_64_PLT32_BND: Rule(.branch, into: .word32S)
    case .R_X86_64_GOTPCRELX: Rule(.gotSlotPCRelative, into: .word32S, relaxableFrom: 2)
    case .R_X86_64_REX_GOTPCRELX: Rule(.gotSlotPCRelative, into: .word32S, relaxableFrom: 3)
    case .R_X86_64_CODE_4_GOTPCRELX: Rule(.gotSlotPCRelative, into: .word32S, relaxableFrom: 4)
    case .R_X86_64_CODE_4_GOTTPOFF: Rule(.threadLocal(.initialExec), into: .word32S)
    case .R_X86_64_CODE_4_GOTPC32_TLSDESC: Rule(.threadLocal(.descriptor), into: .word32S)
    case .R_X86_64_CODE_5_GOTPCRELX: Rule(.gotSlotPCRelative, into: .word32S, relaxableFrom: 5)
    case .R_X86_64_CODE_5_GOTTPOFF: Rule(.threadLocal(.initialExec), into: .word32S)
    case .R_X86_64_CODE_5_GOTPC32_TLSDESC: Rule(.threadLocal(.descriptor), into: .word32S)
    case .R_X86_64_CODE_6_GOTPCRELX: Rule(.gotSlotPCRelative, into: .word32S, relaxableFrom: 6)
    case .R_X86_64_CODE_6_GOTTPOFF: Rule(.threadLocal(.initialExec), into: .word32S)
    case .R_X86_64_CODE_6_GOTPC32_TLSDESC: Rule(.threadLocal(.descriptor), into: .word32S)
    // Hints for a linker that drops unused virtual functions.
    case .R_X86_64_GNU_VTINHERIT: Rule(.none, into: .none)
    case .R_X86_64_GNU_VTENTRY: Rule(.none, into: .none)
    }
  }
}
