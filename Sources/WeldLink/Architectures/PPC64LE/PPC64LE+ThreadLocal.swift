internal import WeldBytes
internal import WeldELF

// Note: thread-local variables of the program itself
//
// ELFv2 ABI, section 3.7.4. A program knows how far each of its variables lies from the thread pointer, so
// code that asks for it, or loads it from the GOT, is rewritten into code that adds it to r13. Each
// relocation rewrites the instruction that it marks; all of a sequence are rewritten, or the link fails. The
// module's block is reached by adding 0x1000: its offsets count from 0x8000 bytes behind its start, the
// thread pointer from 0x7000.
extension PPC64LE {
  private static let nop: UInt32 = 0x6000_0000
  private static let blockDistance: Int64 = 0x1000

  static func rewriteThreadLocal(
    _ code: inout MutableRawSpan, _ kind: PPC64Relocation, _ relocation: Relocation, at site: RewriteSite
  ) -> Rewrite? {
    // What is relative to the instruction has its marker one byte into the instruction.
    let at = Int(truncatingIfNeeded: relocation.offset & ~3)
    let isMarkedPCRelative = relocation.offset & 3 == 1
    let offset =
      findsModule(kind)
      ? blockDistance : Int64(bitPattern: site.S &+ UInt64(bitPattern: relocation.addend) &- site.TP)
    guard let ha = try? Part.ha.of(.word16).encode(offset, in: 0),
      let instruction: UInt32 = try? code.load(at: at, order: .little)
    else { return nil }
    let high = UInt32(truncatingIfNeeded: ha)
    let target = instruction >> 21 & 31
    switch kind {
    case .R_PPC64_GOT_TLSGD16_HA, .R_PPC64_GOT_TLSLD16_HA, .R_PPC64_GOT_TPREL16_HA:
      // addis rX, r2, ha  →  nop
      return instruction >> 26 == 15 && store(&code, nop, at: at) ? Rewrite() : nil
    case .R_PPC64_GOT_TLSGD16, .R_PPC64_GOT_TLSGD16_LO:
      // addi r3, rX, lo  →  addis r3, r13, ha(x@tprel)
      return instruction >> 26 == 14 && store(&code, addis(target, high), at: at) ? Rewrite() : nil
    case .R_PPC64_GOT_TLSLD16, .R_PPC64_GOT_TLSLD16_LO:
      // addi r3, rX, lo  →  addis r3, r13, 0
      return instruction >> 26 == 14 && store(&code, addis(target, 0), at: at) ? Rewrite() : nil
    case .R_PPC64_GOT_TPREL16_DS, .R_PPC64_GOT_TPREL16_LO_DS:
      // ld rX, lo(rY)  →  addis rX, r13, ha(x@tprel)
      return instruction & 0xfc00_0003 == 0xe800_0000 && store(&code, addis(target, high), at: at)
        ? Rewrite() : nil
    case .R_PPC64_TLSGD, .R_PPC64_TLSLD:
      let isPCRelative = isMarkedPCRelative || isNoTOC(site.next)
      return replaceCall(&code, at, instruction, adding: isPCRelative ? nil : offset)
    case .R_PPC64_TLS:
      return isMarkedPCRelative
        ? access(&code, at, instruction, low: nil) : access(&code, at, instruction, low: offset)
    case .R_PPC64_GOT_TLSGD_PCREL34, .R_PPC64_GOT_TLSLD_PCREL34, .R_PPC64_GOT_TPREL_PCREL34:
      return addImmediate(&code, at, offset)
    default: return nil
    }
  }

  /// Whether the type is part of a sequence that finds the module's block, whatever its symbol is.
  private static func findsModule(_ kind: PPC64Relocation) -> Bool {
    switch kind {
    case .R_PPC64_GOT_TLSLD16, .R_PPC64_GOT_TLSLD16_LO, .R_PPC64_GOT_TLSLD16_HA, .R_PPC64_TLSLD,
      .R_PPC64_GOT_TLSLD_PCREL34:
      true
    default: false
    }
  }

  /// `addis rX, r13, high`
  private static func addis(_ target: UInt32, _ high: UInt32) -> UInt32 {
    0x3c0d_0000 | target << 21 | high & 0xffff
  }

