public import WeldBytes
public import WeldELF
public import WeldMemory

/// What a link gave: sections with their final bytes, symbols, slots and stubs, and what was decided at each
/// relocation.
///
/// Made by ``RuntimeDyld/linkMap()`` and ``ImageLinker``, for tests and tools; linking itself does not need
/// it.
public struct LinkMap: Sendable {
  /// The machine of all objects.
  public var machine: Machine
  /// The byte order of ``Section/contents``.
  public var byteOrder: ByteOrder
  /// What the psABI's formulas call `GOT`: the value of `_GLOBAL_OFFSET_TABLE_`, on ppc64le of `.TOC.`; `nil`
  /// without a GOT.
  public var gotBase: Address?
  /// The value of `.TOC.`; `nil` but on ppc64le.
  public var tocBase: Address?
  /// All sections: those of the objects in the order of the input, loaded or not, then those that the linker
  /// made.
  public var sections: [Section] = []
  /// All symbols with an address: local ones, too.
  public var symbols: [Symbol] = []
  /// Which file's code uses which slot of the GOT.
  public var slots: [Slot] = []
  /// Which file's code uses which stub.
  public var stubs: [Stub] = []
  /// What was decided at each relocation, in the order of the input.
  public var relocations: [Relocation] = []

  /// A map without entries.
  public init(machine: Machine, byteOrder: ByteOrder) {
    self.machine = machine
    self.byteOrder = byteOrder
  }

  /// A section and its bytes.
  public struct Section: Equatable, Sendable {
    /// The object it comes from; empty for one that the linker made.
    public var file: String
    /// Its index in the object; `nil` for one that the linker made.
    public var index: Int?
    /// Its name.
    public var name: String
    /// Where it is used; 0 where it is not loaded.
    public var address: Address
    /// Bytes it takes.
    public var byteCount: Int
    /// What may be done with it; empty where it is not loaded (`.debug_*`).
    public var protection: Protection
    /// Its final bytes; empty for zero-fill memory.
    public var contents: [UInt8]
    /// What its address is a multiple of: a power of two, in bytes.
    public var alignment: Int
    /// Whether it holds the initial values of thread-local variables.
    public var isThreadLocal: Bool

    /// A section with these bytes.
    public init(
      file: String, index: Int?, name: String, address: Address, byteCount: Int, protection: Protection,
      contents: [UInt8], alignment: Int = 1, isThreadLocal: Bool = false
    ) {
      self.file = file
      self.index = index
      self.name = name
      self.address = address
      self.byteCount = byteCount
      self.protection = protection
      self.contents = contents
      self.alignment = alignment
      self.isThreadLocal = isThreadLocal
    }
  }

  /// A symbol and its address.
  public struct Symbol: Equatable, Sendable {
    /// Its name.
    public var name: String
    /// The object that defines it; empty for one that comes from outside, or that the linker defines.
    public var file: String
    /// The position in ``LinkMap/sections`` of the section it lies in; `nil` for absolute symbols and those
    /// from outside.
    public var section: Int?
    /// Where it is: `S` of the psABI's formulas.
    public var address: Address
    /// Its size, in bytes, as its definition has it.
    public var byteCount: UInt64
    /// Whether it can be seen from outside of its object.
    public var binding: SymbolBinding
    /// What it is.
    public var type: SymbolType
    /// `st_other`: the visibility, and bits of the processor's own, such as ppc64le's local entry.
    public var other: UInt8

    /// A symbol at `address`.
    public init(
      name: String, file: String, section: Int?, address: Address, byteCount: UInt64, binding: SymbolBinding,
      type: SymbolType, other: UInt8 = 0
    ) {
      self.other = other
      self.name = name
      self.file = file
      self.section = section
      self.address = address
      self.byteCount = byteCount
      self.binding = binding
      self.type = type
    }
  }

  /// A slot of the GOT, as one file's code uses it.
  public struct Slot: Equatable, Sendable {
    /// The file.
    public var file: String
    /// The symbol that it is for; empty for the slot of a module.
    public var symbol: String
    /// What is added to the symbol's address in the slot.
    public var addend: Int64
    /// What it holds.
    public var kind: SlotKind
    /// Where it is.
    public var address: Address

