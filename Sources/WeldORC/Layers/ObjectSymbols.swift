internal import WeldBytes
internal import WeldELF
internal import WeldLink

/// The names in the symbol table of an object, as a session knows them.
struct ObjectSymbols: Sendable {
  /// A name that the object refers to.
  struct Need: Sendable {
    var name: SymbolStringPtr
    var flags: SymbolLookupFlags
  }

  /// What it defines, as far as that is seen by name.
  var definitions = Few<SymbolDefinition>()
  var needs: [Need] = []
  /// The names of all global symbols, for the linker; nothing for so few that it had better read them.
  var known: [KnownName] = []

  init(of object: ObjectFile, names: SymbolStringPool) {
    guard let strings = try? object.bytes.extracting(object.symbolNames) else { return }
    let groups = object.comdatSections
    let first = object.symbolTable?.firstGlobal ?? 0
    names.withTable { table in
      read(object.symbols, from: first, strings.span, inGroups: groups, object, &table)
    }
  }

  // With views of bytes as parameters: where they live across branches, Swift 6.3.1 without optimization releases the
  // owner of the bytes once too often.
  /// - Parameter groups: the sections that may be dropped for their like, whose definitions are weak.
  private mutating func read(
    _ symbols: SymbolList, from first: Int, _ strings: RawSpan, inGroups groups: Set<SectionIndex>,
    _ object: ObjectFile, _ table: inout SymbolStringPool.Table
  ) {
    guard first < symbols.count else { return }
    var linkerNames: LinkerNames?
    let isLarge = symbols.count - first > 4
    if isLarge {
      definitions.reserveCapacity(symbols.count - first)
      needs.reserveCapacity(symbols.count - first)
      known.reserveCapacity(symbols.count - first)
    }
    for index in first..<symbols.count {
      let symbol = symbols[index]
      let start = Int(symbol.nameOffset)
      guard symbol.type != .section, symbol.type != .file, let found = try? strings.name(at: start),
        found.byteCount > 0
      else {
        if isLarge { known.append(.unread) }
        continue
      }
      let bytes = strings.record(at: start, byteCount: found.byteCount)
      let name = table.intern(bytes, hash: found.hash)
      if isLarge { known.append(KnownName(found, identity: name.identity)) }
      guard symbol.place == .undefined else {
        var flags = SymbolFlags(of: symbol)
        if case .section(let section) = symbol.place, !groups.isEmpty, groups.contains(section) {
          flags.insert(.weak)
        }
        definitions.append(SymbolDefinition(name: name, flags: flags, index: index))
        continue
      }
      if linkerNames == nil { linkerNames = LinkerNames(for: object) }
      // What linkers define themselves need not be anywhere.
      let isOptional = symbol.binding == .weak || linkerNames?.contains(bytes) == true
      needs.append(Need(name: name, flags: isOptional ? .weaklyReferenced : .required))
    }
  }
}

extension SymbolFlags {
  /// What a definition is to those who look it up, as far as its symbol tells.
  fileprivate init(of symbol: Symbol) {
    self = symbol.visibility.isHidden ? [] : .exported
    if symbol.binding == .weak || symbol.binding == .unique { insert(.weak) }
    if symbol.type == .function || symbol.type == .indirectFunction { insert(.callable) }
    switch symbol.place {
    case .common, .largeCommon: insert(.common)
    case .absolute: insert(.absolute)
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
