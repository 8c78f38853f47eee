internal import WeldBytes
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
  /// Only a name to ask for so that its definition is made: it has no address and is in no result. Must be looked
  /// up as weakly referenced. LLVM's `MaterializationSideEffectsOnly`.
  public static let materializationSideEffectsOnly = SymbolFlags(rawValue: 32)
}

/// The address and flags of a symbol; LLVM's counterpart is `JITEvaluatedSymbol`.
public struct EvaluatedSymbol: Equatable, Sendable {
  /// Where it is.
  public var address: Address
  /// What it is.
  public var flags: SymbolFlags

  public init(address: Address, flags: SymbolFlags) {
    self.address = address
    self.flags = flags
  }
}

/// The definitions of all batches of a linker, by name.
final class PublishedSymbols {
  private var names = NameTable()
  /// Under the number of the name.
  private var definitions: [Definition] = []
  private var batches: [LinkedBatch] = []

  private struct Definition {
    /// Where it was when the addresses were last taken from its batch.
    var address: Address
    /// The position of the batch; -1 if no batch defines the name.
    var batch: Int32
    /// The canonical number of the symbol in its batch.
    var symbol: Int32
    var strength: GlobalSymbol.Strength
    var flags: SymbolFlags

    init(_ global: GlobalSymbol, _ found: SymbolClass, at address: Address, batch: Int) {
      self.address = address
      self.batch = global.isDefined ? Int32(truncatingIfNeeded: batch) : -1
      symbol = Int32(truncatingIfNeeded: global.symbol)
      strength = global.strength
      flags = global.visibility.isHidden ? [] : .exported
      if strength == .weakDefinition { flags.insert(.weak) }
      if strength == .common { flags.insert(.common) }
      if found.contains(.absolute) { flags.insert(.absolute) }
      if global.type == .function || global.type == .indirectFunction { flags.insert(.callable) }
    }
  }

  /// Whether addresses must be taken from the batches before they are used.
  private var addressesAreStale = false

  /// Notes that sections of some batch were moved.
  func noteMove() { addressesAreStale = true }

  private func refreshAddresses() {
    guard addressesAreStale else { return }
    for number in definitions.indices where definitions[number].batch >= 0 {
      definitions[number].address = batches[Int(definitions[number].batch)].address(
        ofSymbol: Int(definitions[number].symbol))
    }
    addressesAreStale = false
  }

  var isEmpty: Bool { batches.isEmpty }

  /// Adds the definitions of `batch`; those of earlier batches prevail over weak and common ones.
  func add(_ batch: LinkedBatch) {
    let globals = batch.plan.resolution.globals
    let symbols = batch.plan.resolution.symbols
    let position = batches.count
    batches.append(batch)
    guard position > 0 else {
      // The table of the first batch will do; most linkers have one batch only.
      names = batch.plan.resolution.names
      definitions = globals.map { global in
        Definition(
          global, symbols[global.symbol].classes, at: batch.address(ofSymbol: global.symbol),
          batch: position)
      }
      return
    }
    let newNames = batch.plan.resolution.names
    let first = names.addStrings(of: newNames)
    for (id, global) in globals.enumerated() where global.isDefined {
      let number = names.intern(id, of: newNames, after: first)
      let definition = Definition(
        global, symbols[global.symbol].classes, at: batch.address(ofSymbol: global.symbol), batch: position
      )
      if number == definitions.count {
        definitions.append(definition)
      } else if definitions[number].batch < 0 || global.strength == .definition {
        definitions[number] = definition
      }
    }
  }

  /// What is known of the name with this number of another table.
  func find(_ number: Int, of other: NameTable) -> (isStrong: Bool, file: String)? {
    guard let found = names.find(number, of: other), definitions[found].batch >= 0 else { return nil }
    let definition = definitions[found]
    let batch = batches[Int(definition.batch)].plan.resolution.batch
    return (
      definition.strength == .definition,
      batch.objects[batch.object(ofSymbol: Int(definition.symbol))].name
    )
  }

  /// The symbol called `name`.
  func symbol(named name: String) -> EvaluatedSymbol? { names.find(name).flatMap { symbol($0) } }

  /// All symbols, by name.
  var all: [String: EvaluatedSymbol] {
    var all: [String: EvaluatedSymbol] = [:]
    for number in definitions.indices { all[names.text(number)] = symbol(number) }
    return all
  }

  /// The names of all symbols.
  var allNames: [String] {
    definitions.indices.filter { definitions[$0].batch >= 0 }.map { names.text($0) }
  }

  private func symbol(_ number: Int) -> EvaluatedSymbol? {
    refreshAddresses()
    let definition = definitions[number]
    guard definition.batch >= 0 else { return nil }
    return EvaluatedSymbol(address: definition.address, flags: definition.flags)
  }
}