  private static func isNoTOC(_ call: Relocation?) -> Bool {
    guard let call, let kind = PPC64Relocation(rawValue: call.type) else { return false }
    return [.R_PPC64_REL24_NOTOC, .R_PPC64_REL24_P9NOTOC, .R_PPC64_PLTCALL_NOTOC].contains(kind)
  }

  /// `bl __tls_get_addr` or the `bctrl` of an inline call, with what follows it for the TOC pointer, becomes
  /// `nop; addi r3, r3, low`, or `nop` where the sum is there already.
  private static func replaceCall(
    _ code: inout MutableRawSpan, _ at: Int, _ call: UInt32, adding offset: Int64?
  ) -> Rewrite? {
    guard call & 0xfc00_0003 == 0x4800_0001 || call == 0x4e80_0421 else { return nil }
    if let offset {
      guard let next: UInt32 = try? code.load(at: at + 4, order: .little), next == nop || next == 0xe841_0018,
        store(&code, 0x3863_0000 | UInt32(truncatingIfNeeded: offset) & 0xffff, at: at + 4)
      else { return nil }
    }
    return store(&code, nop, at: at) ? Rewrite(settling: UInt64(at)..<UInt64(at) + 1) : nil
  }

  /// An instruction that adds `r13` to a register, or accesses memory there, does so with a displacement;
  /// without one the register has the sum already.
  private static func access(
    _ code: inout MutableRawSpan, _ at: Int, _ instruction: UInt32, low offset: Int64?
  ) -> Rewrite? {
    guard instruction >> 26 == 31, instruction >> 11 & 31 == 13 else { return nil }
    let registers = instruction & 0x03ff_0000
    let target = instruction >> 21 & 31
    let base = instruction >> 16 & 31
    if instruction & 0x7fe == 266 << 1 {
      // add rT, rX, r13  →  addi rT, rX, low; mr rT, rX; or nop
      var new = 0x3800_0000 | registers | UInt32(truncatingIfNeeded: offset ?? 0) & 0xffff
      if offset == nil { new = target == base ? nop : 0x7c00_0378 | base << 21 | target << 16 | base << 11 }
      return store(&code, new, at: at) ? Rewrite() : nil
    }
    guard let form = displacementForms[instruction >> 1 & 0x3ff] else { return nil }
    let low = UInt32(truncatingIfNeeded: offset ?? 0) & 0xffff
    // DS-form: the two lowest bits belong to the opcode.
    guard !form.isDS || low & 3 == 0 else { return nil }
    return store(&code, form.opcode | registers | low, at: at) ? Rewrite() : nil
  }

  /// By extended opcode: the instruction with a displacement that does what one with an index does.
  private static let displacementForms: [UInt32: (opcode: UInt32, isDS: Bool)] = [
    87: (34 << 26, false),  // lbzx, lbz
    279: (40 << 26, false),  // lhzx, lhz
    343: (42 << 26, false),  // lhax, lha
    23: (32 << 26, false),  // lwzx, lwz
    341: (58 << 26 | 2, true),  // lwax, lwa
    21: (58 << 26, true),  // ldx, ld
    535: (48 << 26, false),  // lfsx, lfs
    599: (50 << 26, false),  // lfdx, lfd
    215: (38 << 26, false),  // stbx, stb
    407: (44 << 26, false),  // sthx, sth
    151: (36 << 26, false),  // stwx, stw
    149: (62 << 26, true),  // stdx, std
    663: (52 << 26, false),  // stfsx, stfs
    727: (54 << 26, false),  // stfdx, stfd
  ]

  /// `pla rX, x@got@tlsgd@pcrel` or `pld rX, x@got@tprel@pcrel` becomes `paddi rX, r13, x@tprel`.
  private static func addImmediate(_ code: inout MutableRawSpan, _ at: Int, _ value: Int64) -> Rewrite? {
    guard let old: UInt64 = try? code.load(at: at, order: .little) else { return nil }
    let kind = old & 0xfc1f_0000_fffc_0000
    guard kind == 0x3800_0000_0610_0000 || kind == 0xe400_0000_0410_0000,
      let new = try? Field.prefix34.encode(value, in: old & 0x03e0_0000_0000_0000 | 0x380d_0000_0600_0000)
    else { return nil }
    return store(&code, new, at: at) ? Rewrite() : nil
  }
}
