internal import WeldBytes
internal import WeldELF

/// The first stage: decides for every name of a batch who defines it, and which sections take part.
struct BatchResolver {
  private let batch: Batch
  private let traits: MachineTraits
  /// Whether thread-local storage takes part.
  private let linksThreadLocals: Bool
  private var sections: [InputSection]
  private var canonical: [UInt32]
  private var classes: [SymbolClass]
  private var names: NameTable
  private var globals: [GlobalSymbol] = []
  private var commons: [Int: CommonSymbol] = [:]
  private var identifierSections: [String: [Int]] = [:]
  private var groups = NameTable()
  private var indirectFunctions: [Int] = []

  private init(_ batch: Batch, _ traits: MachineTraits, linksThreadLocals: Bool) {
    self.batch = batch
    self.traits = traits
    self.linksThreadLocals = linksThreadLocals
    sections = [InputSection](repeating: InputSection(), count: batch.sectionCount)
    canonical = [UInt32](repeating: 0, count: batch.symbolCount)
    classes = [SymbolClass](repeating: [], count: batch.symbolCount)
    let globalCount = batch.objects.reduce(0) { $0 + $1.symbolCount - ($1.symbolTable?.firstGlobal ?? 0) }
    names = NameTable(capacity: globalCount / 2)
    // Room that is not needed is never touched.
    globals.reserveCapacity(globalCount)
  }

  /// Resolves the names of `batch`; each name in `aliases` that is not defined stands for another one.
  ///
  /// Weak and common definitions of names that `published` defines stand back.
  static func resolve(
    _ batch: Batch, _ traits: MachineTraits, aliases: [Alias], linksThreadLocals: Bool,
    after published: PublishedSymbols
  ) throws(LinkError) -> Resolution {
    var resolver = BatchResolver(batch, traits, linksThreadLocals: linksThreadLocals)
    for position in batch.objects.indices {
      try resolver.addSections(of: position)
      try resolver.addSymbols(of: position)
    }
    try resolver.standBack(behind: published)
    resolver.canonicalize(aliases)
    try resolver.unifyIdentifierKinds()
    let linkerDefinitions = resolver.linkerDefinitions()
    return Resolution(
      batch: batch, sections: resolver.sections, canonical: resolver.canonical, classes: resolver.classes,
      names: resolver.names, globals: resolver.globals,
      commons: resolver.commons.values.sorted { $0.symbol < $1.symbol }, linkerDefinitions: linkerDefinitions,
      identifierSections: resolver.identifierSections, indirectFunctions: resolver.indirectFunctions)
  }
}

// MARK: - Sections

extension BatchResolver {
  private mutating func addSections(of position: Int) throws(LinkError) {
    let object = batch.objects[position]
    let first = batch.firstSection[position]
    if !object.groupSections.isEmpty { discardGroups(of: object, first: first) }
    for number in 1..<max(object.sectionCount, 1) {
      let header = object.section(at: SectionIndex(rawValue: UInt32(truncatingIfNeeded: number)))
      switch header.type {
      case .rela, .rel:
        // The gABI allows a relocation section before or after its target.
        let target = first &+ Int(header.info)
        guard sections[target].relocationCount == 0 else {
          throw .section(
            .secondRelocationSection, file: object.name,
            section: object.sectionName(SectionIndex(rawValue: header.info)))
        }
        sections[target].relocationOffset = header.fileRange.lowerBound
        sections[target].relocationCount = UInt32(
          truncatingIfNeeded: header.fileRange.count / (header.type == .rela ? 24 : 16))
        if header.type == .rel, header.size > 0, isLoaded(object, header.info) {
          throw .relocation(
            .withoutAddend,
            at: RelocationWalk.place(of: object.relocations(in: header)[0], in: object, header.info))
        }
      case .compactRelocations:
        // The reader does not prove what they are for.
        let isKnown = Int(header.info) < object.sectionCount
        if !isKnown || isLoaded(object, header.info) {
          throw .section(
            .compactRelocations, file: object.name,
            section: isKnown
              ? object.sectionName(SectionIndex(rawValue: header.info)) : object.name(of: header))
        }
      // The other fields of such a header mean nothing (gABI, "Section Types").
      case .null: break
      case _ where header.flags.contains(.alloc):
        try addSection(header, number: first &+ number, of: object)
      default: break
      }
    }
    dropLinkOrdered(object, first: first)
  }

