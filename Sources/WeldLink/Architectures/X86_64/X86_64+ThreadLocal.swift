internal import WeldBytes
public import WeldELF

// Note: thread-local variables of the program itself
//
// psABI 1.0, section 4.7 and ELF Handling For Thread-Local Storage, section 5. A program knows how far each
// of its variables lies from the thread pointer, so code that would ask for it at run time is rewritten into
// code that has the number in it. Each sequence is compared as a whole before it is replaced.
extension X86_64 {
  static func rewriteThreadLocal(
    _ code: inout MutableRawSpan, _ kind: X86_64Relocation, _ relocation: Relocation, at site: RewriteSite
  ) -> Rewrite? {
    let at = Int(truncatingIfNeeded: relocation.offset)
    switch kind {
    case .R_X86_64_TLSLD: return site.relaxesLocalDynamic ? localDynamic(&code, at) : nil
    case .R_X86_64_TLSDESC_CALL:
      // call *name@tlscall(%rax)  →  xchg %ax, %ax
      guard load(code, at) == 0xff, load(code, at + 1) == 0x10 else { return nil }
      return store(&code, [0x66, 0x90], at) ? Rewrite() : nil
    default: break
    }
    // The field counts from the end of the instruction, four bytes on; the variable's offset does not.
    let A = UInt64(bitPattern: relocation.addend &+ 4)
    guard let offset = Int32(exactly: Int64(bitPattern: site.S &+ A &- site.TP)) else { return nil }
    switch kind {
    case .R_X86_64_TLSGD: return generalDynamic(&code, at, offset)
    case .R_X86_64_GOTTPOFF: return initialExec(&code, at, offset)
    case .R_X86_64_GOTPC32_TLSDESC:
      // lea name@tlsdesc(%rip), %reg  →  mov $offset, %reg
      guard let prefix = load(code, at - 3), prefix & 0xfb == 0x48, load(code, at - 2) == 0x8d,
        let modRM = load(code, at - 1), modRM & 0xc7 == 5
      else { return nil }
      return moveImmediate(&code, at, prefix: prefix, modRM: modRM, offset) ? Rewrite() : nil
    case .R_X86_64_CODE_4_GOTTPOFF, .R_X86_64_CODE_4_GOTPC32_TLSDESC:
      return extendedImmediate(&code, at, offset) ? Rewrite() : nil
    default: return nil
    }
  }

  /// Whether the call that a local-dynamic access makes is one that ``rewriteThreadLocal(_:_:_:at:)``
  /// replaces.
  public static func canRewriteLocalDynamic(_ kind: X86_64Relocation, in code: RawSpan, at offset: Int)
    -> Bool
  {
    localDynamicSequences.contains { matches(code, $0.before + $0.after, at: offset - 3) }
  }

  /// `mov %fs:0, %rax`
  private static let loadThreadPointer: [UInt8?] = [0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0]

  /// A sequence that calls `__tls_get_addr`: bytes, `nil` where a field or a register is.
  private struct Sequence {
    /// How many bytes of it lie before the field.
    var start: Int
    var before: [UInt8?]
    var after: [UInt8?]
    /// Bytes from the field to that of the call.
    var call: Int
    /// What replaces it.
    var padding: [UInt8] = []
  }

  private static let field: [UInt8?] = [nil, nil, nil, nil]

  private static let generalDynamicSequences = [
    // data16 lea x@tlsgd(%rip), %rdi; data16 data16 rex.w call __tls_get_addr@plt
    Sequence(
      start: 4, before: [0x66, 0x48, 0x8d, 0x3d], after: field + [0x66, 0x66, 0x48, 0xe8] + field, call: 8),
    // data16 lea x@tlsgd(%rip), %rdi; data16 rex.w call *__tls_get_addr@gotpcrel(%rip)
    Sequence(
      start: 4, before: [0x66, 0x48, 0x8d, 0x3d], after: field + [0x66, 0x48, 0xff, 0x15] + field, call: 8),
    // lea x@tlsgd(%rip), %rdi; movabs $__tls_get_addr@pltoff, %rax; add %rbx, %rax; call *%rax
    Sequence(
      start: 3, before: [0x48, 0x8d, 0x3d],
      after: field + [0x48, 0xb8] + field + field + [0x48, 0x01, 0xd8, 0xff, 0xd0], call: 6,
      padding: [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00]),
    // The same with the GOT in %r15.
    Sequence(
      start: 3, before: [0x48, 0x8d, 0x3d],
      after: field + [0x48, 0xb8] + field + field + [0x4c, 0x01, 0xf8, 0xff, 0xd0], call: 6,
      padding: [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00]),
  ]

  private static let localDynamicSequences = [
    // lea x@tlsld(%rip), %rdi; call __tls_get_addr@plt
    Sequence(
      start: 3, before: [0x48, 0x8d, 0x3d], after: field + [0xe8] + field, call: 5,
      padding: [0x66, 0x66, 0x66]),
    // lea x@tlsld(%rip), %rdi; call *__tls_get_addr@gotpcrel(%rip)
    Sequence(
      start: 3, before: [0x48, 0x8d, 0x3d], after: field + [0xff, 0x15] + field, call: 6,
      padding: [0x66, 0x66, 0x66, 0x66]),
    // lea x@tlsld(%rip), %rdi; movabs $__tls_get_addr@pltoff, %rax; add %rbx, %rax; call *%rax
    Sequence(
      start: 3, before: [0x48, 0x8d, 0x3d],
      after: field + [0x48, 0xb8] + field + field + [0x48, 0x01, 0xd8, 0xff, 0xd0], call: 6,
      padding: [0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0]),
    Sequence(
      start: 3, before: [0x48, 0x8d, 0x3d],
      after: field + [0x48, 0xb8] + field + field + [0x4c, 0x01, 0xf8, 0xff, 0xd0], call: 6,
      padding: [0x66, 0x66, 0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0]),
  ]

