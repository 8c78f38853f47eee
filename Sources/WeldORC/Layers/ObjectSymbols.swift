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
    guard let strings = try? object.bytes.extracting(object.symbolNames) else { return }
    names.withTable { table in read(object, strings: strings, &table) }
  }

  private mutating func read(_ object: ObjectFile, strings: Bytes, _ table: inout SymbolStringPool.Table) {
    let groups = object.comdatSections
    let linkerNames = LinkerNames(for: object)
    let count = object.symbolCount
    let first = min(object.symbolTable?.firstGlobal ?? 0, count)
    definitions.reserveCapacity(count - first)
    needs.reserveCapacity(count - first)
    for index in first..<count {
      let symbol = object.symbol(at: SymbolIndex(rawValue: UInt32(index)))
      guard symbol.type != .section, symbol.type != .file else { continue }
      add(symbol, at: index, strings.span, groups, linkerNames, &table)
    }
  }

  // A function of its own: where views of bytes live across branches, Swift 6.3.1 without optimization releases the
  // owner of the bytes once too often.
  private mutating func add(
    _ symbol: Symbol, at index: Int, _ strings: RawSpan, _ groups: Set<SectionIndex>,
    _ linkerNames: LinkerNames, _ table: inout SymbolStringPool.Table
  ) {
    let start = Int(symbol.nameOffset)
    guard let found = try? strings.name(at: start), found.byteCount > 0 else { return }
    let text = strings.extracting(start..<start + found.byteCount)
    let name = table.intern(text, hash: found.hash)
    guard symbol.place == .undefined else {
      definitions.append(Definition(index: index, name: name, flags: SymbolFlags(of: symbol, comdat: groups)))
      return
    }
    // What linkers define themselves need not be anywhere.
    let isOptional = symbol.binding == .weak || linkerNames.contains(text)
    needs.append(Need(name: name, flags: isOptional ? .weaklyReferenced : .required))
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
