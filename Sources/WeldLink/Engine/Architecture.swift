public import WeldBytes
public import WeldELF

/// What the engine must know about a machine.
///
/// Implemented by enums without cases, so that the loops over relocations are compiled once for each machine
/// and call nothing through a table.
public protocol Architecture: Sendable {
  /// The psABI's relocation types.
  associatedtype RelocationKind: RelocationType
  /// What does not take code to say.
  static var traits: MachineTraits { get }
  /// The byte order of code and data.
  static var byteOrder: ByteOrder { get }
  /// What ``rule(for:)`` says of each type, for the loops over relocations: `RuleTable(of: Self.self)`, made once.
  static var rules: RuleTable { get }
  /// Whether the addend of a relocation that uses a GOT slot or a stub says which address the slot holds or
  /// the stub leads to. Elsewhere it is added to the slot's or the stub's own address.
  static var addendSelectsTarget: Bool { get }
  /// Whether offsets of thread-local variables in their block (``Rule/Value/moduleRelative``) change when the
  /// code that finds the block is rewritten.
  static var blockOffsetsDependOnModel: Bool { get }
  /// Whether calls depend on the callee's `st_other`.
  static var hasLocalEntries: Bool { get }

  /// What an object with this header is, if it is none that can be linked, such as one of another ABI of the
  /// machine.
  static func unsupportedABI(of header: FileHeader) -> String?

  /// What `relocation` means.
  static func rule(for relocation: RelocationKind) -> Rule

  /// The field of a rule at `offset` of `bytes`, where the instruction there has a say in it.
  ///
  /// - Parameter isCode: whether the bytes are instructions.
  static func field(of rule: Rule, in bytes: RawSpan, at offset: Int, isCode: Bool) -> Field

  /// How a relocation's place gets to a symbol that may be a function; `nil` if the definition's `st_other`
  /// has no meaning.
  static func route(of relocation: RelocationKind, to callee: Callee) -> Route?

  /// The usual kind of stub, number 0: it jumps to the function whose address a GOT slot holds.
  static var callStub: StubKind { get }

  /// The kind of stub that stands for an indirect function's address.
  static var indirectStub: StubKind { get }

  /// Writes a stub.
  ///
  /// - Parameters:
  ///   - kind: which kind.
  ///   - bytes: the text that the stub is part of.
  ///   - offset: where the stub begins in `bytes`.
  ///   - site: the addresses that go into it.
  static func writeStub(
    _ kind: StubKind, in bytes: inout MutableRawSpan, at offset: Int, _ site: StubSite
  ) throws(FieldError)

  /// Whether the field at `offset` belongs to a branch, so that a stub may stand in for its target.
  ///
  /// Asked only where the relocation type leaves it open.
  static func isBranch(_ code: RawSpan, fieldAt offset: Int) -> Bool

  /// Lets the caller restore its TOC pointer after a call, where the psABI wants that.
  ///
  /// - Parameter offset: where the call is in `code`.
  static func restoreTOC(afterCallAt offset: Int, in code: inout MutableRawSpan) throws(TOCRestoreError)

  /// Whether the relocation is part of an access to a word of a `.toc` section that ``rewrite(_:_:_:at:)``
  /// can make one to what the word points to. Any other use of the word keeps all of them.
  static func mayBypassWord(_ relocation: RelocationKind, in code: RawSpan, at offset: Int) -> Bool

  /// Rewrites an instruction into one that needs less, if it can be.
  ///
  /// - Parameters:
  ///   - code: the section's bytes.
  ///   - kind: the relocation's type, one whose rule allows it.
  ///   - relocation: the relocation; its field lies in `code`.
  ///   - site: the addresses that are known.
  /// - Returns: `nil` if it was not, so that the relocation must be applied as its rule says.
  static func rewrite(
    _ code: inout MutableRawSpan, _ kind: RelocationKind, _ relocation: Relocation, at site: RewriteSite
  ) -> Rewrite?

  /// Whether ``rewrite(_:_:_:at:)`` can rewrite the code that finds this module's thread-local block. What
  /// counts from the block counts from the thread pointer instead, where it can in all places.
  static func canRewriteLocalDynamic(_ kind: RelocationKind, in code: RawSpan, at offset: Int) -> Bool

  /// Rewrites an instruction that computes the address of a symbol whose address is 0 and out of reach.
  ///
  /// - Returns: whether it was rewritten.
  static func rewriteAddressOfZero(_ code: inout MutableRawSpan, _ relocation: Relocation) -> Bool

  /// An object with the routines that the C library has only in its static part (`atexit`, `at_quick_exit`,
  /// `pthread_atfork`) and `__dso_handle`, all of them weak and hidden.
  static func supportObject() -> ObjectWriter

  /// An object with the routines that compilers expect the linker to make; `nil` if there are none.
  static func linkerRoutines() -> ObjectWriter?
}

/// What a machine does alike or has nothing of.
extension Architecture {
  public static var addendSelectsTarget: Bool { false }
  public static var blockOffsetsDependOnModel: Bool { true }
  public static var hasLocalEntries: Bool { false }
  public static var indirectStub: StubKind { callStub }

  public static func unsupportedABI(of _: FileHeader) -> String? { nil }
  public static func field(of rule: Rule, in _: RawSpan, at _: Int, isCode _: Bool) -> Field { rule.field }
  public static func restoreTOC(afterCallAt _: Int, in _: inout MutableRawSpan) throws(TOCRestoreError) {}
  public static func mayBypassWord(_: RelocationKind, in _: RawSpan, at _: Int) -> Bool { false }
  public static func canRewriteLocalDynamic(_: RelocationKind, in _: RawSpan, at _: Int) -> Bool { true }
  public static func linkerRoutines() -> ObjectWriter? { nil }
}

/// What was rewritten.
public struct Rewrite: Equatable, Sendable {
  /// Offsets in the section at which further relocations have nothing left to do.
  public var settles: Range<UInt64>

  /// An instruction was rewritten, and with it those that relocations at the offsets `settles` belong to.
  public init(settling settles: Range<UInt64> = 0..<0) { self.settles = settles }
}

/// The addresses that may go into a rewritten instruction.
public struct RewriteSite: Equatable, Sendable {
  /// The symbol's address.
  public var S: UInt64
  /// The address of the field.
  public var P: UInt64
  /// The base of the GOT.
  public var GOT: UInt64
  /// The thread pointer.
  public var TP: UInt64
  /// Where the word of a `.toc` section points to that the place refers to; `nil` if it refers to none that
  /// may be bypassed.
  public var wordTarget: UInt64?
  /// Whether all code that finds this module's thread-local block is rewritten.
  public var relaxesLocalDynamic: Bool
  /// The next relocation of the section.
  public var next: Relocation?
}

/// A call after which the TOC pointer cannot be restored: the instruction after it is no `nop`.
public struct TOCRestoreError: Error, Equatable, Sendable {
  /// What is there; `nil` at the end of the section, and after a branch that does not return.
  public var instruction: UInt32?
}
