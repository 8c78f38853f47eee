public import WeldELF

/// The relocation types of an architecture in words: what the engine's own table says.
public struct RelocationReference: Sendable {
  /// What the architecture is called.
  public var architecture: String
  /// The document, and its section, that describes the types.
  public var source: String
  /// All types, by number.
  public var rows: [Row]

  /// A relocation type.
  public struct Row: Equatable, Sendable {
    public var number: UInt32
    /// The psABI's name.
    public var name: String
    /// What is computed, in the psABI's letters; why the type is refused, if it is.
    public var formula: String
    /// The bytes and bits that are written; empty if there are none.
    public var field: String
    /// The values that fit and what they must be a multiple of; empty if all do.
    public var range: String
    /// What the linker may have to make for it; empty if nothing.
    public var makes: String
  }

  private struct Making: ArchitectureWork {
    func run<A: Architecture>(for _: A.Type) throws(LinkError) -> RelocationReference {
      RelocationReference(
        architecture: String(describing: A.traits.name), source: String(describing: A.traits.psABI),
        rows: A.RelocationKind.allCases.map { kind in
          let outside = Callee(isDefined: false, isIndirect: false, other: 0)
          return Row(
            number: kind.rawValue, name: kind.name, A.rule(for: kind), A.traits,
            addendSelectsTarget: A.addendSelectsTarget, stub: A.route(of: kind, to: outside)?.stub)
        })
    }
  }

  private init(architecture: String, source: String, rows: [Row]) {
    self.architecture = architecture
    self.source = source
    self.rows = rows.sorted { $0.number < $1.number }
  }

  /// The types of `machine`.
  ///
  /// - Throws: `unsupportedMachine` for a machine that Weld does not link.
  public init(of machine: Machine) throws(LinkError) {
    var making = Making()
    self = try making.run(for: machine, file: "\(machine)")
  }
}

extension RelocationReference.Row {
  fileprivate init(
    number: UInt32, name: String, _ rule: Rule, _ traits: MachineTraits, addendSelectsTarget: Bool,
    stub: StubKind?
  ) {
    self.number = number
    self.name = name
    field = rule.field.description
    range = rule.field.rangeDescription
    makes = rule.makes(stub)
    switch rule.value {
    case .none: formula = "(a mark)"
    case .refused(.dynamicOnly): formula = "(refused: only executables and shared libraries have it)"
    case .refused(.deprecated): formula = "(refused: deprecated)"
    default:
      var text = rule.value.formula.replacing("GOT", with: String(describing: traits.gotBaseName.short))
      if addendSelectsTarget { text = text.replacing("G + A", with: "G(S + A)") }
      if rule.part != .whole { text = "\(rule.part.rawValue)(\(text))" }
      // Of a part the shift is in its name.
      if rule.part == .whole, rule.field.isScaled { text = "(\(text)) >> \(rule.field.shift)" }
      formula = text
    }
  }
}

extension StaticString {
  /// The letters that formulas use for the GOT's base.
  fileprivate var short: String {
    let name = String(describing: self)
    return name == "_GLOBAL_OFFSET_TABLE_" ? "GOT" : name
  }
}

extension Rule.Value {
  /// The formula in the psABIs' letters.
  var formula: String {
    switch self {
    case .none, .refused: ""
    case .absolute: "S + A"
    case .pcRelative: "S + A - P"
    case .branch: "L + A - P"
    case .localEntry: "S + A, S the local entry point"
    case .size: "Z + A"
    case .gotBase: "GOT"
    case .gotBasePCRelative: "GOT + A - P"
    case .gotRelative: "S + A - GOT"
    case .stubGOTRelative: "L + A - GOT"
    case .slot(_, from: .zero): "G + A"
    case .slot(_, from: .place): "G + A - P"
    case .slot(_, from: .gotBase): "G + A - GOT"
    case .threadPointerRelative: "S + A - TP"
    case .moduleRelative: "S + A - DTP"
    case .moduleNumber: "1, the program's module"
    }
  }
}

extension Rule.Value {
  /// The letters of the formula, in its order.
  var letters: [String] {
    formula.prefix { $0 != "," }.split { !$0.isLetter }.map(String.init)
  }
}

extension Rule {
  /// What the linker may have to make.
  fileprivate func makes(_ stub: StubKind?) -> String {
    var words: [String] = []
    if case .slot(let kind, _) = value { words.append("slot (\(kind.rawValue))") }
    if stub != nil, value.synthesizes == .stubIfFar {
      words.append(value == .branch ? "stub" : "stub for a far function")
    }
    if rewriting != .never { words.append("rewritten") }
    return words.joined(separator: ", ")
  }
}

extension Field {
  /// Whether the value is stored in larger units than bytes, all of it in one place.
  fileprivate var isScaled: Bool { shift > 0 && secondMask == 0 }

  /// The bytes and the bits that are written.
  fileprivate var description: String {
    guard byteCount > 0 else { return "" }
    let bytes = byteCount == 1 ? "1 byte" : "\(byteCount) bytes"
    let all: UInt64 = byteCount == 8 ? .max : (1 << UInt64(byteCount * 8)) - 1
    return mask | secondMask == all ? bytes : "\(bytes), bits \(Self.runs(of: mask | secondMask))"
  }

  /// The positions of ones, as `0-15, 31`.
  private static func runs(of mask: UInt64) -> String {
    var runs: [String] = []
    var position = 0
    while position < 64 {
      guard mask >> UInt64(position) & 1 == 1 else {
        position += 1
        continue
      }
      let count = (~(mask >> UInt64(position))).trailingZeroBitCount
      runs.append(count == 1 ? "\(position)" : "\(position)-\(position + count - 1)")
      position += count
    }
    return runs.joined(separator: ", ")
  }

  fileprivate var rangeDescription: String {
    var words: [String] = []
    if byteCount > 0, range != .min ... .max {
      words.append("\(hexadecimal(range.lowerBound))...\(hexadecimal(range.upperBound))")
    }
    if byteCount > 0, alignment > 1 { words.append("multiple of \(alignment)") }
    return words.joined(separator: ", ")
  }
}
