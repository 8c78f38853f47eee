internal import WeldELF
public import WeldMemory

/// What a symbol is to those who look it up; LLVM's counterpart is `JITSymbolFlags`.
public struct SymbolFlags: OptionSet, Hashable, Sendable {
  public var rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  /// Visible outside of what it was linked with.
  public static let exported = SymbolFlags(rawValue: 1)
  /// A weak definition.
  public static let weak = SymbolFlags(rawValue: 2)
  /// A common symbol.
  public static let common = SymbolFlags(rawValue: 4)
  /// An absolute value, which is no place of the link.
  public static let absolute = SymbolFlags(rawValue: 8)
  /// A function.
  public static let callable = SymbolFlags(rawValue: 16)
}

/// The address and flags of a symbol; LLVM's counterpart is `JITEvaluatedSymbol`.
public struct EvaluatedSymbol: Equatable, Sendable {
  /// Where it is.
  public var address: Address
  /// What it is.
  public var flags: SymbolFlags
}

/// The definitions of all batches of a linker, by name.
struct PublishedSymbols {
  private var names = NameTable()
  /// Under the number of the name.
  private var definitions: [Definition] = []
  private var batches: [LinkedBatch] = []

  private struct Definition {
    /// The position of the batch, or -1.
    var batch: Int32
    /// The canonical number of the symbol in its batch.
    var symbol: Int32
    var strength: GlobalSymbol.Strength
    var isHidden: Bool
  }

  var isEmpty: Bool { batches.isEmpty }

  /// Adds the definitions of `batch`; those of earlier batches prevail over weak and common ones.
  mutating func add(_ batch: LinkedBatch) {
    let resolution = batch.resolution
    let position = Int32(truncatingIfNeeded: batches.count)
    batches.append(batch)
    let first = names.addStrings(of: resolution.names)
    for (id, global) in resolution.globals.enumerated() where global.isDefined {
      let number = names.intern(id, of: resolution.names, after: first)
      let definition = Definition(
        batch: position, symbol: Int32(truncatingIfNeeded: global.symbol), strength: global.strength,
        isHidden: global.visibility.isHidden)
      if number == definitions.count {
        definitions.append(definition)
      } else if global.strength == .definition {
        definitions[number] = definition
      }
    }
  }

  /// What is known of the name with this number of another table.
  func find(_ number: Int, of other: NameTable) -> (isStrong: Bool, file: String)? {
    guard let found = names.find(number, of: other) else { return nil }
    let definition = definitions[found]
    let batch = batches[Int(definition.batch)].resolution.batch
    return (
      definition.strength == .definition,
      batch.objects[batch.object(ofSymbol: Int(definition.symbol))].name
    )
  }

  /// The symbol called `name`.
  func symbol(named name: String) -> EvaluatedSymbol? { names.find(name).map { symbol($0) } }

  /// All symbols, by name.
  var all: [String: EvaluatedSymbol] {
    Dictionary(uniqueKeysWithValues: definitions.indices.map { (names.text($0), symbol($0)) })
  }

  /// The names of all symbols.
  var allNames: [String] { definitions.indices.map { names.text($0) } }

  private func symbol(_ number: Int) -> EvaluatedSymbol {
    let definition = definitions[number]
    let batch = batches[Int(definition.batch)]
    let symbol = Int(definition.symbol)
    var flags: SymbolFlags = definition.isHidden ? [] : .exported
    switch definition.strength {
    case .weakDefinition: flags.insert(.weak)
    case .common: flags.insert(.common)
    case .weakReference, .reference, .definition: break
    }
    if batch.resolution.classes[symbol].contains(.absolute) { flags.insert(.absolute) }
    let type = batch.resolution.batch.symbol(symbol).type
    if type == .function || type == .indirectFunction { flags.insert(.callable) }
    return EvaluatedSymbol(address: Address(rawValue: batch.symbols.values[symbol]), flags: flags)
  }
}
