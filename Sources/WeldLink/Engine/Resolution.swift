internal import WeldBytes
internal import WeldELF

/// What is known about a symbol once names are resolved.
struct SymbolClass: OptionSet, Sendable {
  var rawValue: UInt8

  /// Defined by the batch, or by the linker for it.
  static let defined = SymbolClass(rawValue: 1)
  /// Defined, but not at a place of the batch: it may be anywhere.
  static let absolute = SymbolClass(rawValue: 2)
  /// `STT_GNU_IFUNC`: reached through a stub.
  static let indirect = SymbolClass(rawValue: 4)
  /// `STT_TLS`.
  static let threadLocal = SymbolClass(rawValue: 8)
  /// Local, in a section that was dropped.
  static let discarded = SymbolClass(rawValue: 16)
  /// Undefined, and wanted only weakly: its address is 0 if nobody has it.
  static let weakReference = SymbolClass(rawValue: 32)
}

/// A symbol of the batch.
struct BatchSymbol: Sendable {
  /// `S`: 0 until it is known.
  var address: UInt64 = 0
  /// The number of the symbol that stands for it: its own, or that of the definition of its name.
  var canonical: UInt32 = 0
  /// What is known about it; for a name, under the number of its canonical symbol.
  var classes: SymbolClass = []
}

/// A symbol that is seen by name, once for all objects that mention it.
struct GlobalSymbol: Sendable {
  /// The number of the symbol that stands for all: the definition, or without one the first reference.
  var symbol: Int
  /// How much the best mention so far weighs.
  var strength: Strength
  var visibility: SymbolVisibility
  /// What the symbol that stands for all is.
  var type: SymbolType

  enum Strength: UInt8, Comparable, Sendable {
    case weakReference
    case reference
    case weakDefinition
    case common
    case definition

    static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
  }

  var isDefined: Bool { strength >= .weakDefinition }
}

/// A symbol that the linker defines because nobody else does.
enum LinkerDefinition: Equatable, Sendable {
  /// `_GLOBAL_OFFSET_TABLE_`
  case gotBase
  /// `__start_NAME`, `__stop_NAME`: the bounds of the sections called NAME.
  case sectionStart(String)
  case sectionEnd(String)
  /// `__init_array_start` and kin: the bounds of an array of pointers to functions.
  case arrayStart(SectionRole)
  case arrayEnd(SectionRole)
  /// `_etext`, `_edata`, `__bss_start`, `_end` and their namesakes without the underscore.
  case end(of: SegmentKind)
  case start(of: SegmentKind)
}

/// Room that the linker makes for a common symbol.
struct CommonSymbol: Sendable {
  var symbol: Int
  var byteCount: Int
  /// A power of two, in bytes.
  var alignment: Int
  var kind: SegmentKind
  /// Where it begins, in bytes from the start of its segment. Known after layout.
  var position = 0
}

/// Who defines what in a batch: what the resolver gives.
///
/// Not copyable, like what the later stages give: a copy would cost more than linking a small object.
struct Resolution: ~Copyable, Sendable {
  var batch: Batch
  /// Whether accesses to thread-local variables are linked.
  let linksThreadLocals: Bool
  /// All sections of the batch.
  var sections: [InputSection]
  /// What sections are, some of which may have been dropped since.
  var roles = SectionRoles()
  /// All symbols of the batch.
  var symbols: [BatchSymbol]
  var names: NameTable
  /// Under the number of the name.
  var globals = Few<GlobalSymbol>()
  var commons: [CommonSymbol] = []
  /// Symbols that the linker defines, by their canonical numbers.
  var linkerDefinitions: [(symbol: Int, definition: LinkerDefinition)] = []
  /// Sections whose names are C identifiers, by name.
  var identifierSections: [String: [Int]] = [:]
  /// The indirect functions that the batch defines.
  var indirectFunctions: [Int] = []
  /// With it, the plan that this is part of is not copied for those who borrow it.
  private let inPlace = InPlace()

  /// Nothing is known yet about what `batch` defines.
  init(of batch: consuming Batch, linksThreadLocals: Bool) {
    self.batch = batch
    self.linksThreadLocals = linksThreadLocals
    sections = Array(of: InputSection(), count: self.batch.sectionCount)
    symbols = Array(of: BatchSymbol(), count: self.batch.symbolCount)
    var globalCount = 0
    var largestCount = 0
    for position in self.batch.objects.indices {
      let count = self.batch.globals(ofObject: position).count
      globalCount += count
      largestCount = max(largestCount, count)
    }
    // The names of one object differ; those of many are mentioned several times.
    names = NameTable(capacity: max(largestCount, globalCount / 4))
    // Room that is not needed is never touched.
    globals.reserveCapacity(globalCount)
  }
}
