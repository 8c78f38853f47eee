internal import WeldBytes
internal import WeldELF

/// Resolves: decides for every name of a batch who defines it, and which sections take part.
struct BatchResolver: ~Copyable {
  let batch: Batch
  let traits: MachineTraits
  /// Whether thread-local storage takes part.
  let linksThreadLocals: Bool
  /// The numbers of definitions that stand back behind others, which are somewhere else.
  let overridden: Set<Int>
  var sections: [InputSection]
  var roles = SectionRoles()
  var canonical: [UInt32]
  var classes: [SymbolClass]
  var names: NameTable
  var globals: [GlobalSymbol] = []
  var commons: [Int: CommonSymbol] = [:]
  var identifierSections: [String: [Int]] = [:]
  var groups = NameTable()
  var indirectFunctions: [Int] = []

  private init(
    _ batch: Batch, _ traits: MachineTraits, linksThreadLocals: Bool, overridden: Set<Int>
  ) {
    self.batch = batch
    self.traits = traits
    self.linksThreadLocals = linksThreadLocals
    self.overridden = overridden
    sections = Array(of: InputSection(), count: batch.sectionCount)
    canonical = Array(of: 0, count: batch.symbolCount)
    classes = Array(of: [], count: batch.symbolCount)
    var globalCount = 0
    var largestCount = 0
    for position in batch.objects.indices {
      let count = batch.objects[position].symbolTable.map { $0.count - $0.firstGlobal } ?? 0
      globalCount += count
      largestCount = max(largestCount, count)
    }
    // The names of one object differ; those of many are mentioned several times.
    names = NameTable(capacity: max(largestCount, globalCount / 4))
    // Room that is not needed is never touched.
    globals.reserveCapacity(globalCount)
  }

  /// Resolves the names of `batch`; each name in `aliases` that is not defined stands for another one.
  ///
  /// Weak and common definitions of names that `published` defines stand back; and definitions whose numbers are in
  /// `overridden`, and those of the names in `others`.
  static func resolve(
    _ batch: Batch, _ traits: MachineTraits, aliases: [Alias], linksThreadLocals: Bool,
    after published: PublishedSymbols?, overridden: Set<Int> = [], and others: Set<String> = []
  ) throws(LinkError) -> Resolution {
    var resolver = BatchResolver(
      batch, traits, linksThreadLocals: linksThreadLocals, overridden: overridden)
    for position in resolver.batch.objects.indices {
      let object = resolver.batch.objects[position]
      try resolver.addSections(of: object, at: position)
      try resolver.addSymbols(of: object, at: position)
    }
    if let published { try resolver.standBack(behind: published) }
    resolver.standBack(behind: others)
    resolver.canonicalize(aliases)
    try resolver.unifyIdentifierKinds()
    return resolver.finish(linkerDefinitions: resolver.linkerDefinitions())
  }

  private consuming func finish(
    linkerDefinitions: [(symbol: Int, definition: LinkerDefinition)]
  ) -> Resolution {
    Resolution(
      batch: batch, linksThreadLocals: linksThreadLocals, sections: sections, roles: roles,
      canonical: canonical, classes: classes, names: names, globals: globals,
      commons: commons.isEmpty ? [] : commons.values.sorted { $0.symbol < $1.symbol },
      linkerDefinitions: linkerDefinitions, identifierSections: identifierSections,
      indirectFunctions: indirectFunctions)
  }
}

// MARK: - Sections with one name

extension BatchResolver {
  /// Puts namesakes in one segment: a writable one if one of them is writable, one with contents if one has
  /// some.
  ///
  /// Code and data cannot lie in one.
  mutating func unifyIdentifierKinds() throws(LinkError) {
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
  mutating func standBack(behind published: PublishedSymbols) throws(LinkError) {
    guard !published.isEmpty else { return }
    for id in globals.indices where globals[id].isDefined {
      guard let known = published.find(id, of: names) else { continue }
      if globals[id].strength < .definition {
        // What nobody else can see does not give way to what others define.
        guard !globals[id].visibility.isHidden else { continue }
        standBack(id)
      } else if known.isStrong {
        throw .duplicateDefinition(
          symbol: names.text(id), first: known.file,
          second: batch.objects[batch.object(ofSymbol: globals[id].symbol)].name)
      }
    }
  }

  /// Lets what something else defines prevail over all definitions, also hidden ones.
  mutating func standBack(behind others: Set<String>) {
    for name in others {
      if let id = names.find(name), globals[id].isDefined { standBack(id) }
    }
  }

  private mutating func standBack(_ id: Int) {
    commons[globals[id].symbol] = nil
    globals[id].strength = .reference
  }

  /// Replaces the numbers of names by canonical symbols, and classifies what is not defined.
  mutating func canonicalize(_ aliases: [Alias]) {
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
      let first = batch.first[position].symbol
      for number in first &+ table.firstGlobal..<first &+ table.count {
        canonical[number] = UInt32(truncatingIfNeeded: globals[Int(canonical[number])].symbol)
      }
    }
  }

  /// Finds the undefined names that the linker defines itself.
  mutating func linkerDefinitions() -> [(symbol: Int, definition: LinkerDefinition)] {
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

  func linkerDefinition(_ name: RawSpan) -> LinkerDefinition? {
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

  /// Whether a linker defines the name itself if nobody else does; some of them only if there is such a section.
  static func mayDefine(_ name: RawSpan, _ traits: MachineTraits) -> Bool {
    if name.equals(traits.gotBaseName) { return true }
    guard name.starts(with: "_") || name.starts(with: "e") else { return false }
    return name.starts(with: "__start_") || name.starts(with: "__stop_")
      || fixedDefinitions.contains { name.equals($0.0) }
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
