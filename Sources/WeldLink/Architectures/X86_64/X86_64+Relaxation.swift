internal import WeldBytes
public import WeldELF

extension X86_64 {
  public static func rewrite(
    _ code: inout MutableRawSpan, _ kind: X86_64Relocation, _ relocation: Relocation, at site: RewriteSite
  ) -> Rewrite? {
    switch kind {
    case .R_X86_64_GOTPCRELX, .R_X86_64_REX_GOTPCRELX, .R_X86_64_CODE_4_GOTPCRELX, .R_X86_64_CODE_5_GOTPCRELX,
      .R_X86_64_CODE_6_GOTPCRELX:
      return bypassSlot(&code, kind, relocation, S: site.S, P: site.P) ? Rewrite() : nil
    default: return rewriteThreadLocal(&code, kind, relocation, at: site)
    }
  }

  /// Bytes of the instruction before its field.
  private static func bytesBeforeField(_ kind: X86_64Relocation) -> Int {
    switch kind {
    case .R_X86_64_REX_GOTPCRELX: 3
    case .R_X86_64_CODE_4_GOTPCRELX: 4
    case .R_X86_64_CODE_5_GOTPCRELX: 5
    case .R_X86_64_CODE_6_GOTPCRELX: 6
    default: 2
    }
  }
}

// Note: GOTPCRELX
//
// psABI 1.0, section B.2, "Optimize GOTPCRELX Relocations". The opcode and the ModRM byte are the two bytes
// before the field, whatever prefixes precede them (none, REX, REX2 or EVEX: the type tells how long they
// are). An addend other than -4 addresses something beside the slot's start and rules the rewriting out.
extension X86_64 {
  private static func bypassSlot(
    _ code: inout MutableRawSpan, _ kind: X86_64Relocation, _ relocation: Relocation, S: UInt64, P: UInt64
  ) -> Bool {
    let at = Int(truncatingIfNeeded: relocation.offset)
    let before = bytesBeforeField(kind)
    guard relocation.addend == -4, at >= before,
      let opcode: UInt8 = try? code.load(at: at - 2, order: .little),
      let modRM: UInt8 = try? code.load(at: at - 1, order: .little)
    else { return false }
    // Only `disp32(%rip)` operands: mod 00, r/m 101.
    guard modRM & 0xc7 == 0x05 else { return false }
    let displacement = Int64(bitPattern: S &- 4 &- P)
    switch (opcode, modRM) {
    case (0xff, 0x15) where before == 2:
      // call *slot(%rip)  →  addr32 call S
      return rewrite(&code, at: at, opcode: 0xe867, value: displacement, in: .word32S)
    case (0xff, 0x25) where before == 2:
      // jmp *slot(%rip)  →  jmp S; nop. The field moves one byte to the front.
      guard let field = try? Field.word32S.encode(displacement &+ 1, in: 0) else { return false }
      let bytes = 0x9000_0000_00e9 as UInt64 | field << 8
      return store(&code, UInt32(truncatingIfNeeded: bytes), at: at - 2)
        && store(&code, UInt16(truncatingIfNeeded: bytes >> 32), at: at + 2)
    case (0x8b, _) where hasKnownPrefix(code, before, at):
      // mov slot(%rip), %reg  →  lea S(%rip), %reg
      if rewrite(&code, at: at, opcode: UInt16(modRM) << 8 | 0x8d, value: displacement, in: .word32S) {
        return true
      }
      // →  mov $S, %reg, when S is out of reach but fits in 32 bits: an undefined weak symbol.
      return rewriteToImmediate(&code, before, at, opcode: 0xc7, extension: 0, S: S, register: modRM)
    case (0x85, _) where hasKnownPrefix(code, before, at):
      // test %reg, slot(%rip)  →  test $S, %reg
      return rewriteToImmediate(&code, before, at, opcode: 0xf7, extension: 0, S: S, register: modRM)
    case (_, _) where opcode & 0xc7 == 0x03 && hasKnownPrefix(code, before, at):
      // binop slot(%rip), %reg  →  binop $S, %reg; the operation is bits 3 to 5 of the opcode.
      return rewriteToImmediate(
        &code, before, at, opcode: 0x81, extension: opcode & 0x38, S: S, register: modRM)
    default:
      return false
    }
  }

