public import WeldELF
public import WeldMemory

/// Links objects at chosen addresses, on any host, without running anything.
public enum ImageLinker {
  /// How an image is linked.
  public struct Options: Sendable {
    /// Where the image begins. Default 0x1000_0000, which 32-bit fields can hold.
    public var baseAddress = Address(rawValue: 0x1000_0000)
    /// Bytes that the image may take. Default 256 MiB.
    public var byteLimit = 0x1000_0000
    /// What the starts of segments are rounded up to, a power of two, in bytes. Default 4096.
    public var pageByteCount = 4096
    /// Whether instructions may be rewritten where that saves a load from the GOT or a slower access to a
    /// thread-local variable. Default `true`.
    public var relaxes = true
    /// The machine that all objects must be for; `nil` for that of the first.
    public var machine: Machine?
    /// Symbols at fixed addresses. They override nothing that an object defines; the linker-made names
    /// `_GLOBAL_OFFSET_TABLE_` and `.TOC.` may be among them.
    public var absoluteSymbols: [String: Address] = [:]
    /// Second names for symbols.
    public var aliases: [Alias] = []
    /// Sections at fixed addresses; the others follow ``baseAddress``.
    public var sectionAddresses: [SectionAddress] = []
    /// Whether every symbol that nothing defines gets an address of its own after the image.
    public var inventsExternals = false
    /// Where symbols come from that no object defines, before they are invented.
    public var lookup: (any SymbolLookup)?
    /// A symbol that must be defined, and that members of archives are sought for.
    public var entry: String?

    /// The defaults.
    public init() {}
  }

  /// Links all objects of `inputs`, and of archives the members that are needed.
  ///
  /// - Throws: what is wrong with the first input that cannot be linked; `notDefined` for a missing
  ///   ``Options/entry``, `noSuchSection` for one in ``Options/sectionAddresses`` that no file has,
  ///   `nothingToLink` if there are only archives, and nothing is wanted of them.
  public static func link(_ inputs: [LinkInput], options: Options = Options()) throws(LinkError) -> LinkMap {
    let objects = try InputSelection.select(
      inputs, wanting: options.entry.map { [$0] } ?? [], aliases: options.aliases)
    guard !objects.isEmpty else { throw .nothingToLink }
    if let machine = options.machine {
      for object in objects where object.header.machine != machine {
        throw .differentMachine(file: object.name, machine: object.header.machine, expected: machine)
      }
    }
    var linking = RuntimeDyld.Options()
    linking.relaxes = options.relaxes
    linking.aliases = options.aliases
    linking.linksThreadLocals = true
    linking.looksUpHidden = options.inventsExternals
    linking.sectionAddresses = options.sectionAddresses
    linking.gotBase =
      options.absoluteSymbols["_GLOBAL_OFFSET_TABLE_"] ?? options.absoluteSymbols[".TOC."]
    let memory = ImageMemory(
      base: options.baseAddress, pageSize: options.pageByteCount, byteLimit: options.byteLimit)
    let linker = RuntimeDyld(memory: memory, lookup: ImageLookup(options), options: linking)
    for object in objects { try linker.load(object) }
    if options.inventsExternals, let phantoms = try PhantomThreadLocals.object(for: objects) {
      try linker.load(phantoms)
    }
    try linker.resolveRelocations()
    var map = try linker.linkMap()
    map.add(options.absoluteSymbols, options.aliases)
    if let entry = options.entry, !map.symbols.contains(where: { $0.name == entry && $0.binding != .local }) {
      throw .notDefined(symbol: entry, suggestions: linker.suggestions(for: entry))
    }
    return map
  }
}

extension LinkMap {
  /// Adds the names that no object mentions.
  fileprivate mutating func add(_ absolute: [String: Address], _ aliases: [Alias]) {
    var known = Dictionary(symbols.enumerated().filter { $1.binding != .local }.map { ($1.name, $0) }) {
      first, _ in first
    }
    for (name, address) in absolute.sorted(by: { $0.key < $1.key }) where known[name] == nil {
      known[name] = symbols.count
      symbols.append(
        Symbol(
          name: name, file: "", section: nil, address: address, byteCount: 0, binding: .global, type: .none))
    }
    for alias in aliases where known[alias.name] == nil {
      guard let target = aliases.targets(of: alias.name).lazy.compactMap({ known[$0] }).first else {
        continue
      }
      var symbol = symbols[target]
      symbol.name = alias.name
      known[alias.name] = symbols.count
      symbols.append(symbol)
    }
  }
}

/// Finds absolute symbols, then what the user's lookup knows, and invents the rest if it may.
private struct ImageLookup: SymbolLookup {
  private let absolute: [String: Address]
  private let next: (any SymbolLookup)?
  /// Where invented symbols begin: after the image.
  private let room: Address?

  /// Bytes from one invented symbol to the next.
  private static let distance: UInt64 = 64

  init(_ options: ImageLinker.Options) {
    absolute = options.absoluteSymbols
    next = options.lookup
    room =
      options.inventsExternals ? options.baseAddress.advanced(by: UInt64(clamping: options.byteLimit)) : nil
  }

  func lookup(_ names: [String]) throws(ExecutorError) -> [ResolvedSymbol?] {
    var found = names.map { name in absolute[name].map { ResolvedSymbol(address: $0) } }
    if let next {
      let missing = names.indices.filter { found[$0] == nil }
      for (position, answer) in zip(missing, try next.lookup(missing.map { names[$0] })) {
        found[position] = answer
      }
    }
    guard let room else { return found }
    return found.enumerated().map { position, answer in
      answer ?? ResolvedSymbol(address: room.advanced(by: UInt64(position) * Self.distance))
    }
  }

  func suggestions(for name: String) -> [String] {
    Spelling.nearest(to: name, among: absolute.keys) + (next?.suggestions(for: name) ?? [])
  }
}
