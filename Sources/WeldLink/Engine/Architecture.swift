public import WeldBytes
public import WeldELF

/// What the engine must know about a machine.
///
/// Implemented by enums without cases, so that the loops over relocations are compiled once for each machine
/// and call nothing through a table.
public protocol Architecture: Sendable {
  /// The psABI's relocation types.
  associatedtype RelocationKind: RelocationType
  /// `e_machine`.
  static var machine: Machine { get }
  /// The byte order of code and data.
  static var byteOrder: ByteOrder { get }

  /// What `relocation` means.
  static func rule(for relocation: RelocationKind) -> Rule

  /// Bytes of a stub, a multiple of its alignment.
  static var stubByteCount: Int { get }
  /// What stubs are aligned to, in bytes.
  static var stubAlignment: Int { get }
  /// Writes a stub that jumps to the address in a GOT slot.
  ///
  /// - Parameters:
  ///   - bytes: the text that the stub is part of.
  ///   - offset: where the stub begins in `bytes`.
  ///   - address: where the stub begins in the target.
  ///   - slot: where the GOT slot is in the target.
  static func writeStub(
    in bytes: inout MutableRawSpan, at offset: Int, address: UInt64, slot: UInt64
  ) throws(FieldError)

  /// Whether the field at `offset` belongs to a branch, so that a stub may stand in for its target.
  ///
  /// Asked only where the relocation type leaves it open.
  static func isBranch(_ code: RawSpan, fieldAt offset: Int) -> Bool

  /// Rewrites an instruction that loads from a GOT slot into one that does without, if it can be.
  ///
  /// - Parameters:
  ///   - code: the section's bytes.
  ///   - rule: the rule of the relocation.
  ///   - relocation: the relocation; its field lies in `code`.
  ///   - S: the address in the slot.
  ///   - P: the address of the field.
  /// - Returns: whether the instruction was rewritten, and so needs nothing more.
  static func relax(
    _ code: inout MutableRawSpan, _ rule: Rule, _ relocation: Relocation, S: UInt64, P: UInt64
  ) -> Bool

  /// Rewrites an instruction that computes the address of a symbol whose address is 0 and out of reach.
  ///
  /// - Returns: whether it was rewritten.
  static func rewriteAddressOfZero(_ code: inout MutableRawSpan, _ relocation: Relocation) -> Bool

  /// An object with the routines that the C library has only in its static part (`atexit`, `at_quick_exit`,
  /// `pthread_atfork`) and `__dso_handle`, all of them weak and hidden.
  static func supportObject() -> ObjectWriter
}

/// Work that is the same for every machine and is compiled for each.
protocol ArchitectureWork: ~Copyable {
  associatedtype Result
  mutating func run<A: Architecture>(for architecture: A.Type) throws(LinkError) -> Result
}

extension ArchitectureWork where Self: ~Copyable {
  /// Does the work for `machine`: the one place where machines are told apart.
  mutating func run(for machine: Machine, file: String) throws(LinkError) -> Result {
    switch machine {
    case .x86_64: try run(for: X86_64.self)
    default: throw LinkError.unsupportedMachine(file: file, machine: machine)
    }
  }
}