  /// `lea name(%rip), %reg` becomes `mov $0, %reg`: the address of an undefined weak symbol, in code that was
  /// compiled as if it were near.
  public static func rewriteAddressOfZero(_ code: inout MutableRawSpan, _ relocation: Relocation) -> Bool {
    let at = Int(truncatingIfNeeded: relocation.offset)
    guard relocation.addend == -4, at >= 3,
      let opcode: UInt8 = try? code.load(at: at - 2, order: .little), opcode == 0x8d,
      let modRM: UInt8 = try? code.load(at: at - 1, order: .little), modRM & 0xc7 == 0x05,
      let rex: UInt8 = try? code.load(at: at - 3, order: .little), rex & 0xfb == 0x48
    else { return false }
    // After d5 it may be REX2 instead of REX, and another register; the relocation type does not tell.
    if let before: UInt8 = try? code.load(at: at - 4, order: .little), before == 0xd5 { return false }
    return rewriteToImmediate(&code, 3, at, opcode: 0xc7, extension: 0, S: 0, register: modRM)
  }

  /// Whether the bytes before the opcode are the prefix that the relocation type promises: none, REX, or REX2
  /// in map 0. EVEX encodings and unknown ones are left alone; their load from the slot is right as it
  /// stands.
  private static func hasKnownPrefix(_ code: borrowing MutableRawSpan, _ before: Int, _ at: Int) -> Bool {
    switch before {
    case 2: return true
    case 3:
      guard let rex: UInt8 = try? code.load(at: at - 3, order: .little) else { return false }
      return rex & 0xf0 == 0x40
    case 4:
      guard let escape: UInt8 = try? code.load(at: at - 4, order: .little),
        let payload: UInt8 = try? code.load(at: at - 3, order: .little)
      else { return false }
      return escape == 0xd5 && payload & 0x80 == 0
    default: return false
    }
  }

  /// Turns the register operand of ModRM.reg into one of ModRM.r/m, and the memory operand into an immediate.
  private static func rewriteToImmediate(
    _ code: inout MutableRawSpan, _ before: Int, _ at: Int, opcode: UInt8, extension bits: UInt8, S: UInt64,
    register modRM: UInt8
  ) -> Bool {
    let newModRM = 0xc0 | bits | (modRM >> 3) & 7
    // With a 64-bit operand the immediate is sign-extended, without it takes all of the 32-bit register.
    var isWide = false
    var prefix: UInt8 = 0
    if before >= 3 {
      guard let found: UInt8 = try? code.load(at: at - 3, order: .little) else { return false }
      isWide = found & 8 != 0
      // R extends ModRM.reg, B extends ModRM.r/m. In REX2's payload the high bits of both lie four to the
      // left.
      prefix = found & ~0x05 | (found & 0x04) >> 2
      if before == 4 { prefix = prefix & ~0x50 | (found & 0x40) >> 2 }
    }
    let field = isWide ? Field.word32S : Field.word32
    guard
      rewrite(
        &code, at: at, opcode: UInt16(newModRM) << 8 | UInt16(opcode), value: Int64(bitPattern: S), in: field)
    else { return false }
    return before < 3 || store(&code, prefix, at: at - 3)
  }

  /// Writes opcode and ModRM (in this order, from the lowest byte) before the field and `value` into it, or
  /// nothing at all.
  private static func rewrite(
    _ code: inout MutableRawSpan, at: Int, opcode: UInt16, value: Int64, in field: Field
  ) -> Bool {
    guard let bits = try? field.encode(value, in: 0) else { return false }
    return store(&code, UInt32(truncatingIfNeeded: bits), at: at) && store(&code, opcode, at: at - 2)
  }

  private static func store<T: FixedWidthInteger & BitwiseCopyable>(
    _ code: inout MutableRawSpan, _ value: T, at offset: Int
  ) -> Bool {
    (try? code.store(value, at: offset, order: .little)) != nil
  }
}