  /// →  mov %fs:0, %rax; lea offset(%rax), %rax
  private static func generalDynamic(_ code: inout MutableRawSpan, _ at: Int, _ offset: Int32) -> Rewrite? {
    for sequence in generalDynamicSequences
    where matches(code.bytes, sequence.before + sequence.after, at: at - sequence.start) {
      let new =
        loadThreadPointer.compactMap { $0 } + [0x48, 0x8d, 0x80] + bytes(of: offset) + sequence.padding
      return store(&code, new, at - sequence.start) ? settled(at, call: sequence.call) : nil
    }
    return nil
  }

  /// →  mov %fs:0, %rax. What is added to it counts from the thread pointer, too.
  private static func localDynamic(_ code: inout MutableRawSpan, _ at: Int) -> Rewrite? {
    for sequence in localDynamicSequences
    where matches(code.bytes, sequence.before + sequence.after, at: at - sequence.start) {
      let new = sequence.padding + loadThreadPointer.compactMap { $0 }
      return store(&code, new, at - sequence.start) ? settled(at, call: sequence.call) : nil
    }
    return nil
  }

  private static func settled(_ at: Int, call: Int) -> Rewrite {
    Rewrite(settling: UInt64(at + call)..<UInt64(at + call + 1))
  }

  private static func initialExec(_ code: inout MutableRawSpan, _ at: Int, _ offset: Int32) -> Rewrite? {
    guard let prefix = load(code, at - 3), prefix & 0xfb == 0x48, let opcode = load(code, at - 2),
      let modRM = load(code, at - 1), modRM & 0xc7 == 5
    else { return nil }
    let register = modRM >> 3 & 7
    switch opcode {
    case 0x8b:
      // mov x@gottpoff(%rip), %reg  →  mov $offset, %reg
      return moveImmediate(&code, at, prefix: prefix, modRM: modRM, offset) ? Rewrite() : nil
    case 0x03 where register == 4:
      // add x@gottpoff(%rip), %rsp or %r12  →  add $offset, %reg: as the base of an address they take one
      // byte more.
      let new: [UInt8] = [prefix & 4 == 0 ? 0x48 : 0x49, 0x81, 0xc0 | register] + bytes(of: offset)
      return store(&code, new, at - 3) ? Rewrite() : nil
    case 0x03:
      // add x@gottpoff(%rip), %reg  →  lea offset(%reg), %reg
      let new: [UInt8] =
        [prefix & 4 == 0 ? 0x48 : 0x4d, 0x8d, 0x80 | register << 3 | register] + bytes(of: offset)
      return store(&code, new, at - 3) ? Rewrite() : nil
    default: return nil
    }
  }

  private static func moveImmediate(
    _ code: inout MutableRawSpan, _ at: Int, prefix: UInt8, modRM: UInt8, _ offset: Int32
  ) -> Bool {
    let new: [UInt8] = [prefix & 4 == 0 ? 0x48 : 0x49, 0xc7, 0xc0 | modRM >> 3 & 7] + bytes(of: offset)
    return store(&code, new, at - 3)
  }

  /// The same after a REX2 prefix (d5): `mov` and `lea` of the slot become `mov $offset, %reg`, `add` becomes
  /// `add $offset, %reg`. The register moves from ModRM.reg to ModRM.r/m, its upper bits from R to B.
  private static func extendedImmediate(_ code: inout MutableRawSpan, _ at: Int, _ offset: Int32) -> Bool {
    guard load(code, at - 4) == 0xd5, let payload = load(code, at - 3), payload & 0x88 == 0x08,
      let opcode = load(code, at - 2), let modRM = load(code, at - 1), modRM & 0xc7 == 5,
      let new: UInt8 = opcode == 0x03 ? 0x81 : opcode == 0x8b || opcode == 0x8d ? 0xc7 : nil
    else { return false }
    let extended = payload & ~0x55 | (payload & 0x40) >> 2 | (payload & 0x04) >> 2
    return store(&code, [extended, new, 0xc0 | modRM >> 3 & 7] + bytes(of: offset), at - 3)
  }

  private static func bytes(of offset: Int32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: offset >> ($0 * 8)) }
  }

  private static func load(_ code: borrowing MutableRawSpan, _ offset: Int) -> UInt8? {
    try? code.load(at: offset, order: .little)
  }

  /// Whether the bytes at `offset` are those of `pattern`.
  private static func matches(_ code: RawSpan, _ pattern: [UInt8?], at offset: Int) -> Bool {
    guard offset >= 0 else { return false }
    for (number, byte) in pattern.enumerated() {
      guard let found: UInt8 = try? code.load(at: offset + number, order: .little) else { return false }
      if let byte, byte != found { return false }
    }
    return true
  }

  /// Replaces bytes, all of them or none.
  private static func store(_ code: inout MutableRawSpan, _ new: [UInt8], _ offset: Int) -> Bool {
    guard offset >= 0, offset + new.count <= code.byteCount else { return false }
    let span = new.span
    return (try? code.store(contentsOf: RawSpan(_elements: span), at: offset)) != nil
  }
}