    /// A slot at `address`.
    public init(file: String, symbol: String, addend: Int64, kind: SlotKind, address: Address) {
      self.file = file
      self.symbol = symbol
      self.addend = addend
      self.kind = kind
      self.address = address
    }
  }

  /// A stub, as one file's code uses it.
  public struct Stub: Equatable, Sendable {
    /// The file.
    public var file: String
    /// The name of the section in that file which branches to it.
    public var section: String
    /// The symbol that it leads to.
    public var symbol: String
    /// What kind it is, as the architecture calls it: `call` and others.
    public var kind: String
    /// Where it is.
    public var address: Address
    /// Bytes it takes.
    public var byteCount: Int
    /// Where it leads to.
    public var target: Address

    /// A stub at `address`.
    public init(
      file: String, section: String, symbol: String, kind: String, address: Address, byteCount: Int,
      target: Address
    ) {
      self.file = file
      self.section = section
      self.symbol = symbol
      self.kind = kind
      self.address = address
      self.byteCount = byteCount
      self.target = target
    }
  }

  /// A relocation, what was decided about it, and the bytes that it gave.
  public struct Relocation: Equatable, Sendable {
    /// The object.
    public var file: String
    /// The position in ``LinkMap/sections`` of the section that it changes.
    public var section: Int
    /// Bytes from the section's start.
    public var offset: UInt64
    /// The number of its type.
    public var type: UInt32
    /// The symbol's name; a section's name for a section symbol.
    public var symbol: String
    /// The addend.
    public var addend: Int64
    /// How the place reaches the symbol.
    public var via: Via
    /// What the place refers to: the symbol's address, the slot's, or the stub's.
    public var target: Address
    /// What went into the formula, under the psABI's letters (`S`, `A`, `P`, `G`, `L`, `GOT`, `TP` …), in the
    /// order in which the formula has them.
    public var inputs: [Input]
    /// Where ``before`` and ``after`` begin, in bytes from the section's start: ``offset``, or earlier if an
    /// instruction was rewritten.
    public var changeOffset: Int
    /// The object's bytes there.
    public var before: [UInt8]
    /// The final bytes there.
    public var after: [UInt8]

    /// Whether the instruction was rewritten.
    public var isRelaxed: Bool { via == .rewritten }

    /// One letter of a formula and its value.
    public struct Input: Equatable, Sendable {
      /// The letter, or letters.
      public var letter: String
      /// What stood for it, in 64 bits.
      public var value: UInt64

      /// A letter and its value.
      public init(_ letter: String, _ value: UInt64) {
        self.letter = letter
        self.value = value
      }
    }

    /// A relocation at `offset` of the section at position `section`.
    public init(
      file: String, section: Int, offset: UInt64, type: UInt32, symbol: String, addend: Int64, via: Via,
      target: Address, inputs: [Input], changeOffset: Int, before: [UInt8], after: [UInt8]
    ) {
      self.file = file
      self.section = section
      self.offset = offset
      self.type = type
      self.symbol = symbol
      self.addend = addend
      self.via = via
      self.target = target
      self.inputs = inputs
      self.changeOffset = changeOffset
      self.before = before
      self.after = after
    }
  }

  /// How a place reaches a symbol.
  public enum Via: String, Equatable, Sendable {
    /// Nothing is written: the relocation only marks something.
    case nothing
    /// By its address, or by a distance to it.
    case direct
    /// Through a stub.
    case stub
    /// Through a slot of the GOT.
    case got
    /// By its address, in place of a slot: the instruction was rewritten.
    case rewritten
  }
}

/// What a slot of the GOT holds.
public enum SlotKind: String, Hashable, Sendable {
  /// The address of a symbol.
  case address
  /// The offset of a thread-local variable from the thread pointer.
  case threadPointerOffset = "tls-offset"
  /// The offset of a thread-local variable from its module's block. Only ppc64le has such slots.
  case moduleOffset = "tls-module-offset"
  /// The number of a variable's module and, in the next slot, its offset there.
  case moduleAndOffset = "tls-index"
  /// The number of this module and, in the next slot, 0.
  case module = "tls-module"
  /// A function and, in the next slot, its argument.
  case descriptor = "tls-descriptor"
}
