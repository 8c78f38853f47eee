public import WeldELF

/// Facts of a machine that the stages before relocation need.
public struct MachineTraits: Sendable {
  /// `e_machine`.
  public var machine: Machine
  /// What a linker for it is asked for, as in `x86_64-linux-gnu`.
  public var name: StaticString
  /// Where the psABI describes its relocations.
  public var psABI: StaticString
  /// The name of the symbol at the GOT's base.
  public var gotBaseName: StaticString
  /// Bytes from the start of the GOT to its base.
  public var gotBias: UInt64 = 0
  /// The sections that compilers make GOTs of their own in, laid out behind the linker's; `nil` if there are
  /// none.
  public var tocSectionName: StaticString?
  /// Whether `SHF_X86_64_LARGE` means something.
  public var hasLargeSections = false
  /// Whether compilers expect routines of the linker.
  public var hasLinkerRoutines = false
  /// How far a branch reaches, in bytes; what text lies farther apart has stubs in between.
  public var branchReach: Int
  /// How the thread pointer lies to the thread-local block of the program.
  public var threadPointer: ThreadPointer
  /// The function that finds a thread-local variable.
  public var threadLocalResolver: StaticString = "__tls_get_addr"
  /// What is subtracted from offsets in a module's thread-local block.
  public var moduleBias: UInt64 = 0

  /// Variants of thread-local storage (ELF Handling For Thread-Local Storage, section 3).
  public enum ThreadPointer: Equatable, Sendable {
    /// It points this many bytes behind the start of the block: variant I.
    case afterStart(UInt64)
    /// It points to the end of the block, rounded up to the block's alignment: variant II.
    case atEnd
  }
}
