internal import WeldBytes
internal import WeldELF
internal import WeldLink

/// What must be known of a machine to tell whether two linkers' code means the same.
protocol Idioms {
  associatedtype Target: Architecture
  /// The relocation type for an address of 8 bytes.
  static var wordRelocation: UInt32 { get }
  /// A relocation type that makes linkers define the base of the GOT, where an address alone does not.
  static var baseRelocation: UInt32? { get }
  /// The relocation type that has the loader call a resolver, in static programs.
  static var indirectRelocation: UInt32 { get }
  /// Where the code of a stub leads to; `nil` if it is none.
  ///
  /// - Parameters:
  ///   - code: the bytes at `address`, 48 of them if there are as many.
  ///   - gotBase: what formulas call `GOT`.
  static func step(ofStub code: [UInt8], at address: UInt64, gotBase: UInt64) -> StubStep?
  /// The bytes of the instruction, as far as they are known, that a field is in.
  static func instruction(at offset: Int, isCode: Bool, _ field: Range<Int>) -> Range<Int>
  /// Where the instruction begins that has a field at `offset`, as far as its bytes tell.
  static func startOfInstruction(_ code: [UInt8], fieldAt offset: Int) -> Int
  /// Why the code at a place may be another than Weld's, where it means the same; with the bytes that this
  /// explains.
  static func explain(_ place: Place) -> Explained?
}

/// What a stub jumps to.
enum StubStep: Equatable {
  /// This address.
  case address(UInt64)
  /// What the word at this address holds.
  case word(at: UInt64)
}

/// Why bytes differ, and which: in bytes from the section's start.
typealias Explained = (reason: Explanation, bytes: Range<Int>)

extension Idioms {
  static var baseRelocation: UInt32? { nil }
  static var gotBaseName: String { "\(Target.traits.gotBaseName)" }
  static var gotBias: UInt64 { Target.traits.gotBias }
  static var addendSelectsTarget: Bool { Target.addendSelectsTarget }
  static var byteOrder: ByteOrder { Target.byteOrder }

  /// What a relocation type means.
  static func rule(_ type: UInt32) -> Rule? {
    Target.RelocationKind(rawValue: type).map { Target.rule(for: $0) }
  }

  /// The field of a rule at `offset` of `code`.
  static func field(of rule: Rule, in code: [UInt8], at offset: Int, isCode: Bool) -> Field {
    let span = code.span
    return Target.field(of: rule, in: RawSpan(_elements: span), at: offset, isCode: isCode)
  }
}

extension Machine {
  /// The one place where machines are told apart.
  var idioms: any Idioms.Type {
    switch self {
    case .ppc64: PPC64LEIdioms.self
    case .s390: S390XIdioms.self
    default: X86_64Idioms.self
    }
  }
}