  private func isLoaded(_ object: ObjectFile, _ section: UInt32) -> Bool {
    object.section(at: SectionIndex(rawValue: section)).flags.contains(.alloc)
  }

  /// Marks the sections of groups whose signature was seen before.
  private mutating func discardGroups(of object: ObjectFile, first: Int) {
    for index in object.groupSections {
      let group = object.group(at: index)
      guard group.isCOMDAT else { continue }
      let before = groups.count
      let signature = object.signatureBytes(of: group)
      let hash = signature.nameHash()
      if groups.find(signature, hash: hash) == nil {
        let owned = Bytes([UInt8](copying: signature))
        _ = groups.intern(
          HashedName(byteCount: owned.count, hash: hash), in: groups.addStrings(owned), at: 0)
      }
      guard groups.count == before else { continue }
      for member in group.members { sections[first &+ Int(member.rawValue)].isDiscarded = true }
    }
  }

  /// Drops what belongs to a dropped section (`SHF_LINK_ORDER`).
  private mutating func dropLinkOrdered(_ object: ObjectFile, first: Int) {
    guard !object.groupSections.isEmpty else { return }
    for number in 1..<max(object.sectionCount, 1) {
      let header = object.section(at: SectionIndex(rawValue: UInt32(truncatingIfNeeded: number)))
      guard header.flags.contains([.alloc, .linkOrder]), header.link != 0,
        sections[first &+ Int(header.link)].isDiscarded
      else { continue }
      sections[first &+ number].isDiscarded = true
      sections[first &+ number].kind = .notLoaded
    }
  }

  private mutating func addSection(
    _ header: SectionHeader, number: Int, of object: ObjectFile
  ) throws(LinkError) {
    guard !sections[number].isDiscarded, !header.flags.contains(.exclude) else { return }
    guard linksThreadLocals || !header.flags.contains(.tls) else { return }
    if header.flags.contains([.write, .executable]) {
      throw .section(.writableAndExecutable, file: object.name, section: object.name(of: header))
    }
    guard let byteCount = Int(exactly: header.size), byteCount < 1 << 47 else {
      throw .section(.tooLarge(byteCount: header.size), file: object.name, section: object.name(of: header))
    }
    guard let alignment = Int(exactly: header.alignment), alignment < 1 << 47 else {
      throw .section(
        .alignmentTooLarge(header.alignment), file: object.name, section: object.name(of: header))
    }
    let (kind, role) = classify(header, object.nameBytes(of: header))
    sections[number].fileOffset = header.fileRange.lowerBound
    sections[number].byteCount = byteCount
    sections[number].alignmentShift = UInt8(truncatingIfNeeded: alignment.trailingZeroBitCount)
    sections[number].kind = kind
    sections[number].role = role
    sections[number].isZero = header.type == .nobits
    switch role {
    case .plain: break
    case .frames: try addFrames(header, number: number, of: object)
    case .toc: break
    case .identifier: identifierSections[object.name(of: header), default: []].append(number)
    default:
      guard byteCount % 8 == 0 else {
        throw .section(
          .partialPointer(byteCount: header.size), file: object.name, section: object.name(of: header))
      }
    }
  }

  /// Proves frame descriptions, and leaves out what ends them: the batch's have one end.
  private mutating func addFrames(
    _ header: SectionHeader, number: Int, of object: ObjectFile
  ) throws(LinkError) {
    do {
      let byteCount = try FrameSection.recordByteCount(
        of: object.contents(of: header), order: object.header.byteOrder)
      sections[number].byteCount = byteCount
      if byteCount == 0 { sections[number].kind = .notLoaded }
    } catch {
      throw .section(
        .malformedFrames(offset: error.offset), file: object.name, section: object.name(of: header))
    }
  }

