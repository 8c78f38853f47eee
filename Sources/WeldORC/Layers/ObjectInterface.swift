internal import Synchronization
internal import WeldBytes
public import WeldELF
internal import WeldLink

/// What an object promises: its symbols, and what stands for its initializers. LLVM's
/// `MaterializationUnit::Interface`.
public struct ObjectInterface: Sendable {
  /// The symbols that it defines and that are seen by name. Hidden ones are not exported.
  public var symbols: SymbolFlagsMap
  /// The symbol that stands for its initializers, if it has some.
  public var initializerSymbol: SymbolStringPtr?

  /// The given symbols.
  public init(symbols: SymbolFlagsMap, initializerSymbol: SymbolStringPtr? = nil) {
    self.symbols = symbols
    self.initializerSymbol = initializerSymbol
  }

  /// What the symbol table of `object` says (gABI, "Symbol Table").
  ///
  /// - Parameter names: the session's.
  public init(of object: ObjectFile, names: SymbolStringPool) {
    initializerSymbol = Self.initializerSymbol(of: object, names: names)
    symbols = SymbolFlagsMap(
      of: ObjectSymbols(of: object, names: names).definitions, initializer: initializerSymbol)
  }

  /// A new symbol to stand for the initializers of `object`, if it has some.
  static func initializerSymbol(of object: ObjectFile, names: SymbolStringPool) -> SymbolStringPtr? {
    object.hasInitializers ? newInitializer(named: object.name, names: names) : nil
  }

  /// A symbol to stand for the initializers of something called `name`.
  static func newInitializer(named name: String, names: SymbolStringPool) -> SymbolStringPtr {
    names.intern("$.\(name).__inits.\(counter.add(1, ordering: .relaxed).newValue)")
  }

  /// In which order the objects came that these initializer symbols stand for; those that were not named here come last.
  static func position(ofInitializerSymbol name: SymbolStringPtr?) -> Int {
    name.flatMap { $0.text.split(separator: ".").last }.flatMap { Int($0) } ?? .max
  }
}

extension SymbolFlagsMap {
  /// What an object defines; of several definitions of a name the first counts.
  init(of definitions: Few<SymbolDefinition>, initializer: SymbolStringPtr?) {
    self.init(minimumCapacity: definitions.count + 1)
    for definition in definitions where self[definition.name] == nil {
      self[definition.name] = definition.flags
    }
    if let initializer { self[initializer] = .materializationSideEffectsOnly }
  }
}

/// Tells the initializers of objects with the same name apart.
private let counter = Atomic(0)
