internal import WeldBytes
public import WeldELF
public import WeldMemory

/// Links objects into memory, step by step; LLVM's class of the same name is its model.
///
/// ```swift
/// let linker = RuntimeDyld(memory: try MappedMemory(), lookup: AbsoluteSymbols())
/// try linker.load(ObjectFile(try MappedFile.open("add.o"), name: "add.o"))
/// try linker.finalize()
/// let add = linker.symbol(named: "add")
/// ```
///
/// ``load(_:)`` only takes an object in. What was loaded since the last layout is laid out together, as one
/// batch, as soon as an address is asked for or relocations are to be resolved: the more is loaded before
/// that, the closer it lies together and the faster it is linked. Batches see each other's symbols; what none
/// defines is asked of the ``SymbolLookup``.
///
/// Memory lives as long as the linker. Not for use from several threads at once. `docs/embedding.md` sets its
/// functions beside LLVM's.
public final class RuntimeDyld {
  private let memory: any MemoryManager
  private let lookup: any SymbolLookup
  let options: Options
  private var pending: [ObjectFile] = []
  private var traits: MachineTraits?
  /// The byte order and `e_flags` of the last object that was found to be one of a machine that Weld links.
  private var accepted: (byteOrder: ByteOrder, flags: UInt32)?
  var batches: [LinkedBatch] = []
  /// How many of the first batches are known to be finalized, so that a new one costs the same however many
  /// there are.
  private var finalizedCount = 0
  private let published = PublishedSymbols()

  /// How to link.
  public struct Options: Sendable {
    /// Whether instructions may be rewritten where that saves a load from the GOT. Default `true`.
    public var relaxes = true
    /// Second names for symbols. Default none.
    public var aliases: [Alias] = []
    /// Whether accesses to thread-local variables are linked, as those of a program whose only module this
    /// is.
    ///
    /// They make up one block, so all objects that have some must be laid out together.
    ///
    /// Nobody makes room for the variables when the code runs here; so it is for images that something else
    /// runs. Default `false`: they are refused.
    public var linksThreadLocals = false
    /// Sections that are used at fixed addresses instead of where their memory is. Default none.
    public var sectionAddresses: [SectionAddress] = []
    /// Whether hidden symbols that nothing defines are asked of the lookup, too. Default `false`: they are
    /// missing.
    public var looksUpHidden = false
    /// Names that something else defines: the objects' definitions of them stand back and count as references,
    /// which are looked up. Default none.
    public var definedElsewhere: Set<String> = []
    /// What formulas call `GOT` (`_GLOBAL_OFFSET_TABLE_`, on ppc64le `.TOC.`), if it is not to be where the
    /// GOT is.
    public var gotBase: Address?

    /// The defaults.
    public init() {}
  }

  /// A linker without objects.
  ///
  /// - Parameters:
  ///   - memory: where memory comes from.
  ///   - lookup: where symbols come from that no object defines.
  ///   - options: how to link.
  public init(memory: any MemoryManager, lookup: any SymbolLookup, options: Options = Options()) {
    self.memory = memory
    self.lookup = lookup
    self.options = options
  }
}

// MARK: - Loading

extension RuntimeDyld {
  /// Takes an object in. All objects must be for one machine.
  public func load(_ object: ObjectFile) throws(LinkError) {
    let found = object.header.machine
    if let traits, found != traits.machine {
      throw .differentMachine(file: object.name, machine: found, expected: traits.machine)
    }
    let header = object.header
    if accepted?.byteOrder != header.byteOrder || accepted?.flags != header.flags {
      let checked = try SupportedMachine.traits(of: object)
      if let runner = memory.machine, checked.machine != runner {
        throw .foreignMachine(
          file: object.name, machine: String(describing: checked.name),
          runner: SupportedMachine.name(of: runner))
      }
      traits = checked
      accepted = (header.byteOrder, header.flags)
    }
    pending.append(object)
  }

