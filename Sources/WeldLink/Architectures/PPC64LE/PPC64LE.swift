public import WeldBytes
public import WeldELF

/// Little-endian 64-bit Power, as the OpenPOWER ELFv2 ABI 1.5 describes it.
///
/// `r1` is the stack pointer, `r2` points into the TOC of the running function, `r12` holds a function's own
/// address when it is called through a pointer, `r13` is the thread pointer; `r0`, `r11`, `r12` and CTR are
/// free in stubs. Instructions are 4 bytes, prefixed ones (Power10) 8, which must not cross a 64-byte
/// boundary.
///
/// The TOC is the GOT followed by the `.toc` sections that compilers make; `.TOC.` is 0x8000 bytes behind its
/// start, so that 16-bit displacements reach 64 KiB of it. All objects of a batch share one, since functions
/// that are known to lie in the same module call each other without a word about `r2`. Code of the medium
/// model finds data at 32-bit distances from `.TOC.`, too, so data lies within 2 GiB of it.
///
/// A function may have two entry points. At the global one it computes `r2` from `r12`; the local one, some
/// bytes later (three bits of `st_other`), expects `r2` of the same TOC. Calls within a batch go to the local
/// entry. Calls that leave it go through a stub, which saves `r2` in the caller's frame and loads `r12`; the
/// `nop` behind the call becomes the load that restores `r2`. Anything else in that place is an error, since
/// nothing may be overwritten there. Branches reach 32 MiB: in larger batches stubs lie between the sections.
///
/// Code for Power10 needs no TOC: it addresses relative to the instruction with 34 bits and keeps nothing in
/// `r2`. Its calls are marked (`R_PPC64_REL24_NOTOC`); stubs for them do without `r2`, and enter functions
/// that want one at their global entry.
///
/// Instruction fetch does not see stores by itself: see ``AllocationBacking/finalize(_:)``.
public enum PPC64LE: Architecture {
  public typealias RelocationKind = PPC64Relocation
  public static let traits = MachineTraits(
    machine: .ppc64, name: "ppc64le (ELFv2)", psABI: "OpenPOWER ELFv2 ABI 1.5, section 3.5",
    gotBaseName: ".TOC.", gotBias: 0x8000, tocSectionName: ".toc", hasLinkerRoutines: true,
    branchReach: 0x200_0000,
    threadPointer: .afterStart(0x7000), moduleBias: 0x8000)
  public static var byteOrder: ByteOrder { .little }
  public static let rules = RuleTable(of: PPC64LE.self)
  public static var addendSelectsTarget: Bool { true }
  public static var hasLocalEntries: Bool { true }
  /// The rewritten code finds the same place: 0x8000 bytes behind the start of the block.
  public static var blockOffsetsDependOnModel: Bool { false }

  /// The two lowest bits of `e_flags` tell the ABI: 2, or 0 where code does not depend on it.
  public static func unsupportedABI(of header: FileHeader) -> String? {
    switch header.flags & 3 {
    case 0, 2: nil
    case 1: "ppc64 of the ABI ELFv1"
    default: "ppc64 of an unknown ABI (e_flags \(header.flags))"
    }
  }
}
