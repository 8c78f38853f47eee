internal import WeldBytes
public import WeldLink

/// Definitions that were found, by name. LLVM's `SymbolMap`.
public typealias SymbolMap = [SymbolStringPtr: EvaluatedSymbol]
/// What symbols are, by name. LLVM's `SymbolFlagsMap`.
public typealias SymbolFlagsMap = [SymbolStringPtr: SymbolFlags]
/// Names by the dylib that defines them. LLVM's `SymbolDependenceMap`.
public typealias SymbolDependenceMap = [JITDylib: Set<SymbolStringPtr>]

/// How a lookup was made; generators may answer differently. LLVM's `LookupKind`.
public enum LookupKind: Hashable, Sendable {
  /// For a link: archives may be asked for members.
  case `static`
  /// As `dlsym`: finds what is there.
  case dlsym
}

/// Which definitions of a dylib a lookup sees. LLVM's `JITDylibLookupFlags`.
public enum JITDylibLookupFlags: Hashable, Sendable {
  case matchExportedSymbolsOnly
  case matchAllSymbols
}

/// Whether a name must be found. LLVM's `SymbolLookupFlags`.
public enum SymbolLookupFlags: Hashable, Sendable {
  /// If it is not found, the lookup fails.
  case required
  /// If it is not found, it is not in the result.
  case weaklyReferenced
}

/// How far a symbol must have come before a lookup returns it.
public enum RequiredSymbolState: Hashable, Sendable {
  /// It has an address. Linkers ask for this, so that objects may need each other.
  case resolved
  /// It, and everything that it needs, can be used.
  case ready
}

/// How far a symbol has come. LLVM's `SymbolState`.
public enum SymbolState: Int, Hashable, Sendable, Comparable {
  /// Nobody has asked for it.
  case neverSearched
  /// Somebody asked for it, and its definition is being made.
  case materializing
  /// Its address is known.
  case resolved
  /// It is in memory, but something that it needs is not yet.
  case emitted
  /// It, and everything that it needs, is in memory.
  case ready

  public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A dylib to search, and what of it to see.
public struct SearchedJITDylib: Hashable, Sendable {
  public var dylib: JITDylib
  public var flags: JITDylibLookupFlags

  public init(_ dylib: JITDylib, _ flags: JITDylibLookupFlags = .matchExportedSymbolsOnly) {
    self.dylib = dylib
    self.flags = flags
  }
}

/// Dylibs in the order in which they are searched. LLVM's `JITDylibSearchOrder`.
public typealias JITDylibSearchOrder = [SearchedJITDylib]

/// Names to look up, each once, and whether they must be found. LLVM's `SymbolLookupSet`.
public struct SymbolLookupSet: Sendable {
  public struct Element: Hashable, Sendable {
    public var name: SymbolStringPtr
    public var flags: SymbolLookupFlags
  }

  let list: Few<Element>

  /// Looks up `names`, all with the same flags.
  public init(_ names: some Sequence<SymbolStringPtr>, _ flags: SymbolLookupFlags = .required) {
    self.init(array: Array(names), flags)
  }

  private init(array names: [SymbolStringPtr], _ flags: SymbolLookupFlags) {
    var list = Few<Element>()
    list.reserveCapacity(names.count)
    var known = NameMap(capacity: names.count)
    for name in names where known.insert(0, for: name) == nil {
      list.append(Element(name: name, flags: flags))
    }
    self.list = list
  }

  /// Looks up the keys of `names`.
  public init(_ names: [SymbolStringPtr: SymbolLookupFlags]) {
    list = Few(names.lazy.map { Element(name: $0.key, flags: $0.value) })
  }

  /// Looks up one name.
  public init(_ name: SymbolStringPtr, _ flags: SymbolLookupFlags = .required) {
    list = Few(Element(name: name, flags: flags))
  }

  /// Looks up the names of `elements`, which differ.
  init(elements: some Sequence<Element>) { list = Few<Element>(elements) }

  public var elements: [Element] { Array(list) }
  /// The names.
  public var names: [SymbolStringPtr] { list.map(\.name) }
  public var isEmpty: Bool { list.isEmpty }
  public var count: Int { list.count }
  public func contains(_ name: SymbolStringPtr) -> Bool { list.contains { $0.name == name } }
}
