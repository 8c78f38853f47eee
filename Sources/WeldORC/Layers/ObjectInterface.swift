internal import Synchronization
public import WeldELF
internal import WeldLink

/// What an object promises: its symbols, and what stands for its initializers. LLVM's
/// `MaterializationUnit::Interface`.
public struct ObjectInterface: Sendable {
  /// The symbols, in the order of the object, and what else is known of its names.
  enum Contents: Sendable {
    case table(ObjectSymbols)
    case map(SymbolFlagsMap)
  }

  private(set) var contents: Contents

  /// The symbols that it defines and that are seen by name. Hidden ones are not exported.
  public var symbols: SymbolFlagsMap {
    get {
      switch contents {
      case .map(let map): return map
      case .table(let table):
        var map: SymbolFlagsMap = [:]
        for definition in table.definitions where map[definition.name] == nil {
          map[definition.name] = definition.flags
        }
        if let initializerSymbol { map[initializerSymbol] = .materializationSideEffectsOnly }
        return map
      }
    }
    set { contents = .map(newValue) }
  }

  /// The symbol that stands for its initializers, if it has some.
  public var initializerSymbol: SymbolStringPtr?

  /// The given symbols.
  public init(symbols: SymbolFlagsMap, initializerSymbol: SymbolStringPtr? = nil) {
    contents = .map(symbols)
    self.initializerSymbol = initializerSymbol
  }

  /// What the symbol table of `object` says (gABI, "Symbol Table").
  ///
  /// - Parameter names: the session's.
  public init(of object: ObjectFile, names: SymbolStringPool) {
    contents = .table(ObjectSymbols(of: object, names: names))
    guard object.hasInitializers else { return }
    initializerSymbol = Self.newInitializer(named: object.name, names: names)
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

/// Tells the initializers of objects with the same name apart.
private let counter = Atomic(0)

extension ObjectFile {
  /// Whether functions of it are to run before or after it is used.
  fileprivate var hasInitializers: Bool {
    for number in 1..<max(sectionCount, 1) {
      let section = section(at: SectionIndex(rawValue: UInt32(number)))
      switch section.type {
      case .initArray, .finiArray, .preinitArray: return true
      case .progbits where section.flags.contains(.write): if hasInitializerName(section) { return true }
      default: continue
      }
    }
    return false
  }

  /// Whether the section is called as old compilers call arrays of initializers.
  private func hasInitializerName(_ section: SectionHeader) -> Bool {
    let name = name(of: section)
    return [".ctors", ".dtors", ".init_array", ".fini_array", ".preinit_array"].contains {
      name == $0 || name.hasPrefix($0 + ".")
    }
  }
}
