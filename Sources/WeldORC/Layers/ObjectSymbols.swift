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
    guard let strings = try? object.bytes.extracting(object.symbolNames) else { return }
    let list = object.symbols
    let first = min(object.symbolTable?.firstGlobal ?? 0, list.count)
    definitions.reserveCapacity(list.count - first)
    needs.reserveCapacity(list.count - first)
    let bytes = strings.span
    names.withTable { table in
      for index in first..<list.count {
        let symbol = list[index]
        guard symbol.type != .section, symbol.type != .file,
          let found = try? bytes.name(at: Int(symbol.nameOffset)), found.byteCount > 0
        else { continue }
        let start = Int(symbol.nameOffset)
        let text = bytes.extracting(start..<start + found.byteCount)
        let name = table.intern(text, hash: found.hash)
        if symbol.place != .undefined {
          definitions.append(
            Definition(index: index, name: name, flags: SymbolFlags(of: symbol, comdat: groups)))
          continue
        }
        // What linkers define themselves need not be anywhere.
        let isOptional = symbol.binding == .weak || linkerNames.contains(text)
        needs.append(Need(name: name, flags: isOptional ? .weaklyReferenced : .required))
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
