internal import WeldBytes
internal import WeldELF

/// Resolves: decides for every name of a batch who defines it, and which sections take part.
struct BatchResolver: ~Copyable {
  /// What was found out so far.
  var resolution: Resolution
  let traits: MachineTraits
  /// The numbers of definitions that stand back behind others, which are somewhere else.
  let overridden: Set<Int>
  var commons: [Int: CommonSymbol] = [:]
  /// The signatures of COMDAT groups, once there is one.
  var groups: NameTable?

  private init(
    _ batch: consuming Batch, _ traits: MachineTraits, linksThreadLocals: Bool, overridden: Set<Int>
  ) {
    self.traits = traits
    self.overridden = overridden
    resolution = Resolution(of: batch, linksThreadLocals: linksThreadLocals)
  }

  /// Resolves the names of `batch`; each name in `aliases` that is not defined stands for another one.
  ///
  /// Weak and common definitions of names that `published` defines stand back; and definitions whose numbers are in
  /// `overridden`, and those of the names in `others`.
  static func resolve(
    _ batch: consuming Batch, _ traits: MachineTraits, aliases: [Alias], linksThreadLocals: Bool,
    after published: PublishedSymbols?, overridden: Set<Int> = [], and others: Set<String> = []
  ) throws(LinkError) -> Resolution {
    var resolver = BatchResolver(
      batch, traits, linksThreadLocals: linksThreadLocals, overridden: overridden)
    for position in resolver.resolution.batch.objects.indices {
      let object = resolver.resolution.batch.objects[position]
      try resolver.addSections(of: object, at: position)
      try resolver.addSymbols(of: object, at: position)
    }
    if let published { try resolver.standBack(behind: published) }
    if !others.isEmpty { resolver.standBack(behind: others) }
    resolver.canonicalize(aliases)
    if !resolver.resolution.identifierSections.isEmpty { try resolver.unifyIdentifierKinds() }
    resolver.addLinkerDefinitions()
    if !resolver.commons.isEmpty {
      resolver.resolution.commons = resolver.commons.values.sorted { $0.symbol < $1.symbol }
    }
    return resolver.resolution
  }
}

// MARK: - Sections with one name

extension BatchResolver {
  /// Puts namesakes in one segment: a writable one if one of them is writable, one with contents if one has
  /// some.
  ///
  /// Code and data cannot lie in one.
  mutating func unifyIdentifierKinds() throws(LinkError) {
    for (name, numbers) in resolution.identifierSections {
      let kinds = Set(numbers.map { resolution.sections[$0].kind }).subtracting([.notLoaded])
      guard kinds.count > 1 else { continue }
      guard kinds.isDisjoint(with: [.text, .largeText]) else {
        let file = resolution.batch.objects[resolution.batch.object(ofSection: numbers[0])].name
        throw .section(.writableAndExecutable, file: file, section: name)
      }
      for number in numbers where resolution.sections[number].kind != .notLoaded {
        resolution.sections[number].kind = .data
      }
    }
  }
}

// MARK: - Canonical symbols

extension BatchResolver {
  /// Lets definitions of earlier batches prevail over weak and common ones, and refuses others.
  mutating func standBack(behind published: PublishedSymbols) throws(LinkError) {
    guard !published.isEmpty else { return }
    for id in resolution.globals.indices where resolution.globals[id].isDefined {
      guard let known = published.find(id, of: resolution.names) else { continue }
      if resolution.globals[id].strength < .definition {
        // What nobody else can see does not give way to what others define.
        guard !resolution.globals[id].visibility.isHidden else { continue }
        standBack(id)
      } else if known.isStrong {
        throw .duplicateDefinition(
          symbol: resolution.names.text(id), first: known.file,
          second: resolution.batch.objects[resolution.batch.object(ofSymbol: resolution.globals[id].symbol)]
            .name)
      }
    }
  }

