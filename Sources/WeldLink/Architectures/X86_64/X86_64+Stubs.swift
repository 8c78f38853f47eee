internal import WeldBytes
public import WeldELF

extension X86_64 {
  public static let callStub = StubKind(0, "call", byteCount: 8, alignment: 8)

  /// `jmp *slot(%rip)`, then a two-byte `nop`.
  public static func writeStub(
    _: StubKind, in bytes: inout MutableRawSpan, at offset: Int, _ site: StubSite
  ) throws(FieldError) {
    // The displacement counts from the end of the six-byte jump.
    let displacement = try Field.word32S.encode(Int64(bitPattern: site.slot &- (site.address &+ 6)), in: 0)
    // ff 25 d0 d1 d2 d3 66 90
    let code: UInt64 = 0x9066_0000_0000_25ff | displacement << 16
    do {
      try bytes.store(code, at: offset, order: .little)
    } catch {
      preconditionFailure("a stub outside the text it was laid out in")
    }
  }

  /// Branches, and 32-bit references, which non-PIC code takes the addresses of functions with. A wider field
  /// reaches everything.
  public static func route(of relocation: X86_64Relocation, to _: Callee) -> Route? {
    Route(stub: rule(for: relocation).field.byteCount == 4 ? callStub : nil)
  }

  /// `call` (e8), `jmp` (e9) or a conditional jump (0f 80 to 0f 8f) with a 32-bit displacement.
  public static func isBranch(_ code: RawSpan, fieldAt offset: Int) -> Bool {
    guard let opcode: UInt8 = try? code.load(at: offset - 1, order: .little) else { return false }
    if opcode == 0xe8 || opcode == 0xe9 { return true }
    guard let prefix: UInt8 = try? code.load(at: offset - 2, order: .little) else { return false }
    return prefix == 0x0f && opcode & 0xf0 == 0x80
  }

  /// The routines as glibc's static part has them: each adds `__dso_handle` to its arguments and jumps on.
  public static func supportObject() -> ObjectWriter {
    var object = ObjectWriter(machine: .x86_64, byteOrder: .little)
    let data = object.addSection(
      ".data.rel.ro", flags: [.alloc, .write], alignment: 8, contents: [UInt8](repeating: 0, count: 8))
    let handle = object.addSymbol(
      "__dso_handle", in: data, at: 0, size: 8, type: .object, binding: .weak, visibility: .hidden)
    // As in the C library's start-up files, the handle points to itself.
    object.addRelocation(X86_64Relocation.R_X86_64_64.rawValue, in: data, at: 0, to: handle, addend: 0)

    let text = object.addSection(
      ".text", flags: [.alloc, .executable], alignment: 16,
      contents: [
        // atexit(f): return __cxa_atexit(f, NULL, &__dso_handle)
        0x31, 0xf6,  // xor %esi, %esi
        0x48, 0x8d, 0x15, 0, 0, 0, 0,  // lea __dso_handle(%rip), %rdx
        0xe9, 0, 0, 0, 0,  // jmp __cxa_atexit
        0xcc, 0xcc,
        // at_quick_exit(f): return __cxa_at_quick_exit(f, &__dso_handle)
        0x48, 0x8d, 0x35, 0, 0, 0, 0,  // lea __dso_handle(%rip), %rsi
        0xe9, 0, 0, 0, 0,  // jmp __cxa_at_quick_exit
        0xcc, 0xcc, 0xcc, 0xcc,
        // pthread_atfork(f, g, h): return __register_atfork(f, g, h, &__dso_handle)
        0x48, 0x8d, 0x0d, 0, 0, 0, 0,  // lea __dso_handle(%rip), %rcx
        0xe9, 0, 0, 0, 0,  // jmp __register_atfork
      ])
    let routines: [(name: String, offset: UInt64, handle: UInt64, target: String)] = [
      ("atexit", 0, 5, "__cxa_atexit"),
      ("at_quick_exit", 16, 19, "__cxa_at_quick_exit"),
      ("pthread_atfork", 32, 35, "__register_atfork"),
    ]
    for routine in routines {
      _ = object.addSymbol(
        routine.name, in: text, at: routine.offset, size: 14, type: .function, binding: .weak,
        visibility: .hidden)
      let target = object.addUndefinedSymbol(routine.target)
      object.addRelocation(
        X86_64Relocation.R_X86_64_PC32.rawValue, in: text, at: routine.handle, to: handle, addend: -4)
      object.addRelocation(
        X86_64Relocation.R_X86_64_PLT32.rawValue, in: text, at: routine.handle + 5, to: target, addend: -4)
    }
    return object
  }
}