  /// Where a section goes and what it is, from its flags and, where they leave it open, its name.
  private func classify(_ header: SectionHeader, _ name: RawSpan) -> (SegmentKind, SectionRole) {
    let isLarge = traits.hasLargeSections && header.flags.contains(.large)
    if header.flags.contains(.tls) {
      return (header.type == .nobits ? .threadLocalZero : .threadLocal, .plain)
    }
    if header.flags.contains(.executable) {
      return (isLarge ? .largeText : .text, name.isIdentifier ? .identifier : .plain)
    }
    if name.isIdentifier {
      let writable: SegmentKind = header.type == .nobits ? .zero : .data
      return (header.flags.contains(.write) ? writable : .readOnly, .identifier)
    }
    if !header.flags.contains(.write) {
      if name.equals(".eh_frame") { return (.readOnly, .frames) }
      if header.type == .note, name.equals(".note.gnu.property") { return (.notLoaded, .plain) }
      if let role = arrayRole(header, name) { return (.relocatedReadOnly, role) }
      return (isLarge ? .largeReadOnly : .readOnly, .plain)
    }
    if header.type == .nobits { return (isLarge ? .largeZero : .zero, .plain) }
    // Some compilers make it writable; there is one place for frames.
    if name.equals(".eh_frame") { return (.readOnly, .frames) }
    if let role = arrayRole(header, name) { return (.relocatedReadOnly, role) }
    if let toc = traits.tocSectionName, name.isNamed(toc) { return (.relocatedReadOnly, .toc) }
    if name.starts(with: ".data.rel.ro") { return (.relocatedReadOnly, .plain) }
    return (isLarge ? .largeData : .data, .plain)
  }

  private func arrayRole(_ header: SectionHeader, _ name: RawSpan) -> SectionRole? {
    switch header.type {
    case .initArray: return .initArray
    case .finiArray: return .finiArray
    case .preinitArray: return .preinitArray
    default: break
    }
    if name.isNamed(".ctors") { return .constructors }
    if name.isNamed(".dtors") { return .destructors }
    if name.isNamed(".init_array") { return .initArray }
    if name.isNamed(".fini_array") { return .finiArray }
    if name.isNamed(".preinit_array") { return .preinitArray }
    return nil
  }
}

extension RawSpan {
  /// Whether the name is `base`, or `base` followed by a dot and a suffix.
  fileprivate func isNamed(_ base: StaticString) -> Bool {
    guard starts(with: base) else { return false }
    if byteCount == base.utf8CodeUnitCount { return true }
    let next: UInt8? = try? load(at: base.utf8CodeUnitCount, order: .little)
    return next == UInt8(ascii: ".")
  }

  /// Whether the name could be one of the C language.
  fileprivate var isIdentifier: Bool {
    for offset in byteOffsets {
      guard let byte: UInt8 = try? load(at: offset, order: .little) else { return false }
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
        continue
      case UInt8(ascii: "0")...UInt8(ascii: "9") where offset > 0: continue
      default: return false
      }
    }
    return byteCount > 0
  }
}

// MARK: - Symbols