  /// Lets what something else defines prevail over all definitions, also hidden ones.
  mutating func standBack(behind others: Set<String>) {
    for name in others {
      if let id = resolution.names.find(name), resolution.globals[id].isDefined { standBack(id) }
    }
  }

  private mutating func standBack(_ id: Int) {
    commons[resolution.globals[id].symbol] = nil
    resolution.globals[id].strength = .reference
  }

  /// Replaces the numbers of names by canonical symbols, and classifies what is not defined.
  mutating func canonicalize(_ aliases: [Alias]) {
    for global in resolution.globals {
      if !global.isDefined {
        // A definition that stood back is one mention among others.
        resolution.symbols[global.symbol].classes.formIntersection(.threadLocal)
        if global.strength == .weakReference {
          resolution.symbols[global.symbol].classes.insert(.weakReference)
        }
      } else if resolution.symbols[global.symbol].classes.contains(.indirect) {
        resolution.indirectFunctions.append(global.symbol)
      }
    }
    for alias in aliases {
      guard let new = resolution.names.find(alias.name), !resolution.globals[new].isDefined else { continue }
      // What defines it, or without a definition the last name that is mentioned.
      let targets = aliases.targets(of: alias.name).compactMap { resolution.names.find($0) }
      guard let old = targets.first(where: { resolution.globals[$0].isDefined }) ?? targets.last else {
        continue
      }
      resolution.globals[new].symbol = resolution.globals[old].symbol
      if resolution.globals[old].strength == .weakReference,
        resolution.globals[new].strength != .weakReference
      {
        resolution.globals[old].strength = resolution.globals[new].strength
        resolution.symbols[resolution.globals[old].symbol].classes.remove(.weakReference)
      }
    }
    for position in resolution.batch.objects.indices {
      for number in resolution.batch.globals(ofObject: position) {
        resolution.symbols[number].canonical = UInt32(
          truncatingIfNeeded: resolution.globals[Int(resolution.symbols[number].canonical)].symbol)
      }
    }
  }

  /// Finds the undefined names that the linker defines itself.
  private mutating func addLinkerDefinitions() {
    for (id, global) in resolution.globals.enumerated() where !global.isDefined {
      guard let definition = resolution.names.withBytes(id, { linkerDefinition($0) }),
        !resolution.symbols[global.symbol].classes.contains(.defined)
      else { continue }
      resolution.symbols[global.symbol].classes = .defined
      resolution.linkerDefinitions.append((global.symbol, definition))
    }
  }

  func linkerDefinition(_ name: RawSpan) -> LinkerDefinition? {
    if name.equals(traits.gotBaseName) { return .gotBase }
    guard Self.mayBeginDefined(name) else { return nil }
    if name.starts(with: "__start_") {
      let section = String(decoding: name.extracting(8..<name.byteCount))
      return resolution.identifierSections[section] == nil ? nil : .sectionStart(section)
    }
    if name.starts(with: "__stop_") {
      let section = String(decoding: name.extracting(7..<name.byteCount))
      return resolution.identifierSections[section] == nil ? nil : .sectionEnd(section)
    }
    for (text, definition) in Self.fixedDefinitions where name.equals(text) { return definition }
    return nil
  }

  /// Whether a linker defines the name itself if nobody else does; some of them only if there is such a section. Not asked of
  /// the base of the GOT, nor of others than ``mayBeginDefined(_:)`` says.
  static func mayDefine(_ name: RawSpan) -> Bool {
    name.starts(with: "__start_") || name.starts(with: "__stop_")
      || fixedDefinitions.contains { name.equals($0.0) }
  }

  /// Whether names that linkers define, but for the base of the GOT, may begin as this one does.
  static func mayBeginDefined(_ name: RawSpan) -> Bool {
    let first: UInt8? = try? name.load(at: 0, order: .little)
    return first == UInt8(ascii: "_") || first == UInt8(ascii: "e")
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
