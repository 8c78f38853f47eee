public import WeldELF

extension S390X {
  /// The table of the s390x ELF ABI 1.6, section "Relocation Types", with the ranges that `ld.lld` checks:
  /// GNU ld checks less.
  ///
  /// The types whose names end in 32 and begin with `R_390_TLS` are of the 31-bit ABI, and `ld.lld` links
  /// them, too.
  public static func rule(for relocation: S390XRelocation) -> Rule {
    switch relocation {
    case .R_390_NONE: .marker()
    case .R_390_8: Rule(.absolute, into: .word8)
    case .R_390_12: Rule(.absolute, into: .low12)
    case .R_390_16: Rule(.absolute, into: .word16)
    case .R_390_32: Rule(.absolute, into: .word32Either)
    case .R_390_PC32: Rule(.pcRelative, into: .word32S)
    case .R_390_GOT12: Rule(.slot(.address, from: .gotBase), into: .low12)
    case .R_390_GOT32: Rule(.slot(.address, from: .gotBase), into: .word32Either)
    case .R_390_PLT32: Rule(.branch, into: .word32S)
    case .R_390_COPY: .refused(.dynamicOnly)
    case .R_390_GLOB_DAT: .refused(.dynamicOnly)
    case .R_390_JMP_SLOT: .refused(.dynamicOnly)
    case .R_390_RELATIVE: .refused(.dynamicOnly)
    case .R_390_GOTOFF32: Rule(.gotRelative, into: .word32Either)
    case .R_390_GOTPC: Rule(.gotBasePCRelative, into: .word64)
    case .R_390_GOT16: Rule(.slot(.address, from: .gotBase), into: .word16)
    case .R_390_PC16: Rule(.pcRelative, into: .word16S)
    case .R_390_PC16DBL: Rule(.pcRelative, into: .pc16)
    case .R_390_PLT16DBL: Rule(.branch, into: .pc16)
    case .R_390_PC32DBL: Rule(.pcRelative, into: .pc32)
    case .R_390_PLT32DBL: Rule(.branch, into: .pc32)
    case .R_390_GOTPCDBL: Rule(.gotBasePCRelative, into: .pc32)
    case .R_390_64: Rule(.absolute, into: .word64)
    case .R_390_PC64: Rule(.pcRelative, into: .word64)
    case .R_390_GOT64: Rule(.slot(.address, from: .gotBase), into: .word64)
    case .R_390_PLT64: Rule(.branch, into: .word64)
    case .R_390_GOTENT: Rule(.slot(.address, from: .place), into: .pc32, rewriting: .optional)
    case .R_390_GOTOFF16: Rule(.gotRelative, into: .word16S)
    case .R_390_GOTOFF64: Rule(.gotRelative, into: .word64)
    case .R_390_GOTPLT12: Rule(.slot(.address, from: .gotBase), into: .low12)
    case .R_390_GOTPLT16: Rule(.slot(.address, from: .gotBase), into: .word16)
    case .R_390_GOTPLT32: Rule(.slot(.address, from: .gotBase), into: .word32Either)
    case .R_390_GOTPLT64: Rule(.slot(.address, from: .gotBase), into: .word64)
    case .R_390_GOTPLTENT: Rule(.slot(.address, from: .place), into: .pc32, rewriting: .optional)
    case .R_390_PLTOFF16: Rule(.stubGOTRelative, into: .word16S)
    case .R_390_PLTOFF32: Rule(.stubGOTRelative, into: .word32Either)
    case .R_390_PLTOFF64: Rule(.stubGOTRelative, into: .word64)
    case .R_390_TLS_LOAD: .marker()
    case .R_390_TLS_GDCALL: .marker(rewriting: .together)
    case .R_390_TLS_LDCALL: .marker(rewriting: .together)
    case .R_390_TLS_GD32:
      Rule(.slot(.moduleAndOffset, from: .gotBase), into: .word32Either, rewriting: .together)
    case .R_390_TLS_GD64: Rule(.slot(.moduleAndOffset, from: .gotBase), into: .word64, rewriting: .together)
    case .R_390_TLS_GOTIE12: Rule(.slot(.threadPointerOffset, from: .gotBase), into: .low12)
    case .R_390_TLS_GOTIE32: Rule(.slot(.threadPointerOffset, from: .gotBase), into: .word32Either)
    case .R_390_TLS_GOTIE64: Rule(.slot(.threadPointerOffset, from: .gotBase), into: .word64)
    case .R_390_TLS_LDM32: Rule(.slot(.module, from: .gotBase), into: .word32Either, rewriting: .together)
    case .R_390_TLS_LDM64: Rule(.slot(.module, from: .gotBase), into: .word64, rewriting: .together)
    case .R_390_TLS_IE32: Rule(.slot(.threadPointerOffset, from: .zero), into: .word32Either)
    case .R_390_TLS_IE64: Rule(.slot(.threadPointerOffset, from: .zero), into: .word64)
    case .R_390_TLS_IEENT: Rule(.slot(.threadPointerOffset, from: .place), into: .pc32)
    case .R_390_TLS_LE32: Rule(.threadPointerRelative, into: .word32Either)
    case .R_390_TLS_LE64: Rule(.threadPointerRelative, into: .word64)
    case .R_390_TLS_LDO32: Rule(.moduleRelative, into: .word32Either)
    case .R_390_TLS_LDO64: Rule(.moduleRelative, into: .word64)
    case .R_390_TLS_DTPMOD: .refused(.dynamicOnly)
    case .R_390_TLS_DTPOFF: .refused(.dynamicOnly)
    case .R_390_TLS_TPOFF: .refused(.dynamicOnly)
    case .R_390_20: Rule(.absolute, into: .displacement20)
    case .R_390_GOT20: Rule(.slot(.address, from: .gotBase), into: .displacement20)
    case .R_390_GOTPLT20: Rule(.slot(.address, from: .gotBase), into: .displacement20)
    case .R_390_TLS_GOTIE20: Rule(.slot(.threadPointerOffset, from: .gotBase), into: .displacement20)
    case .R_390_IRELATIVE: .refused(.dynamicOnly)
    case .R_390_PC12DBL: Rule(.pcRelative, into: .pc12)
    case .R_390_PLT12DBL: Rule(.branch, into: .pc12)
    case .R_390_PC24DBL: Rule(.pcRelative, into: .pc24)
    case .R_390_PLT24DBL: Rule(.branch, into: .pc24)
    case .R_390_GNU_VTINHERIT: .marker()
    case .R_390_GNU_VTENTRY: .marker()
    }
  }
}

