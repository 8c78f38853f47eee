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
    symbols = [:]
    let groups = object.comdatSections
    let list = object.symbols
    for index in min(object.symbolTable?.firstGlobal ?? 0, list.count)..<list.count {
      let symbol = list[index]
      guard symbol.place != .undefined, symbol.type != .section, symbol.type != .file else { continue }
      let name = object.nameBytes(of: symbol)
      guard name.byteCount > 0 else { continue }
      symbols[names.intern(String(decoding: name))] = SymbolFlags(of: symbol, comdat: groups)
    }
    guard object.hasInitializers else { return }
    let initializer = names.intern("$.\(object.name).__inits.\(Self.nextNumber())")
    symbols[initializer] = .materializationSideEffectsOnly
    initializerSymbol = initializer
  }

  private static func nextNumber() -> Int { counter.add(1, ordering: .relaxed).newValue }
}

/// Tells the initializers of objects with the same name apart.
private let counter = Atomic(0)

extension SymbolFlags {
  /// What a definition is to those who look it up; one in a section that may be dropped for its like is weak.
  init(of symbol: Symbol, comdat: Set<SectionIndex>) {
    self = symbol.visibility.isHidden ? [] : .exported
    if symbol.binding == .weak || symbol.binding == .unique { insert(.weak) }
    if symbol.type == .function || symbol.type == .indirectFunction { insert(.callable) }
    switch symbol.place {
    case .common, .largeCommon: insert(.common)
    case .absolute: insert(.absolute)
    case .section(let section) where comdat.contains(section): insert(.weak)
    case .section, .undefined: break
    }
  }
}

extension ObjectFile {
  /// The sections of groups of which one is kept.
  fileprivate var comdatSections: Set<SectionIndex> {
    var found: Set<SectionIndex> = []
    for index in groupSections {
      let group = group(at: index)
      if group.isCOMDAT { found.formUnion(group.members) }
    }
    return found
  }

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
