public import WeldELF

extension X86_64 {
  /// The table of psABI 1.0, section 4.4.1, "Relocation Types".
  ///
  /// `R_X86_64_8` and `R_X86_64_16` may be signed or unsigned, as in `ld.lld`; the psABI does not say.
  public static func rule(for relocation: X86_64Relocation) -> Rule {
    switch relocation {
    case .R_X86_64_NONE: .marker()
    case .R_X86_64_64: Rule(.absolute, into: .word64)
    case .R_X86_64_PC32: Rule(.pcRelative, into: .word32S)
    case .R_X86_64_GOT32: Rule(.slot(.address, from: .gotBase), into: .word32S)
    case .R_X86_64_PLT32: Rule(.branch, into: .word32S)
    case .R_X86_64_COPY: .refused(.dynamicOnly)
    case .R_X86_64_GLOB_DAT: .refused(.dynamicOnly)
    case .R_X86_64_JUMP_SLOT: .refused(.dynamicOnly)
    case .R_X86_64_RELATIVE: .refused(.dynamicOnly)
    case .R_X86_64_GOTPCREL: Rule(.slot(.address, from: .place), into: .word32S)
    case .R_X86_64_32: Rule(.absolute, into: .word32)
    case .R_X86_64_32S: Rule(.absolute, into: .word32S)
    case .R_X86_64_16: Rule(.absolute, into: .word16)
    case .R_X86_64_PC16: Rule(.pcRelative, into: .word16S)
    case .R_X86_64_8: Rule(.absolute, into: .word8)
    case .R_X86_64_PC8: Rule(.pcRelative, into: .word8S)
    case .R_X86_64_DTPMOD64: .refused(.dynamicOnly)
    case .R_X86_64_DTPOFF64: Rule(.moduleRelative, into: .word64)
    case .R_X86_64_TPOFF64: Rule(.threadPointerRelative, into: .word64)
    case .R_X86_64_TLSGD: Rule(.slot(.moduleAndOffset, from: .place), into: .word32S, rewriting: .optional)
    case .R_X86_64_TLSLD: Rule(.slot(.module, from: .place), into: .word32S, rewriting: .optional)
    case .R_X86_64_DTPOFF32: Rule(.moduleRelative, into: .word32S)
    case .R_X86_64_GOTTPOFF:
      Rule(.slot(.threadPointerOffset, from: .place), into: .word32S, rewriting: .optional)
    case .R_X86_64_TPOFF32: Rule(.threadPointerRelative, into: .word32S)
    case .R_X86_64_PC64: Rule(.pcRelative, into: .word64)
    case .R_X86_64_GOTOFF64: Rule(.gotRelative, into: .word64)
    case .R_X86_64_GOTPC32: Rule(.gotBasePCRelative, into: .word32S)
    case .R_X86_64_GOT64: Rule(.slot(.address, from: .gotBase), into: .word64)
    case .R_X86_64_GOTPCREL64: Rule(.slot(.address, from: .place), into: .word64)
    case .R_X86_64_GOTPC64: Rule(.gotBasePCRelative, into: .word64)
    // Withdrawn, and once meant to allow a lazily bound slot: the same as GOT64.
    case .R_X86_64_GOTPLT64: Rule(.slot(.address, from: .gotBase), into: .word64)
    case .R_X86_64_PLTOFF64: Rule(.stubGOTRelative, into: .word64)
    case .R_X86_64_SIZE32: Rule(.size, into: .word32)
    case .R_X86_64_SIZE64: Rule(.size, into: .word64)
    case .R_X86_64_GOTPC32_TLSDESC:
      Rule(.slot(.descriptor, from: .place), into: .word32S, rewriting: .required)
    case .R_X86_64_TLSDESC_CALL: .marker(rewriting: .required)
    case .R_X86_64_TLSDESC: .refused(.dynamicOnly)
    case .R_X86_64_IRELATIVE: .refused(.dynamicOnly)
    case .R_X86_64_RELATIVE64: .refused(.dynamicOnly)
    // Withdrawn with MPX: the same as the types without `_BND`.
    case .R_X86_64_PC32_BND: Rule(.pcRelative, into: .word32S)
    case .R_X86_64_PLT32_BND: Rule(.branch, into: .word32S)
    case .R_X86_64_GOTPCRELX: Rule(.slot(.address, from: .place), into: .word32S, rewriting: .optional)
    case .R_X86_64_REX_GOTPCRELX: Rule(.slot(.address, from: .place), into: .word32S, rewriting: .optional)
    case .R_X86_64_CODE_4_GOTPCRELX: Rule(.slot(.address, from: .place), into: .word32S, rewriting: .optional)
    case .R_X86_64_CODE_4_GOTTPOFF:
      Rule(.slot(.threadPointerOffset, from: .place), into: .word32S, rewriting: .optional)
    case .R_X86_64_CODE_4_GOTPC32_TLSDESC:
      Rule(.slot(.descriptor, from: .place), into: .word32S, rewriting: .required)
    case .R_X86_64_CODE_5_GOTPCRELX: Rule(.slot(.address, from: .place), into: .word32S, rewriting: .optional)
    case .R_X86_64_CODE_5_GOTTPOFF:
      Rule(.slot(.threadPointerOffset, from: .place), into: .word32S, rewriting: .optional)
    case .R_X86_64_CODE_5_GOTPC32_TLSDESC:
      Rule(.slot(.descriptor, from: .place), into: .word32S, rewriting: .required)
    case .R_X86_64_CODE_6_GOTPCRELX: Rule(.slot(.address, from: .place), into: .word32S, rewriting: .optional)
    case .R_X86_64_CODE_6_GOTTPOFF:
      Rule(.slot(.threadPointerOffset, from: .place), into: .word32S, rewriting: .optional)
    case .R_X86_64_CODE_6_GOTPC32_TLSDESC:
      Rule(.slot(.descriptor, from: .place), into: .word32S, rewriting: .required)
    // Hints for a linker that drops unused virtual functions.
    case .R_X86_64_GNU_VTINHERIT: .marker()
    case .R_X86_64_GNU_VTENTRY: .marker()
    }
  }
}
