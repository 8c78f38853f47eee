internal import Synchronization
internal import WeldLink
public import WeldELF

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
    symbols = SymbolFlagsMap(
      ObjectSymbols(of: object, names: names).definitions.lazy.map { ($0.name, $0.flags) },
      uniquingKeysWith: { first, _ in first })
    guard object.hasInitializers else { return }
    let initializer = names.intern("$.\(object.name).__inits.\(Self.nextNumber())")
    symbols[initializer] = .materializationSideEffectsOnly
    initializerSymbol = initializer
  }

  private static func nextNumber() -> Int { counter.add(1, ordering: .relaxed).newValue }
}

/// Tells the initializers of objects with the same name apart.
private let counter = Atomic(0)

extension ObjectFile {
  /// Whether functions of it are to run before or after it is used.
  fileprivate var hasInitializers: Bool {
    (1..<max(sectionCount, 1)).contains { number in
      let section = section(at: SectionIndex(rawValue: UInt32(number)))
      switch section.type {
      case .initArray, .finiArray, .preinitArray: return true
      case .progbits where section.flags.contains(.alloc):
        let name = name(of: section)
        return [".ctors", ".dtors", ".init_array", ".fini_array", ".preinit_array"].contains {
          name == $0 || name.hasPrefix($0 + ".")
        }
      default: return false
      }
    }
  }
}
