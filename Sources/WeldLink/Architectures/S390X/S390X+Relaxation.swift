internal import WeldBytes
public import WeldELF

extension S390X {
  public static func rewrite(
    _ code: inout MutableRawSpan, _ kind: S390XRelocation, _ relocation: Relocation, at site: RewriteSite
  ) -> Rewrite? {
    let at = Int(truncatingIfNeeded: relocation.offset)
    switch kind {
    case .R_390_GOTENT, .R_390_GOTPLTENT:
      // lgrl %rX, S@GOTENT  →  larl %rX, S, which can only compute even addresses.
      guard relocation.addend == 2, site.S & 1 == 0,
        let opcode: UInt16 = try? code.load(at: at - 2, order: .big), opcode & 0xff0f == 0xc408,
        let field = try? Field.pc32.encode(Int64(bitPattern: site.S &+ 2 &- site.P), in: 0)
      else { return nil }
      return store(&code, 0xc000 | opcode & 0xf0, UInt32(truncatingIfNeeded: field), at: at - 2)
        ? Rewrite() : nil
    // Note: thread-local variables of the program itself
    //
    // ELF Handling For Thread-Local Storage, section 4. The literal, which held where the GOT has the
    // variable's module and offset, holds the offset from the thread pointer, and there is no call.
    case .R_390_TLS_GD64:
      let offset = site.S &+ UInt64(bitPattern: relocation.addend) &- site.TP
      return (try? code.store(offset, at: at, order: .big)) != nil ? Rewrite() : nil
    case .R_390_TLS_LDM64:
      guard site.relaxesLocalDynamic else { return nil }
      return (try? code.store(UInt64(0), at: at, order: .big)) != nil ? Rewrite() : nil
    case .R_390_TLS_GD32:
      let offset = Int64(bitPattern: site.S &+ UInt64(bitPattern: relocation.addend) &- site.TP)
      guard let offset = Int32(exactly: offset), (try? code.store(offset, at: at, order: .big)) != nil
      else { return nil }
      return Rewrite()
    case .R_390_TLS_LDM32:
      guard site.relaxesLocalDynamic else { return nil }
      return (try? code.store(UInt32(0), at: at, order: .big)) != nil ? Rewrite() : nil
    case .R_390_TLS_GDCALL, .R_390_TLS_LDCALL:
      // brasl %r14, __tls_get_offset  →  brcl 0, .
      guard let opcode: UInt16 = try? code.load(at: at, order: .big), opcode == 0xc0e5,
        store(&code, 0xc004, 0, at: at)
      else { return nil }
      return Rewrite(settling: relocation.offset &+ 2..<relocation.offset &+ 3)
    default: return nil
    }
  }

  /// `larl %rX, name` becomes `lgfi %rX, 0`: the address of an undefined weak symbol, in code that was
  /// compiled as if it were near.
  public static func rewriteAddressOfZero(_ code: inout MutableRawSpan, _ relocation: Relocation) -> Bool {
    let at = Int(truncatingIfNeeded: relocation.offset)
    guard relocation.addend == 2, let opcode: UInt16 = try? code.load(at: at - 2, order: .big),
      opcode & 0xff0f == 0xc000
    else { return false }
    return store(&code, opcode | 1, 0, at: at - 2)
  }

  /// Writes a six-byte instruction: its first halfword and the rest.
  static func store(_ code: inout MutableRawSpan, _ opcode: UInt16, _ rest: UInt32, at offset: Int) -> Bool {
    (try? code.store(opcode, at: offset, order: .big)) != nil
      && (try? code.store(rest, at: offset + 2, order: .big)) != nil
  }
}
