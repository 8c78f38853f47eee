internal import WeldBytes
internal import WeldELF

// Who defines each name of an object.
extension BatchResolver {
  mutating func addSymbols(of object: ObjectFile, at position: Int) throws(LinkError) {
    guard let table = object.symbolTable else { return }
    let first = resolution.batch.first[position].symbol
    let firstSection = resolution.batch.first[position].section
    let symbols = object.symbols
    for index in 0..<min(table.firstGlobal, table.count) {
      let symbol = symbols[index]
      let number = first &+ index
      resolution.symbols[number].canonical = UInt32(truncatingIfNeeded: number)
      resolution.symbols[number].classes = Self.localClass(
        of: symbol, in: resolution.sections, firstSection: firstSection)
      if resolution.symbols[number].classes.contains(.indirect) {
        resolution.indirectFunctions.append(number)
      }
      if symbol.place == .common {
        commons[number] = try common(symbol, number, .zero, object)
      }
    }
    guard table.firstGlobal < table.count,
      let strings = try? object.bytes.extracting(table.names)
    else { return }
    let source = resolution.names.addStrings(strings)
    let bytes = strings.span
    let known = resolution.batch.knownNames(ofObject: position)
    for index in table.firstGlobal..<table.count {
      let symbol = symbols[index]
      let identity = known.isEmpty ? 0 : known[index &- table.firstGlobal].identity
      let name: HashedName
      if identity != 0 {
        name = known[index &- table.firstGlobal].name
      } else {
        // Only an empty string table has no name at offset 0.
        name = (try? bytes.name(at: Int(symbol.nameOffset))) ?? HashedName(byteCount: 0, hash: 0)
      }
      let number = first &+ index
      let globalCount = resolution.globals.count
      let id =
        name.byteCount == 0
        ? resolution.names.intern("")
        : resolution.names.intern(name, identity: identity, in: source, at: symbol.nameOffset)
      // Until all objects are seen, the number of the name stands for the canonical symbol.
      resolution.symbols[number].canonical = UInt32(truncatingIfNeeded: id)
      var strength = Self.strength(of: symbol, in: resolution.sections, firstSection: firstSection)
      if !overridden.isEmpty, overridden.contains(number) { strength = .reference }
      if symbol.place != .undefined {
        resolution.symbols[number].classes = Self.localClass(
          of: symbol, in: resolution.sections, firstSection: firstSection)
      } else if symbol.type == .tls {
        resolution.symbols[number].classes = .threadLocal
      }
      if id == globalCount {
        resolution.globals.append(
          GlobalSymbol(symbol: number, strength: strength, visibility: symbol.visibility, type: symbol.type))
      } else if strength > resolution.globals[id].strength || strength == .definition
        || symbol.visibility != .default
      {
        try merge(symbol, number, strength, into: id)
      }
      if strength == .common {
        try mergeCommon(symbol, number, of: resolution.globals[id].symbol, object)
      }
    }
  }

  // What is asked about every symbol is given the sections and nothing else: a resolver that is being changed
  // would be copied for each call.

  private static func localClass(
    of symbol: Symbol, in sections: [InputSection], firstSection: Int
  ) -> SymbolClass {
    let type = symbol.type
    switch symbol.place {
    case .section(let index):
      let section = sections[firstSection &+ Int(index.rawValue)]
      if section.isDiscarded { return .discarded }
      if type == .tls { return [.defined, .threadLocal] }
      if section.kind == .notLoaded { return [.defined, .absolute] }
      if section.kind == .threadLocal || section.kind == .threadLocalZero { return [.defined, .threadLocal] }
      return type == .indirectFunction ? [.defined, .indirect] : .defined
    case .common, .largeCommon: return .defined
    case .absolute: return [.defined, .absolute]
    // The reserved first symbol: its address is 0, wherever that is.
    case .undefined: return [.defined, .absolute]
    }
  }

  private static func strength(
    of symbol: Symbol, in sections: [InputSection], firstSection: Int
  ) -> GlobalSymbol.Strength {
    let isWeak = symbol.binding == .weak
    switch symbol.place {
    case .undefined: return isWeak ? .weakReference : .reference
    case .common, .largeCommon: return .common
    case .absolute: return isWeak ? .weakDefinition : .definition
    case .section(let index):
      // The definition went with its group; the group that was kept has another.
      if sections[firstSection &+ Int(index.rawValue)].isDiscarded { return .reference }
      return isWeak || symbol.binding == .unique ? .weakDefinition : .definition
    }
  }

  /// Lets another mention of a name compete with those so far.
  private mutating func merge(
    _ symbol: Symbol, _ number: Int, _ strength: GlobalSymbol.Strength, into id: Int
  ) throws(LinkError) {
    let known = resolution.globals[id]
    if symbol.visibility != .default {
      resolution.globals[id].visibility = .mostConstraining(known.visibility, symbol.visibility)
    }
    guard strength >= known.strength else { return }
    if strength == .definition, known.strength == .definition {
      // The same constant twice contradicts nothing; GNU ld and ld.lld allow it, too.
      let first = resolution.batch.symbol(known.symbol)
      if symbol.place == .absolute, first.place == .absolute, symbol.value == first.value { return }
      throw .duplicateDefinition(
        symbol: resolution.names.text(id),
        first: resolution.batch.objects[resolution.batch.object(ofSymbol: known.symbol)].name,
        second: resolution.batch.objects[resolution.batch.object(ofSymbol: number)].name)
    }
    guard strength > known.strength else { return }
    resolution.globals[id].strength = strength
    if strength >= .weakDefinition {
      if known.strength == .common { commons[known.symbol] = nil }
      resolution.globals[id].symbol = number
      resolution.globals[id].type = symbol.type
    }
  }

  /// Makes room for a common symbol: as much as the largest one of the name asks for.
  private mutating func mergeCommon(
    _ symbol: Symbol, _ number: Int, of canonical: Int, _ object: ObjectFile
  ) throws(LinkError) {
    let kind: SegmentKind = symbol.place == .largeCommon ? .largeZero : .zero
    let wanted = try common(symbol, canonical, kind, object)
    guard var known = commons[canonical] else {
      if canonical == number { commons[canonical] = wanted }
      return
    }
    known.byteCount = max(known.byteCount, wanted.byteCount)
    known.alignment = max(known.alignment, wanted.alignment)
    commons[canonical] = known
  }

  private func common(
    _ symbol: Symbol, _ number: Int, _ kind: SegmentKind, _ object: ObjectFile
  ) throws(LinkError) -> CommonSymbol {
    guard let byteCount = Int(exactly: symbol.size), byteCount < 1 << 47 else {
      throw .section(.tooLarge(byteCount: symbol.size), file: object.name, section: object.name(of: symbol))
    }
    guard symbol.value < 1 << 47 else {
      throw .section(.alignmentTooLarge(symbol.value), file: object.name, section: object.name(of: symbol))
    }
    // `st_value` is the alignment; what is no power of two is rounded down to one.
    let alignment = symbol.value == 0 ? 1 : 1 << (63 - symbol.value.leadingZeroBitCount)
    return CommonSymbol(symbol: number, byteCount: byteCount, alignment: alignment, kind: kind)
  }
}
