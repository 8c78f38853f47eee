public import WeldBytes
public import WeldELF

/// IBM Z, 64 bits, as the s390x ELF ABI 1.6 describes it. Everything is big-endian.
///
/// Instructions are 2, 4 or 6 bytes and aligned to 2. `%r15` is the stack pointer, `%r14` the return address,
/// `%r12` by convention the base of the GOT where code needs one, `%r13` the literal pool; `%r0` and `%r1`
/// are free in stubs.
///
/// Code reaches its surroundings by displacements that count halfwords: 32 bits of them (`brasl`, `larl`,
/// `lgrl`), ±4 GiB, or 16 bits (`bras`, `brc`), ±64 KiB, and 12 and 24 bits in branch predictions. Hence most
/// fields hold half a value, which must be even. `P` is the address of the field, which lies 2 bytes (1, 3 or
/// 4 in a few instructions) behind the start of the instruction that the processor counts from; the addend
/// makes up for it.
///
/// Slots of the GOT are addressed relative to the instruction (`lgrl name@GOTENT`) or, with 12- or 20-bit
/// displacements, relative to `%r12`, which `larl %r12, _GLOBAL_OFFSET_TABLE_` has set: to the address of the
/// first slot. No slot is reserved. When the symbol turns out to be in reach, `lgrl` of its slot becomes
/// `larl` of it.
///
/// Far functions are called through a stub, which needs `%r1` only. Instruction fetch sees stores without
/// further ado.
public enum S390X: Architecture {
  public typealias RelocationKind = S390XRelocation
  public static let traits = MachineTraits(
    machine: .s390, name: "s390x", psABI: "s390x ELF ABI 1.6, \"Relocation Types\"",
    gotBaseName: "_GLOBAL_OFFSET_TABLE_", branchReach: 0x1_0000_0000, threadPointer: .atEnd,
    threadLocalResolver: "__tls_get_offset")
  public static var byteOrder: ByteOrder { .big }
  public static let rules = RuleTable(of: S390X.self)
}
