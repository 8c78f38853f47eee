internal import WeldBytes
public import WeldELF

extension PPC64LE {
  /// The routines as glibc's static part has them: each adds `__dso_handle` to its arguments and calls on.
  /// They keep `r2` for callers that enter them locally, hence a frame and no tail call.
  public static func supportObject() -> ObjectWriter {
    var object = ObjectWriter(machine: .ppc64, byteOrder: .little)
    let data = object.addSection(
      ".data.rel.ro", flags: [.alloc, .write], alignment: 8, contents: [UInt8](repeating: 0, count: 8))
    let handle = object.addSymbol(
      "__dso_handle", in: data, at: 0, size: 8, type: .object, binding: .weak, visibility: .hidden)
    // As in the C library's start-up files, the handle points to itself.
    object.addRelocation(PPC64Relocation.R_PPC64_ADDR64.rawValue, in: data, at: 0, to: handle, addend: 0)

    // What becomes of the arguments: all but the last instructions, which load the handle's address into a
    // register.
    let routines: [(name: String, target: String, arguments: [UInt32], register: UInt32)] = [
      // atexit(f): return __cxa_atexit(f, NULL, &__dso_handle); li r4, 0
      ("atexit", "__cxa_atexit", [0x3880_0000], 5),
      // at_quick_exit(f): return __cxa_at_quick_exit(f, &__dso_handle)
      ("at_quick_exit", "__cxa_at_quick_exit", [], 4),
      // pthread_atfork(f, g, h): return __register_atfork(f, g, h, &__dso_handle)
      ("pthread_atfork", "__register_atfork", [], 6),
    ]
    var words: [UInt32] = []
    var relocations: [(type: PPC64Relocation, offset: UInt64, symbol: String, addend: Int64)] = []
    var symbols: [(name: String, offset: UInt64, size: UInt64)] = []
    for routine in routines {
      let start = UInt64(words.count * 4)
      func here() -> UInt64 { UInt64(words.count * 4) }
      relocations.append((.R_PPC64_REL16_HA, here(), ".TOC.", 0))
      relocations.append((.R_PPC64_REL16_LO, here() + 4, ".TOC.", 4))
      // addis r2, r12, ha; addi r2, r2, lo; mflr r0; std r0, 16(r1); stdu r1, -32(r1)
      words += [0x3c4c_0000, 0x3842_0000, 0x7c08_02a6, 0xf801_0010, 0xf821_ffe1] + routine.arguments
      relocations.append((.R_PPC64_TOC16_HA, here(), "__dso_handle", 0))
      relocations.append((.R_PPC64_TOC16_LO, here() + 4, "__dso_handle", 0))
      relocations.append((.R_PPC64_REL24, here() + 8, routine.target, 0))
      // addis rN, r2, ha; addi rN, rN, lo; bl target; nop
      words += [
        0x3c02_0000 | routine.register << 21, 0x3800_0000 | routine.register << 21 | routine.register << 16,
        0x4800_0001, 0x6000_0000,
      ]
      // addi r1, r1, 32; ld r0, 16(r1); mtlr r0; blr
      words += [0x3821_0020, 0xe801_0010, 0x7c08_03a6, 0x4e80_0020]
      symbols.append((routine.name, start, here() - start))
    }
    let text = object.addSection(
      ".text", flags: [.alloc, .executable], alignment: 16, contents: words.littleEndianBytes)
    for symbol in symbols {
      // The local entry is 8 bytes after the global one.
      _ = object.addSymbol(
        symbol.name, in: text, at: symbol.offset, size: symbol.size, type: .function, binding: .weak,
        visibility: .hidden, other: 3 << 5)
    }
    for relocation in relocations {
      let symbol =
        relocation.symbol == "__dso_handle" ? handle : object.addUndefinedSymbol(relocation.symbol)
      object.addRelocation(
        relocation.type.rawValue, in: text, at: relocation.offset, to: symbol, addend: relocation.addend)
    }
    return object
  }

  /// The routines that save and restore registers for code that is compiled for size (ELFv2 ABI, section
  /// 2.3.3, "Register Save and Restore Functions"). One runs into the next, so a function enters where its
  /// first register is.
  public static func linkerRoutines() -> ObjectWriter? {
    var object = ObjectWriter(machine: .ppc64, byteOrder: .little)
    let saveLink: UInt32 = 0xf801_0010  // std r0, 16(r1)
    let loadLink: UInt32 = 0xe801_0010  // ld r0, 16(r1)
    let restoreLink: UInt32 = 0x7c08_03a6  // mtlr r0
    let returns: UInt32 = 0x4e80_0020  // blr
    // The instruction for register 14, with its displacement, and what ends the routine.
    let general: [(name: String, first: UInt32, end: [UInt32])] = [
      ("_savegpr0_", 0xf9c1_ff70, [saveLink, returns]),  // std r14, -144(r1)
      ("_restgpr0_", 0xe9c1_ff70, [loadLink, restoreLink, returns]),  // ld r14, -144(r1)
      ("_savegpr1_", 0xf9cc_ff70, [returns]),  // std r14, -144(r12)
      ("_restgpr1_", 0xe9cc_ff70, [returns]),  // ld r14, -144(r12)
      ("_savefpr_", 0xd9c1_ff70, [saveLink, returns]),  // stfd f14, -144(r1)
      ("_restfpr_", 0xc9c1_ff70, [loadLink, restoreLink, returns]),  // lfd f14, -144(r1)
    ]
    for routine in general {
      // The next register lies 8 bytes on.
      let steps = (0..<18).map { [routine.first &+ UInt32($0) &* 0x0020_0008] }
      add(routine.name, from: 14, steps, routine.end, to: &object)
    }
    for (name, first) in [("_savevr_", 0x7c0c_01ce), ("_restvr_", 0x7c0c_00ce)] as [(String, UInt32)] {
      let steps = (20..<32).map { number in
        // li r12, -16 * (32 - N); stvx vN, r12, r0 or lvx vN, r12, r0
        [0x3980_0000 | UInt32(UInt16(truncatingIfNeeded: -16 * (32 - number))), first | UInt32(number) << 21]
      }
      add(name, from: 20, steps, [returns], to: &object)
    }
    return object
  }

  /// Adds a routine with an entry before each of `steps`.
  private static func add(
    _ name: String, from first: Int, _ steps: [[UInt32]], _ end: [UInt32], to object: inout ObjectWriter
  ) {
    let words = steps.flatMap { $0 } + end
    let text = object.addSection(
      ".text.\(name)", flags: [.alloc, .executable], alignment: 4, contents: words.littleEndianBytes)
    var offset = 0
    for (number, step) in steps.enumerated() {
      _ = object.addSymbol(
        "\(name)\(first + number)", in: text, at: UInt64(offset), size: UInt64(words.count * 4 - offset),
        type: .function, binding: .weak, visibility: .hidden)
      offset += step.count * 4
    }
  }
}

extension [UInt32] {
  fileprivate var littleEndianBytes: [UInt8] {
    flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } }
  }
}
