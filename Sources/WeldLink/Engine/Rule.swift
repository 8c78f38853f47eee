/// What a relocation type means: one row of the psABI's table.
///
/// The stage that sizes the GOT and the stubs and the stage that writes bytes read the same rule, so that
/// they cannot disagree about what a relocation needs.
public struct Rule: Equatable, Sendable {
  /// What is computed.
  public var value: Value
  /// Where it goes.
  public var field: Field
  /// How many bytes before the field the instruction begins that may be rewritten once its target is known to
  /// be in reach; 0 where none may.
  public var relaxableFrom: Int

  /// Computes `value` and writes it to `field`.
  public init(_ value: Value, into field: Field, relaxableFrom: Int = 0) {
    self.value = value
    self.field = field
    self.relaxableFrom = relaxableFrom
  }

  /// A type that no relocatable object may contain, or that is known and not linked.
  public static func refused(_ reason: Refusal) -> Rule { Rule(.refused(reason), into: .none) }

  /// A formula, in the letters of the psABIs: `S` the symbol's address, `A` the addend, `P` the place, `G`
  /// the GOT slot's offset from `GOT`, `GOT` the base of the GOT, `L` the stub's address or `S`, `Z` the
  /// symbol's size.
  public enum Value: Equatable, Sendable {
    /// Nothing; the relocation only marks something.
    case none
    /// `S + A`
    case absolute
    /// `S + A - P`
    case pcRelative
    /// `L + A - P`
    case branch
    /// `Z + A`
    case size
    /// `G + A`
    case gotSlotOffset
    /// `G + GOT + A - P`
    case gotSlotPCRelative
    /// `GOT + A - P`
    case gotBasePCRelative
    /// `S + A - GOT`
    case gotRelative
    /// `L + A - GOT`
    case stubGOTRelative
    /// A value of thread-local storage.
    case threadLocal(ThreadLocalModel)
    /// None: an error.
    case refused(Refusal)
  }

  /// Why a type is not linked.
  public enum Refusal: Equatable, Sendable {
    /// Only linkers write it, into executables and shared libraries.
    case dynamicOnly
  }

  /// How code reaches a thread-local variable (ELF Handling For Thread-Local Storage, section 4).
  public enum ThreadLocalModel: String, Equatable, Sendable {
    case generalDynamic = "general dynamic"
    case localDynamic = "local dynamic"
    case initialExec = "initial exec"
    case localExec = "local exec"
    case descriptor = "TLS descriptor"
  }
}

extension Rule.Value {
  /// What the linker must make for a relocation with this value.
  var synthesizes: Synthesis {
    switch self {
    case .none, .size, .threadLocal, .refused: .nothing
    case .absolute, .pcRelative, .branch, .gotRelative, .stubGOTRelative: .stubIfFar
    case .gotSlotOffset, .gotSlotPCRelative: .gotSlot
    case .gotBasePCRelative: .gotBase
    }
  }

  /// What a relocation may need beside the symbol's address.
  enum Synthesis: UInt8 {
    case nothing
    /// A stub, where the symbol may be out of reach of the field.
    case stubIfFar
    case gotSlot
    /// The GOT itself, empty or not.
    case gotBase
  }
}
