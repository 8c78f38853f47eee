public import WeldBytes
public import WeldELF

/// AMD64, as the System V psABI 1.0 describes it for Linux.
///
/// Code reaches its surroundings in three ways:
///
/// - relative to the instruction pointer, with a signed 32-bit displacement: calls, jumps and almost all data
///   of position independent code. It reaches ±2 GiB. `P` is the address of the displacement field, but the
///   processor adds it to the address of the *next* instruction, hence the addend of -4 in most relocations
///   (-5 and less where an immediate operand follows).
/// - absolutely, with 32 bits: code compiled without `-fPIC` and `-fPIE` (`R_X86_64_32`, zero-extended, and
///   `R_X86_64_32S`, sign-extended). It reaches the lowest and, with the latter, the highest 2 GiB of the
///   address space.
/// - absolutely, with 64 bits: pointers in data and `movabs` of the medium and large code models.
///
/// What may be farther than 2 GiB is reached through the global offset table: `mov name@GOTPCREL(%rip), %reg`
/// loads the address of `name` from a slot near the code. When the address turns out to be in reach, the
/// psABI lets a linker replace the load by `lea name(%rip), %reg` (section B.2); `R_X86_64_GOTPCRELX` and its
/// kin say that the instruction is one for which this is known to work. Calls to far functions go through a
/// stub, which jumps to the address in a slot; it changes no register, so `%r11`, `%r10` (static chain) and
/// `%al` (vector arguments) stay as they are.
///
/// In the large code model `_GLOBAL_OFFSET_TABLE_` is computed into a register and slots, data and functions
/// are found at 64-bit offsets from it. Its value here is the address of the first slot; no slot is reserved.
///
/// Instruction fetch sees stores without further ado, so nothing is flushed after code was written.
public enum X86_64: Architecture {
  public typealias RelocationKind = X86_64Relocation
  public static let traits = MachineTraits(
    machine: .x86_64, name: "x86_64", psABI: "System V psABI 1.0, AMD64, section 4.4.1",
    gotBaseName: "_GLOBAL_OFFSET_TABLE_", hasLargeSections: true, branchReach: 0x8000_0000,
    threadPointer: .atEnd)
  public static var byteOrder: ByteOrder { .little }
  public static let rules = RuleTable(of: X86_64.self)
}