  /// Takes in all members of an archive, needed or not.
  public func load(_ archive: Archive) throws(LinkError) {
    pending.reserveCapacity(pending.count + archive.members.count)
    for member in archive.members { try load(archive.linkObject(of: member)) }
  }

  /// Lays out what was loaded since the last time and gives it memory and addresses.
  private func layOut() throws(LinkError) {
    guard !pending.isEmpty, let traits else { return }
    let objects = try LinkerRoutines.adding(to: pending, traits)
    pending = []
    let batch = try LinkedBatch(objects, traits, options: options, after: published) { _ in memory }
    if batch.hasThreadLocals, batches.contains(where: \.hasThreadLocals) {
      throw .wrongOrder("all objects with thread-local variables must be loaded before the first layout")
    }
    batches.append(batch)
    published.add(batch)
  }
}

// MARK: - Sections

extension RuntimeDyld {
  /// A section in memory.
  public struct Section: Equatable, Sendable {
    /// What ``mapSection(_:to:)`` calls it.
    public var id: SectionID
    /// The object it comes from; empty for one that the linker made.
    public var file: String
    /// Its name.
    public var name: String
    /// Where it is, or will be, used.
    public var address: Address
    /// Bytes it takes.
    public var byteCount: Int
    /// What may be done with it once it is finalized.
    public var protection: Protection
  }

  /// Names a section of a linker.
  public struct SectionID: Hashable, Sendable {
    fileprivate var batch: Int
    fileprivate var part: Part

    fileprivate enum Part: Hashable {
      case input(Int)
      case synthetic(SyntheticSection)
      /// A group of stubs, by its number.
      case stubs(Int)
    }
  }

  /// All sections that take memory, in the order in which their objects were loaded.
  public func sections() throws(LinkError) -> [Section] {
    try layOut()
    return batches.indices.flatMap { sections(of: $0) }
  }

  private func sections(of position: Int) -> [Section] {
    let batch = batches[position]
    var found: [Section] = []
    let input = batch.plan.resolution.batch
    for (object, file) in input.objects.enumerated() {
      let name = file.name
      for number in input.first[object].section..<input.first[object + 1].section {
        let section = batch.plan.resolution.sections[number]
        guard section.kind != .notLoaded else { continue }
        let index = SectionIndex(rawValue: UInt32(number - input.first[object].section))
        found.append(
          Section(
            id: SectionID(batch: position, part: .input(number)), file: name, name: file.sectionName(index),
            address: Address(rawValue: section.address),
            byteCount: section.byteCount,
            protection: section.kind.protection))
      }
    }
    let commonByteCount =
      batch.plan.layout.byteCounts[.zero] - batch.plan.layout.commonPosition
    var synthetic: [(SectionID.Part, SyntheticSection, UInt64, Int, Protection)] = [
      (.synthetic(.got), .got, batch.plan.placement.gotAddress, batch.plan.synthesis.gotByteCount, .read),
      (.synthetic(.common), .common, batch.plan.placement.commonAddress, commonByteCount, [.read, .write]),
    ]
    for (group, stubs) in batch.plan.synthesis.stubGroups.enumerated() {
      synthetic.append(
        (
          .stubs(group), .stubs, batch.plan.placement.stubAddresses[group], stubs.byteCount,
          [.read, .execute]
        ))
    }
    for (part, section, address, byteCount, protection) in synthetic where byteCount > 0 {
      found.append(
        Section(
          id: SectionID(batch: position, part: part), file: "", name: section.rawValue,
          address: Address(rawValue: address), byteCount: byteCount, protection: protection))
    }
    return found
  }