// MARK: - Fields

extension Field {
  /// The displacement of a base and index address, in the lowest bits of a halfword.
  fileprivate static let low12 = Field(byteCount: 2, mask: 0x0fff, range: 0...0xfff)
  /// A long displacement, in the word that begins with the base register: its lower 12 bits (DL) before its
  /// upper 8 (DH).
  fileprivate static let displacement20 = Field(
    byteCount: 4, mask: 0x0fff_0000, shift: -16, secondMask: 0xff00, secondShift: 4,
    range: -0x8_0000...0x7_ffff)
  /// Halfwords, 12 bits of them.
  fileprivate static let pc12 = Field(
    byteCount: 2, mask: 0x0fff, shift: 1, alignment: 2, range: -0x1000...0xffe)
  /// Halfwords, 16 bits of them.
  fileprivate static let pc16 = Field(
    byteCount: 2, mask: 0xffff, shift: 1, alignment: 2, range: -0x1_0000...0xfffe)
  /// Halfwords, 24 bits of them.
  fileprivate static let pc24 = Field(
    byteCount: 3, mask: 0xff_ffff, shift: 1, alignment: 2, range: -0x100_0000...0xff_fffe)
  /// Halfwords, 32 bits of them.
  static let pc32 = Field(
    byteCount: 4, mask: 0xffff_ffff, shift: 1, alignment: 2, range: -0x1_0000_0000...0xffff_fffe)
}
