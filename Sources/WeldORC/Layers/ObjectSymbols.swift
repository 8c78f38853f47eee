internal import WeldBytes
internal import WeldELF
internal import WeldLink

/// The names in the symbol table of an object, as a session knows them.
struct ObjectSymbols: Sendable {
  /// A symbol that the object defines, and that is seen by name.
  struct Definition: Sendable {
    /// The index of the symbol in the object.
    var index: Int
    var name: SymbolStringPtr
    var flags: SymbolFlags
  }
  /// A name that the object refers to.
  struct Need: Sendable {
    var name: SymbolStringPtr
    var flags: SymbolLookupFlags
  }

  var definitions: [Definition] = []
  var needs: [Need] = []

  init(of object: ObjectFile, names: SymbolStringPool) {
    let groups = object.comdatSections
    let linkerNames = LinkerNames(for: object)
    let list = object.symbols
    let first = min(object.symbolTable?.firstGlobal ?? 0, list.count)
    definitions.reserveCapacity(list.count - first)
    needs.reserveCapacity(list.count - first)
    for index in first..<list.count {
      let symbol = list[index]
      guard symbol.type != .section, symbol.type != .file else { continue }
      let bytes = object.nameBytes(of: symbol)
      guard bytes.byteCount > 0 else { continue }
      let name = names.intern(String(decoding: bytes))
      if symbol.place == .undefined {
        // What linkers define themselves need not be anywhere.
        let isOptional = symbol.binding == .weak || linkerNames.contains(bytes)
        needs.append(Need(name: name, flags: isOptional ? .weaklyReferenced : .required))
      } else {
        definitions.append(
          Definition(index: index, name: name, flags: SymbolFlags(of: symbol, comdat: groups)))
      }
    }
  }
}

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
}
