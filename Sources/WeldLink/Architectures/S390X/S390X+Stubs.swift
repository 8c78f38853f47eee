internal import WeldBytes
public import WeldELF

extension S390X {
  public static let callStub = StubKind(0, "call", byteCount: 16, alignment: 8)

  /// `larl %r1, slot; lg %r1, 0(%r1); br %r1`, then a two-byte no-op.
  public static func writeStub(
    _: StubKind, in bytes: inout MutableRawSpan, at offset: Int, _ site: StubSite
  ) throws(FieldError) {
    // The displacement is at byte 2 and counts from byte 0.
    let displacement = try Field.pc32.encode(Int64(bitPattern: site.slot &- site.address), in: 0)
    do {
      try bytes.store(0xc010_0000_0000_e310 | displacement << 16, at: offset, order: .big)
      try bytes.store(UInt64(0x1000_0004_07f1_0707), at: offset + 8, order: .big)
    } catch {
      preconditionFailure("a stub outside the text it was laid out in")
    }
  }

  public static func route(of relocation: S390XRelocation, to _: Callee) -> Route? {
    switch relocation {
    // Words that hold no code address, or reach everything.
    case .R_390_8, .R_390_12, .R_390_16, .R_390_20, .R_390_32, .R_390_64, .R_390_PC64, .R_390_GOTOFF64:
      Route(stub: nil)
    // What asks for a function's PLT entry gets what a call gets, however much it could hold.
    case .R_390_PLT64, .R_390_PLTOFF64: Route(stub: callStub, reach: 0x1_0000_0000)
    default: Route(stub: callStub)
    }
  }

  /// `brasl` and `brcl` with 32-bit, `bras` and `brc` with 16-bit displacements.
  public static func isBranch(_ code: RawSpan, fieldAt offset: Int) -> Bool {
    guard let opcode: UInt16 = try? code.load(at: offset - 2, order: .big) else { return false }
    return [0xc004, 0xc005, 0xa704, 0xa705].contains(opcode & 0xff0f)
  }

  /// The routines as glibc's static part has them: each adds `__dso_handle` to its arguments and jumps on.
  public static func supportObject() -> ObjectWriter {
    var object = ObjectWriter(machine: .s390, byteOrder: .big)
    let data = object.addSection(
      ".data.rel.ro", flags: [.alloc, .write], alignment: 8, contents: [UInt8](repeating: 0, count: 8))
    let handle = object.addSymbol(
      "__dso_handle", in: data, at: 0, size: 8, type: .object, binding: .weak, visibility: .hidden)
    // As in the C library's start-up files, the handle points to itself.
    object.addRelocation(S390XRelocation.R_390_64.rawValue, in: data, at: 0, to: handle, addend: 0)
    let text = object.addSection(
      ".text", flags: [.alloc, .executable], alignment: 16,
      contents: [
        // atexit(f): return __cxa_atexit(f, NULL, &__dso_handle)
        0xa7, 0x39, 0, 0,  // lghi %r3, 0
        0xc0, 0x40, 0, 0, 0, 0,  // larl %r4, __dso_handle
        0xc0, 0xf4, 0, 0, 0, 0,  // jg __cxa_atexit
        // at_quick_exit(f): return __cxa_at_quick_exit(f, &__dso_handle)
        0xc0, 0x30, 0, 0, 0, 0,  // larl %r3, __dso_handle
        0xc0, 0xf4, 0, 0, 0, 0,  // jg __cxa_at_quick_exit
        0x07, 0x07, 0x07, 0x07,
        // pthread_atfork(f, g, h): return __register_atfork(f, g, h, &__dso_handle)
        0xc0, 0x50, 0, 0, 0, 0,  // larl %r5, __dso_handle
        0xc0, 0xf4, 0, 0, 0, 0,  // jg __register_atfork
      ])
    let routines: [(name: String, offset: UInt64, size: UInt64, handle: UInt64, target: String)] = [
      ("atexit", 0, 16, 6, "__cxa_atexit"),
      ("at_quick_exit", 16, 12, 18, "__cxa_at_quick_exit"),
      ("pthread_atfork", 32, 12, 34, "__register_atfork"),
    ]
    for routine in routines {
      _ = object.addSymbol(
        routine.name, in: text, at: routine.offset, size: routine.size, type: .function, binding: .weak,
        visibility: .hidden)
      let target = object.addUndefinedSymbol(routine.target)
      object.addRelocation(
        S390XRelocation.R_390_PC32DBL.rawValue, in: text, at: routine.handle, to: handle, addend: 2)
      object.addRelocation(
        S390XRelocation.R_390_PLT32DBL.rawValue, in: text, at: routine.handle + 6, to: target, addend: 2)
    }
    return object
  }
}