  /// Lets a section be used at `address` instead of where its memory is: for code that is copied elsewhere,
  /// and for tests of relocations.
  ///
  /// Takes effect with the next ``resolveRelocations()``. Stubs stay where they are: on ppc64le, whose
  /// branches reach 32 MiB, say with ``Options/sectionAddresses`` where code will be, so that it gets stubs
  /// of its own.
  public func mapSection(_ id: SectionID, to address: Address) throws(LinkError) {
    try layOut()
    let batch = batches[id.batch]
    guard !batch.isFinalized else { throw .wrongOrder("mapSection must come before finalize") }
    batch.move { plan in
      switch id.part {
      case .input(let number): plan.resolution.sections[number].address = address.rawValue
      case .synthetic(.got): plan.placement.gotAddress = address.rawValue
      case .stubs(let group): plan.placement.stubAddresses[group] = address.rawValue
      case .synthetic(.stubs): plan.placement.stubAddresses[0] = address.rawValue
      case .synthetic(.common): plan.placement.commonAddress = address.rawValue
      }
    }
    published.noteMove()
  }

  /// The bytes of a section as the last ``resolveRelocations()`` wrote them for the address that it has or is
  /// mapped to; zeros before the first one. LLVM's counterpart is `getSectionContent`.
  ///
  /// Must come before ``finalize(registeringFrames:)``; after it the bytes are at the section's address.
  public func contents(of id: SectionID) throws(LinkError) -> [UInt8] {
    let batch = batches[id.batch]
    let contents =
      switch id.part {
      case .input(let number): batch.contents(ofSection: number)
      case .synthetic(let section): batch.contents(of: section, group: 0)
      case .stubs(let group): batch.contents(of: .stubs, group: group)
      }
    guard let contents else { throw .wrongOrder("contents must come before finalize") }
    return contents
  }
}

extension SegmentKind {
  /// What may be done with the segment once it is finalized.
  var protection: Protection {
    switch self {
    case .notLoaded: []
    case .text, .largeText: [.read, .execute]
    case .readOnly, .relocatedReadOnly, .threadLocal, .threadLocalZero, .largeReadOnly: .read
    case .data, .zero, .largeData, .largeZero: [.read, .write]
    }
  }
}

// MARK: - Relocating and finalizing

extension RuntimeDyld {
  /// Finds the undefined symbols of everything that is not finalized, and applies all of its relocations.
  ///
  /// May be called again, after sections were mapped elsewhere or missing objects were loaded: each time
  /// starts from the objects' bytes.
  public func resolveRelocations() throws(LinkError) {
    try layOut()
    for batch in batches[finalizedCount...] where !batch.isFinalized {
      let (externals, missingResolver) = try externals(of: batch)
      try batch.apply(externals: externals, missingResolver: missingResolver)
    }
  }

  /// Lets the unwinder know the frame descriptions of everything that is not finalized as soon as it is, so
  /// that exceptions pass through it, even if ``finalize(registeringFrames:)`` is told not to.
  public func registerEHFrames() throws(LinkError) {
    try layOut()
    for batch in batches[finalizedCount...] { batch.registersFrames = true }
  }

  /// Makes the unwinder forget all frame descriptions. Happens by itself before the memory goes; in another
  /// process, only then.
  public func deregisterEHFrames() {
    for batch in batches { batch.deregisterFrames() }
  }

  /// Resolves relocations, brings about the final protections, runs the resolvers of indirect functions, and
  /// registers frame descriptions unless told not to. After it, code can be called.
  ///
  /// - Parameter registeringFrames: whether the unwinder is to know the code.
  public func finalize(registeringFrames: Bool = true) throws(LinkError) {
    try resolveRelocations()
    for batch in batches[finalizedCount...] where !batch.isFinalized {
      batch.registersFrames = batch.registersFrames || registeringFrames
      try batch.finalize()
    }
    finalizedCount = batches.count
  }

  /// A symbol that no object defines.
  public struct External: Equatable, Sendable {
    /// The symbol's name.
    public var name: String
    /// Whether its address is 0 if nobody has it.
    public var isWeak: Bool
  }

