/// What a relocation type means: one row of the psABI's table.
///
/// The stage that sizes the GOT and the stubs, the stage that writes bytes, and the printed table read the
/// same rule, so that they cannot disagree about what a relocation needs.
public struct Rule: Equatable, Sendable {
  /// What is computed.
  public var value: Value
  /// Which part of it is wanted.
  public var part: Part
  /// Where it goes: a field of an instruction, narrowed to the part.
  public var field: Field
  /// Whether the instruction is rewritten, once its target is known, into one that needs less.
  public var rewriting: Rewriting

  /// Computes `value` and writes `part` of it to `field`.
  public init(_ value: Value, _ part: Part = .whole, into field: Field, rewriting: Rewriting = .never) {
    self.value = value
    self.part = part
    self.field = part.of(field)
    self.rewriting = rewriting
  }

  /// A type that only marks an instruction.
  public static func marker(rewriting: Rewriting = .never) -> Rule {
    Rule(.none, into: .none, rewriting: rewriting)
  }

  /// When an instruction is rewritten.
  public enum Rewriting: Equatable, Sendable {
    case never
    /// Where it can be, unless the user does not want it.
    case optional
    /// Unless the user does not want it; it must be possible, since other places are rewritten along with it.
    case together
    /// Always: there is nothing that the original could use.
    case required
  }

  /// A type that no relocatable object may contain, or that is known and not linked.
  public static func refused(_ reason: Refusal) -> Rule { Rule(.refused(reason), into: .none) }

  /// A formula, in the letters of the psABIs: `S` the symbol's address, `A` the addend, `P` the place, `G`
  /// the address of a GOT slot, `GOT` the base of the GOT (on Power `.TOC.`), `L` the stub's address or `S`,
  /// `Z` the symbol's size, `TP` the thread pointer and `DTP` the module's thread-local block.
  public enum Value: Equatable, Sendable {
    /// Nothing; the relocation only marks something.
    case none
    /// `S + A`
    case absolute
    /// `S + A - P`
    case pcRelative
    /// `L + A - P`
    case branch
    /// `S + A`, where `S` is the entry point for callers that share the callee's TOC.
    case localEntry
    /// `Z + A`
    case size
    /// `GOT`
    case gotBase
    /// `GOT + A - P`
    case gotBasePCRelative
    /// `S + A - GOT`
    case gotRelative
    /// `L + A - GOT`
    case stubGOTRelative
    /// `G`, counted from some place. The addend is added to it, or selects the slot
    /// (``Architecture/addendSelectsTarget``).
    case slot(SlotKind, from: Origin)
    /// `S + A - TP`
    case threadPointerRelative
    /// `S + A - DTP`
    case moduleRelative
    /// The number of the symbol's module: 1, the program's.
    case moduleNumber
    /// None: an error.
    case refused(Refusal)
  }

  /// Where the address of a slot is counted from.
  public enum Origin: Equatable, Sendable {
    /// Address 0.
    case zero
    /// `P`
    case place
    /// `GOT`
    case gotBase
  }

  /// Why a type is not linked.
  public enum Refusal: Equatable, Sendable {
    /// Only linkers write it, into executables and shared libraries.
    case dynamicOnly
    /// The psABI withdrew it, or no tool ever made or linked it.
    case deprecated
  }
}

extension Rule.Value {
  /// What the linker must make for a relocation with this value.
  var synthesizes: Synthesis {
    switch self {
    case .none, .size, .refused, .threadPointerRelative, .moduleRelative, .moduleNumber: .nothing
    case .absolute, .pcRelative, .branch, .localEntry, .gotRelative, .stubGOTRelative: .stubIfFar
    case .slot: .gotSlot
    case .gotBase, .gotBasePCRelative: .gotBase
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

  /// Whether the GOT's base is part of the formula.
  var usesGOTBase: Bool {
    switch self {
    case .gotBase, .gotBasePCRelative, .gotRelative, .stubGOTRelative, .slot(_, from: .gotBase): true
    default: false
    }
  }

  /// How code reaches a thread-local variable by this value (ELF Handling For Thread-Local Storage, section
  /// 4); `nil` where the value is none of thread-local storage.
  var threadLocalModel: ThreadLocalModel? {
    switch self {
    case .threadPointerRelative: .localExec
    case .moduleRelative, .slot(.module, _), .slot(.moduleOffset, _): .localDynamic
    case .slot(.threadPointerOffset, _): .initialExec
    case .moduleNumber, .slot(.moduleAndOffset, _): .generalDynamic
    case .slot(.descriptor, _): .descriptor
    default: nil
    }
  }

  enum ThreadLocalModel: String, Equatable, Sendable {
    case generalDynamic = "general dynamic"
    case localDynamic = "local dynamic"
    case initialExec = "initial exec"
    case localExec = "local exec"
    case descriptor = "TLS descriptor"
  }
}
