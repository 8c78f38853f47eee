internal import WeldBytes
public import WeldELF

extension PPC64LE {
  /// `addis` and `ld` of a `.toc` word, which become `addis` and `addi`. A word that something else uses,
  /// too, is read by all of them.
  public static func mayBypassWord(
    _ relocation: PPC64Relocation, in code: RawSpan, at offset: Int
  ) -> Bool {
    switch relocation {
    case .R_PPC64_TOC16_HA: return true
    case .R_PPC64_TOC16_LO_DS:
      guard let load: UInt32 = try? code.load(at: offset, order: .little) else { return false }
      // Relative to r2 itself it reads the lower 16 bits only, and there is no addis to go with it.
      return load & 0xfc00_0003 == 0xe800_0000 && load >> 16 & 31 != 2
    default: return false
    }
  }

  public static func rewrite(
    _ code: inout MutableRawSpan, _ kind: PPC64Relocation, _ relocation: Relocation, at site: RewriteSite
  ) -> Rewrite? {
    let at = Int(truncatingIfNeeded: relocation.offset)
    let A = UInt64(bitPattern: relocation.addend)
    switch kind {
    case .R_PPC64_TOC16_HA, .R_PPC64_TOC16_LO_DS:
      guard let target = site.wordTarget else { return nil }
      return bypassWord(&code, at, kind, distance: Int64(bitPattern: target &- site.GOT))
    case .R_PPC64_GOT_PCREL34:
      return bypassSlot(&code, at, distance: Int64(bitPattern: site.S &+ A &- site.P))
    case .R_PPC64_PCREL_OPT: return joinAccess(&code, at, distance: relocation.addend)
    default: return rewriteThreadLocal(&code, kind, relocation, at: site)
    }
  }

  // Note: TOC indirect
  //
  // addis rX, r2, word@toc@ha; ld rY, word@toc@l(rX)  →  addis rX, r2, S@toc@ha; addi rY, rX, S@toc@l, where
  // the word is known to hold S (ELFv2 ABI, section 3.6.3.2). Both are rewritten or none: the test is the
  // same.
  private static func bypassWord(
    _ code: inout MutableRawSpan, _ at: Int, _ kind: PPC64Relocation, distance: Int64
  ) -> Rewrite? {
    guard let ha = try? Part.ha.of(.word16).encode(distance, in: 0) else { return nil }
    if kind == .R_PPC64_TOC16_HA {
      return store(&code, UInt16(truncatingIfNeeded: ha), at: at) ? Rewrite() : nil
    }
    guard let load: UInt32 = try? code.load(at: at, order: .little) else { return nil }
    let addi = 0x3800_0000 | load & 0x03ff_0000 | UInt32(truncatingIfNeeded: distance) & 0xffff
    return store(&code, addi, at: at) ? Rewrite() : nil
  }

  /// `pld rX, S@got@pcrel` becomes `pla rX, S@pcrel` (ELFv2 ABI, section 3.6.3.3).
  private static func bypassSlot(_ code: inout MutableRawSpan, _ at: Int, distance: Int64) -> Rewrite? {
    guard let load: UInt64 = try? code.load(at: at, order: .little),
      load & 0xfc1f_0000_fffc_0000 == 0xe400_0000_0410_0000,
      let pla = try? Field.prefix34.encode(
        distance, in: load & 0x03e0_0000_0000_0000 | 0x3800_0000_0610_0000)
    else { return nil }
    return store(&code, pla, at: at) ? Rewrite() : nil
  }

  /// `pla rX, S@pcrel` and, `distance` bytes later, the only access through `rX` become one prefixed access
  /// and a `nop` (ELFv2 ABI, section 3.5.4, `R_PPC64_PCREL_OPT`).
  private static func joinAccess(_ code: inout MutableRawSpan, _ at: Int, distance: Int64) -> Rewrite? {
    guard let offset = Int(exactly: distance), offset >= 8, offset < 1 << 16,
      let pla: UInt64 = try? code.load(at: at, order: .little),
      pla & 0xfc1f_0000_fffc_0000 == 0x3800_0000_0610_0000,
      let access: UInt32 = try? code.load(at: at + offset, order: .little),
      // The base register of the access is the one that was computed.
      access >> 16 & 31 == UInt32(truncatingIfNeeded: pla >> 53) & 31,
      let (prefixed, displacement) = prefixedForm(of: access)
    else { return nil }
    let high = Int64(bitPattern: (pla & 0x3_ffff) << 46) >> 30
    let value = high + Int64(pla >> 32 & 0xffff) + displacement
    guard let joined = try? Field.prefix34.encode(value, in: prefixed),
      store(&code, UInt32(0x6000_0000), at: at + offset)
    else { return nil }
    return store(&code, joined, at: at) ? Rewrite() : nil
  }

  /// The prefixed form, relative to the instruction, of a load or store, and its displacement; `nil` if it
  /// has none.
  private static func prefixedForm(of access: UInt32) -> (UInt64, Int64)? {
    let register = access & 0x03e0_0000
    let displacement = Int64(Int16(truncatingIfNeeded: access))
    let opcode = access >> 26
    switch opcode {
    // lwz, lbz, stw, stb, lhz, lha, sth, lfs, lfd, stfs, stfd keep their opcode.
    case 32, 34, 36, 38, 40, 42, 44, 48, 50, 52, 54:
      return (UInt64(access & 0xffe0_0000) << 32 | 0x0610_0000, displacement)
    // lxv and stxv: the lowest bit of the register's number is bit 3 of the access.
    case 61 where access & 3 == 1:
      let store = access & 4 == 4
      let form: UInt32 = (store ? 0xd800_0000 : 0xc800_0000) | (access & 8) << 23 | register
      return (UInt64(form) << 32 | 0x0410_0000, displacement & ~15)
    default: break
    }
    let form: (opcode: UInt32, mask: Int64)? =
      switch (opcode, access & 3) {
      case (58, 0): (0xe400_0000, ~3)  // ld
      case (58, 2): (0xa400_0000, ~3)  // lwa
      case (62, 0): (0xf400_0000, ~3)  // std
      case (57, 2): (0xa800_0000, ~3)  // lxsd
      case (57, 3): (0xac00_0000, ~3)  // lxssp
      case (61, 2): (0xb800_0000, ~3)  // stxsd
      case (61, 3): (0xbc00_0000, ~3)  // stxssp
      case (6, _) where access & 15 == 0: (0xe800_0000, ~15)  // lxvp
      case (6, _) where access & 15 == 1: (0xf800_0000, ~15)  // stxvp
      default: nil
      }
    guard let form else { return nil }
    return (UInt64(form.opcode | register) << 32 | 0x0410_0000, displacement & form.mask)
  }

  /// No instruction computes an address that is 0 and out of reach: compilers load it from a word.
  public static func rewriteAddressOfZero(_: inout MutableRawSpan, _: Relocation) -> Bool { false }

  static func store<T: FixedWidthInteger & BitwiseCopyable>(
    _ code: inout MutableRawSpan, _ value: T, at offset: Int
  ) -> Bool {
    (try? code.store(value, at: offset, order: .little)) != nil
  }
}
