internal import WeldMemory

/// Which part of memory a section belongs to. The order is the order of addresses.
///
/// Large sections come last, so that everything else stays together however large they are.
enum SegmentKind: UInt8, CaseIterable, Sendable {
  /// Not part of memory.
  case notLoaded
  /// Code and stubs: `rx`.
  case text
  /// The GOT and constants that hold addresses: written by relocation and initialization, then `r`.
  ///
  /// What follows is in reach of 16-bit displacements from a TOC pointer, as long as it is small.
  case relocatedReadOnly
  /// Constants and frame descriptions: `r`.
  case readOnly
  /// The initial values of thread-local variables: `r`.
  case threadLocal
  /// Those that are zero: the end of the same segment.
  case threadLocalZero
  /// Variables: `rw`.
  case data
  /// Variables that begin as zero: the end of the same segment.
  case zero
  /// The same of the medium and large code models.
  case largeText
  case largeReadOnly
  case largeData
  case largeZero
}

/// A value for each kind of segment.
struct PerSegmentKind<Value: BitwiseCopyable & Sendable>: Sendable {
  private var values: InlineArray<12, Value>

  /// The same for all kinds.
  init(repeating value: Value) { values = InlineArray(repeating: value) }

  subscript(kind: SegmentKind) -> Value {
    get { values[Int(kind.rawValue)] }
    set { values[Int(kind.rawValue)] = newValue }
  }
}

/// Some kinds of segment.
struct SegmentKinds: Sendable {
  private var bits: UInt16 = 0

  mutating func insert(_ kind: SegmentKind) { bits |= 1 << UInt16(kind.rawValue) }

  func isDisjoint(with others: SegmentKinds) -> Bool { bits & others.bits == 0 }
}

/// A piece of memory: contents of one kind, and zeros behind them.
struct Segment: Sendable {
  let protection: Protection
  let contents: SegmentKind
  let zeros: SegmentKind?
  /// Both of these.
  let kinds: SegmentKinds

  private init(_ protection: Protection, _ contents: SegmentKind, _ zeros: SegmentKind? = nil) {
    self.protection = protection
    self.contents = contents
    self.zeros = zeros
    var kinds = SegmentKinds()
    kinds.insert(contents)
    if let zeros { kinds.insert(zeros) }
    self.kinds = kinds
  }

  /// All of them, in the order of their addresses.
  static let all = [
    Segment([.read, .execute], .text), Segment(.read, .relocatedReadOnly), Segment(.read, .readOnly),
    Segment(.read, .threadLocal, .threadLocalZero), Segment([.read, .write], .data, .zero),
    Segment([.read, .execute], .largeText), Segment(.read, .largeReadOnly),
    Segment([.read, .write], .largeData, .largeZero),
  ]
}

/// What a section is beside bytes in a segment.
enum SectionRole: UInt8, Sendable {
  case plain
  /// A GOT that the compiler made: laid out behind the linker's.
  case toc
  /// `.eh_frame`: laid out together, followed by a terminator.
  case frames
  /// An array of pointers to functions, laid out together and in order of priority.
  case preinitArray
  case initArray
  case finiArray
  case constructors
  case destructors
  /// A section whose name is a C identifier: laid out with its namesakes, between `__start_` and `__stop_`
  /// symbols.
  case identifier
  /// None: it was dropped with its COMDAT group.
  case discarded
}

/// Roles that some section has.
struct SectionRoles: Sendable {
  private var bits: UInt16 = 0

  mutating func insert(_ role: SectionRole) { bits |= 1 << UInt16(role.rawValue) }

  func contains(_ role: SectionRole) -> Bool { bits & 1 << UInt16(role.rawValue) != 0 }
}

extension SectionRole {
  /// Pointers to functions that run before or after the program.
  static let functionPointers: [SectionRole] = [
    .preinitArray, .initArray, .finiArray, .constructors, .destructors,
  ]

  /// Whether what refers to a dropped section is dropped with it, word by word: nothing leads there.
  var mayReferToDiscarded: Bool { self == .frames || self == .toc }
}

/// A section of an object of the batch.
struct InputSection: Sendable {
  /// Where its contents are, in bytes from the start of its file.
  var fileOffset = 0
  /// Bytes in memory.
  var byteCount = 0
  /// Where its relocations are, in bytes from the start of its file.
  var relocationOffset = 0
  var relocationCount: UInt32 = 0
  /// The binary logarithm of ``alignment``.
  var alignmentShift: UInt8 = 0
  var kind = SegmentKind.notLoaded
  var role = SectionRole.plain
  /// Whether it takes no room in the file.
  var isZero = false
  /// Where it begins, in bytes from the start of its kind. Known after layout.
  var position = 0
  /// Its address; 0 if it is not part of memory. Known after placement.
  var address: UInt64 = 0

  /// Whether it was dropped with its COMDAT group.
  var isDiscarded: Bool { role == .discarded }

  /// A power of two, in bytes.
  var alignment: Int { 1 << Int(alignmentShift) }
}