extension BatchResolver {
  private mutating func addSymbols(of position: Int) throws(LinkError) {
    let object = batch.objects[position]
    guard let table = object.symbolTable else { return }
    let first = batch.firstSymbol[position]
    let firstSection = batch.firstSection[position]
    let symbols = object.symbols
    for index in 0..<min(table.firstGlobal, table.count) {
      let symbol = symbols[index]
      let number = first &+ index
      canonical[number] = UInt32(truncatingIfNeeded: number)
      classes[number] = localClass(of: symbol, firstSection: firstSection)
      if classes[number].contains(.indirect) { indirectFunctions.append(number) }
      if symbol.place == .common {
        commons[number] = try common(symbol, number, .zero, object)
      }
    }
    guard table.firstGlobal < table.count,
      let strings = try? object.bytes.extracting(table.names)
    else { return }
    let source = names.addStrings(strings)
    let bytes = strings.span
    for index in table.firstGlobal..<table.count {
      let symbol = symbols[index]
      let name: HashedName
      do {
        name = try bytes.name(at: Int(symbol.nameOffset))
      } catch {
        // Only an empty string table has no name at offset 0.
        name = HashedName(byteCount: 0, hash: 0)
      }
      let number = first &+ index
      let known = globals.count
      let id = name.byteCount == 0 ? names.intern("") : names.intern(name, in: source, at: symbol.nameOffset)
      // Until all objects are seen, the number of the name stands for the canonical symbol.
      canonical[number] = UInt32(truncatingIfNeeded: id)
      let strength = strength(of: symbol, firstSection: firstSection)
      if symbol.place != .undefined {
        classes[number] = localClass(of: symbol, firstSection: firstSection)
      } else if symbol.type == .tls {
        classes[number] = .threadLocal
      }
      if id == known {
        globals.append(
          GlobalSymbol(symbol: number, strength: strength, visibility: symbol.visibility, type: symbol.type))
      } else if strength > globals[id].strength || strength == .definition || symbol.visibility != .default {
        try merge(symbol, number, strength, into: id)
      }
      if strength == .common {
        try mergeCommon(symbol, number, of: globals[id].symbol, object)
      }
    }
  }

  private func localClass(of symbol: Symbol, firstSection: Int) -> SymbolClass {
    let type = symbol.type
    switch symbol.place {
    case .section(let index):
      if type == .tls { return [.defined, .threadLocal] }
      let section = sections[firstSection &+ Int(index.rawValue)]
      if section.isDiscarded { return .discarded }
      if section.kind == .notLoaded { return [.defined, .absolute] }
      if section.kind == .threadLocal || section.kind == .threadLocalZero { return [.defined, .threadLocal] }
      return type == .indirectFunction ? [.defined, .indirect] : .defined
    case .common, .largeCommon: return .defined
    case .absolute: return [.defined, .absolute]
    // The reserved first symbol: its address is 0, wherever that is.
    case .undefined: return [.defined, .absolute]
    }
  }