  /// What the ``SymbolLookup`` will be asked for: the symbols that everything not finalized uses and that is not
  /// defined by what was loaded so far.
  public func externals() throws(LinkError) -> [External] {
    try layOut()
    var found: [External] = []
    for batch in batches[finalizedCount...] where !batch.isFinalized {
      for number in batch.plan.synthesis.externals {
        let name = batch.plan.resolution.batch.symbolName(number)
        guard symbol(named: name) == nil else { continue }
        found.append(
          External(
            name: options.aliases.targets(of: name).last ?? name,
            isWeak: batch.plan.resolution.symbols[number].classes.contains(.weakReference)))
      }
    }
    return found
  }

  /// For how many missing symbols names are sought that look alike: it takes long, and where more are missing
  /// it is not their spelling.
  private static let suggestionLimit = 16

  /// The addresses of a batch's undefined symbols, in its order, and the symbol of the function that finds
  /// thread-local variables if it is missing and rewritten code will do without.
  private func externals(
    of batch: LinkedBatch
  ) throws(LinkError) -> (addresses: [ResolvedSymbol], missingResolver: Int?) {
    let wanted = batch.plan.synthesis.externals
    guard !wanted.isEmpty else { return ([], nil) }
    let names = wanted.map { batch.plan.resolution.batch.symbolName($0) }
    var found = names.map { name in
      symbol(named: name).map {
        ResolvedSymbol(address: $0.address, isFunction: $0.flags.contains(.callable))
      }
    }
    // A hidden symbol is not to be found outside.
    let isHidden =
      options.looksUpHidden
      ? [] : Set(batch.plan.resolution.globals.lazy.filter { $0.visibility.isHidden }.map(\.symbol))
    let outside = wanted.indices.filter { found[$0] == nil && !isHidden.contains(wanted[$0]) }
    let sought = outside.map { options.aliases.targets(of: names[$0]).last ?? names[$0] }
    do {
      for (position, answer) in zip(outside, try lookup.lookup(sought)) { found[position] = answer }
    } catch {
      throw .executor(error)
    }
    let resolverName = traits.map { String(describing: $0.threadLocalResolver) }
    let resolver =
      options.linksThreadLocals && options.relaxes
      ? wanted.indices.first {
        found[$0] == nil && names[$0] == resolverName
      } : nil
    let missing = wanted.indices.filter {
      found[$0] == nil && $0 != resolver
        && !batch.plan.resolution.symbols[wanted[$0]].classes.contains(.weakReference)
    }
    guard missing.isEmpty else {
      let references = RelocationWalk.references(
        to: Set(missing.map { wanted[$0] }), in: batch.plan.resolution)
      throw .undefinedSymbols(
        missing.enumerated().map { number, position in
          LinkError.UndefinedSymbol(
            name: names[position], isHidden: isHidden.contains(wanted[position]),
            references: references[wanted[position]] ?? [],
            suggestions: number < Self.suggestionLimit ? suggestions(for: names[position]) : [])
        })
    }
    return (found.map { $0 ?? ResolvedSymbol(address: .zero) }, resolver.map { wanted[$0] })
  }
}

// MARK: - Symbols

extension RuntimeDyld {
  /// The address and flags of the symbol called `name` that the objects define, hidden or not; `nil` if there
  /// is none.
  ///
  /// Known once the object is laid out; what is there can be used once it is finalized. Objects that were
  /// only loaded are not searched.
  public func symbol(named name: String) -> EvaluatedSymbol? {
    if let found = published.symbol(named: name) { return found }
    for target in options.aliases.targets(of: name) {
      if let found = published.symbol(named: target) { return found }
    }
    return nil
  }

  /// All symbols that the objects define and that are seen by name.
  public func symbolTable() throws(LinkError) -> [String: EvaluatedSymbol] {
    try layOut()
    return published.all
  }

  /// Names that exist and look like `name`, nearest first.
  public func suggestions(for name: String) -> [String] {
    let outside = lookup.suggestions(for: name)
    return Spelling.nearest(to: name, among: published.allNames + outside)
  }

  /// The functions that run before and after the program, of each batch.
  public func initializers() throws(LinkError) -> [Initializers] {
    try layOut()
    return batches.map(\.initializers)
  }
}