  private func strength(of symbol: Symbol, firstSection: Int) -> GlobalSymbol.Strength {
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
    let known = globals[id]
    if symbol.visibility != .default {
      globals[id].visibility = .mostConstraining(known.visibility, symbol.visibility)
    }
    guard strength >= known.strength else { return }
    if strength == .definition, known.strength == .definition {
      // The same constant twice contradicts nothing; GNU ld and ld.lld allow it, too.
      let first = batch.symbol(known.symbol)
      if symbol.place == .absolute, first.place == .absolute, symbol.value == first.value { return }
      throw .duplicateDefinition(
        symbol: names.text(id), first: batch.objects[batch.object(ofSymbol: known.symbol)].name,
        second: batch.objects[batch.object(ofSymbol: number)].name)
    }
    guard strength > known.strength else { return }
    globals[id].strength = strength
    if strength >= .weakDefinition {
      if known.strength == .common { commons[known.symbol] = nil }
      globals[id].symbol = number
      globals[id].type = symbol.type
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

// MARK: - Sections with one name

extension BatchResolver {
  /// Puts namesakes in one segment: a writable one if one of them is writable, one with contents if one has
  /// some.
  ///
  /// Code and data cannot lie in one.
  private mutating func unifyIdentifierKinds() throws(LinkError) {
    for (name, numbers) in identifierSections {
      let kinds = Set(numbers.map { sections[$0].kind }).subtracting([.notLoaded])
      guard kinds.count > 1 else { continue }
      guard kinds.isDisjoint(with: [.text, .largeText]) else {
        let file = batch.objects[batch.object(ofSection: numbers[0])].name
        throw .section(.writableAndExecutable, file: file, section: name)
      }
      for number in numbers where sections[number].kind != .notLoaded { sections[number].kind = .data }
    }
  }
}

// MARK: - Canonical symbols

extension BatchResolver {
  /// Lets definitions of earlier batches prevail over weak and common ones, and refuses others.
  private mutating func standBack(behind published: PublishedSymbols) throws(LinkError) {
    guard !published.isEmpty else { return }
    for id in globals.indices where globals[id].isDefined {
      guard let known = published.find(id, of: names) else { continue }
      if globals[id].strength < .definition {
        commons[globals[id].symbol] = nil
        globals[id].strength = .reference
      } else if known.isStrong {
        throw .duplicateDefinition(
          symbol: names.text(id), first: known.file,
          second: batch.objects[batch.object(ofSymbol: globals[id].symbol)].name)
      }
    }
  }

  /// Replaces the numbers of names by canonical symbols, and classifies what is not defined.
  private mutating func canonicalize(_ aliases: [Alias]) {
    for global in globals {
      if !global.isDefined {
        // A definition that stood back is one mention among others.
        classes[global.symbol].formIntersection(.threadLocal)
        if global.strength == .weakReference { classes[global.symbol].insert(.weakReference) }
      } else if classes[global.symbol].contains(.indirect) {
        indirectFunctions.append(global.symbol)
      }
    }
    for alias in aliases {
      guard let new = names.find(alias.name), !globals[new].isDefined else { continue }
      // What defines it, or without a definition the last name that is mentioned.
      let targets = aliases.targets(of: alias.name).compactMap { names.find($0) }
      guard let old = targets.first(where: { globals[$0].isDefined }) ?? targets.last else { continue }
      globals[new].symbol = globals[old].symbol
      if globals[old].strength == .weakReference, globals[new].strength != .weakReference {
        globals[old].strength = globals[new].strength
        classes[globals[old].symbol].remove(.weakReference)
      }
    }
    for position in batch.objects.indices {
      guard let table = batch.objects[position].symbolTable, table.firstGlobal < table.count else { continue }
      let first = batch.firstSymbol[position]
      for number in first &+ table.firstGlobal..<first &+ table.count {
        canonical[number] = UInt32(truncatingIfNeeded: globals[Int(canonical[number])].symbol)
      }
    }
  }

  /// Finds the undefined names that the linker defines itself.
  private mutating func linkerDefinitions() -> [(symbol: Int, definition: LinkerDefinition)] {
    var found: [(symbol: Int, definition: LinkerDefinition)] = []
    for (id, global) in globals.enumerated() where !global.isDefined {
      guard let definition = names.withBytes(id, { linkerDefinition($0) }),
        !classes[global.symbol].contains(.defined)
      else { continue }
      classes[global.symbol] = .defined
      found.append((global.symbol, definition))
    }
    return found
  }

  private func linkerDefinition(_ name: RawSpan) -> LinkerDefinition? {
    if name.equals(traits.gotBaseName) { return .gotBase }
    guard name.starts(with: "_") || name.starts(with: "e") else { return nil }
    if name.starts(with: "__start_") {
      let section = String(decoding: name.extracting(8..<name.byteCount))
      return identifierSections[section] == nil ? nil : .sectionStart(section)
    }
    if name.starts(with: "__stop_") {
      let section = String(decoding: name.extracting(7..<name.byteCount))
      return identifierSections[section] == nil ? nil : .sectionEnd(section)
    }
    for (text, definition) in Self.fixedDefinitions where name.equals(text) { return definition }
    return nil
  }

  private static let fixedDefinitions: [(StaticString, LinkerDefinition)] = [
    ("_GLOBAL_OFFSET_TABLE_", .gotBase),
    ("__preinit_array_start", .arrayStart(.preinitArray)), ("__preinit_array_end", .arrayEnd(.preinitArray)),
    ("__init_array_start", .arrayStart(.initArray)), ("__init_array_end", .arrayEnd(.initArray)),
    ("__fini_array_start", .arrayStart(.finiArray)), ("__fini_array_end", .arrayEnd(.finiArray)),
    ("etext", .end(of: .text)), ("_etext", .end(of: .text)), ("__etext", .end(of: .text)),
    ("edata", .end(of: .data)), ("_edata", .end(of: .data)), ("__bss_start", .start(of: .zero)),
    ("end", .end(of: .zero)), ("_end", .end(of: .zero)),
    // Marks the end of a table that is always empty here.
    ("__TMC_END__", .end(of: .relocatedReadOnly)),
  ]
}
