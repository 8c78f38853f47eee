internal import WeldELF
internal import WeldLink
internal import WeldMemory

/// What the names of an expression stand for in a ``LinkMap``.
struct MapIndex {
  let map: LinkMap
  /// The symbols of each name, by position in the map.
  private var symbols: [String: [Int]] = [:]
  /// The sections of each name, by position in the map.
  private var sections: [String: [Int]] = [:]
  /// The files that each name may mean: a base name, a member's name, a path as the map has it.
  private var files: [String: [String]] = [:]

  init(_ map: LinkMap) {
    self.map = map
    for (position, symbol) in map.symbols.enumerated() where symbol.type != .file {
      symbols[symbol.name, default: []].append(position)
    }
    for (position, section) in map.sections.enumerated() {
      sections[section.name, default: []].append(position)
    }
    var all: Set<String> = [""]
    let names = map.sections.lazy.map(\.file) + map.symbols.lazy.map(\.file) + map.slots.lazy.map(\.file)
    for file in names where all.insert(file).inserted {
      for name in Self.names(of: file) { files[name, default: []].append(file) }
    }
  }

  /// What an expression may call `file`.
  private static func names(of file: String) -> Set<String> {
    var path = file[...]
    var names: Set = [file]
    if file.last == ")", let open = file.firstIndex(of: "(") {
      let member = file[file.index(after: open)...].dropLast()
      names.insert(String(member))
      names.insert(String(baseName(member)))
      path = file[..<open]
    }
    names.insert(String(baseName(path) + file[path.endIndex...]))
    return names
  }

  private static func baseName(_ path: Substring) -> Substring {
    path.lastIndex(of: "/").map { path[path.index(after: $0)...] } ?? path
  }
}

// MARK: Names

extension MapIndex {
  /// What `name` stands for.
  func place(of name: Expression.Name) throws(ExpressionProblem) -> Place {
    switch name {
    case .symbol(let name): try symbol(name)
    case .section(let file, let name): try section(name, of: file)
    case .slot(let container, let symbol, let kind): try slot(of: container, for: symbol, kind: kind)
    case .stub(let container, let symbol, let kind): try stub(of: container, for: symbol, kind: kind)
    }
  }

  /// The place that all `candidates` share.
  private func one<T>(
    of candidates: [(T, Place)], called name: String, describe: (T) -> String
  ) throws(ExpressionProblem) -> Place {
    guard let first = candidates.first?.1, candidates.allSatisfy({ $0.1 == first }) else {
      throw .ambiguous(name, candidates: candidates.prefix(4).map { describe($0.0) })
    }
    return first
  }
}

// MARK: Symbols

extension MapIndex {
  /// Where `name` is.
  private func symbol(_ name: String) throws(ExpressionProblem) -> Place {
    guard let found = symbols[name] else {
      if let base = base(name) { return base }
      throw .unknownSymbol(name, suggestions: Spelling.nearest(to: name, among: symbols.keys))
    }
    let best = found.map { rank(map.symbols[$0]) }.min()
    let candidates = found.map { map.symbols[$0] }.filter { rank($0) == best }
    return try one(of: candidates.map { ($0, place(of: $0)) }, called: name) { symbol in
      "\(symbol.address)" + (symbol.file.isEmpty ? "" : " in \(symbol.file)")
    }
  }

  /// How late a symbol is taken if there are several of its name.
  private func rank(_ symbol: LinkMap.Symbol) -> Int {
    if symbol.type == .section { return 3 }
    return switch symbol.binding {
    case .local: 2
    case .weak: 1
    default: 0
    }
  }

  private func place(of symbol: LinkMap.Symbol) -> Place {
    let address = symbol.address.rawValue
    // The address of an indirect function may be a stub's, outside of the section.
    let section = symbol.section.flatMap { position in
      let isInside =
        map.sections.indices.contains(position)
        && map.sections[position].offset(of: address, byteCount: 0) != nil
      return isInside ? position : nil
    }
    return Place(address, in: section)
  }

  /// Names that the linker gives to the GOT and that no object needs to have.
  private func base(_ name: String) -> Place? {
    let address =
      switch name {
      case "_GLOBAL_OFFSET_TABLE_": map.gotBase
      case ".TOC.": map.tocBase
      default: nil as Address?
      }
    let table = sections[SyntheticSection.got.rawValue]?.first { map.sections[$0].file.isEmpty }
    // In the table's section, though on ppc64le it points past its end.
    return address.map { Place($0.rawValue, in: table) }
  }
}

// MARK: Sections

extension MapIndex {
  /// Where `name` of `file` begins. Sections that the linker makes belong to every file.
  private func section(_ name: String, of file: String) throws(ExpressionProblem) -> Place {
    let named = sections[name] ?? []
    let made = named.filter { map.sections[$0].file.isEmpty }
    let owners = files[file] ?? []
    if owners.isEmpty && made.isEmpty { throw unknownFile(file) }
    let own = named.filter { owners.contains(map.sections[$0].file) }
    let loaded = own.filter { isLoaded(map.sections[$0]) }
    let candidates = !loaded.isEmpty ? loaded : !own.isEmpty ? own : made
    guard !candidates.isEmpty else {
      let others = map.sections.lazy.filter { $0.file.isEmpty || owners.contains($0.file) }.map(\.name)
      throw .unknownSection(name, file: file, suggestions: Spelling.nearest(to: name, among: others))
    }
    let places = candidates.map { ($0, Place(map.sections[$0].address.rawValue, in: $0)) }
    return try one(of: places, called: name) { position in
      let section = map.sections[position]
      return "section \(section.index ?? position) of \(section.file) at \(section.address)"
    }
  }

  private func unknownFile(_ name: String) -> ExpressionProblem {
    .unknownFile(name, suggestions: Spelling.nearest(to: name, among: files.keys))
  }

  private func isLoaded(_ section: LinkMap.Section) -> Bool { !section.protection.isEmpty }

  /// The loaded section that has `byteCount` bytes at `address`; made by the linker if there are several.
  func loadedSection(at address: UInt64, byteCount: Int) -> Int? {
    let found = map.sections.indices.filter {
      isLoaded(map.sections[$0]) && map.sections[$0].offset(of: address, byteCount: byteCount) != nil
    }
    return found.first { map.sections[$0].file.isEmpty } ?? found.first
  }
}

// MARK: Slots and stubs

extension MapIndex {
  /// The slot of the GOT that `container`, a file or `FILE/SECTION`, uses for `symbol`.
  private func slot(
    of container: String, for symbol: String, kind: String?
  ) throws(ExpressionProblem) -> Place {
    let (owners, _) = try files(in: container)
    let usable = map.slots.filter { slot in
      owners.contains(slot.file) && kind.map { slot.kind.rawValue.contains($0) } ?? true
    }
    // One with another content or an addend is meant only if there is no plain one.
    func rank(_ slot: LinkMap.Slot) -> Int {
      (kind == nil && slot.kind != .address ? 2 : 0) + (slot.addend != 0 ? 1 : 0)
    }
    let found = usable.filter { $0.symbol == symbol }
    guard let best = found.map(rank).min() else {
      let names = usable.lazy.map(\.symbol)
      throw .noSlot(
        symbol: symbol, file: container, kind: kind, suggestions: Spelling.nearest(to: symbol, among: names))
    }
    let candidates = found.filter { rank($0) == best }.map { ($0, made(at: $0.address)) }
    return try one(of: candidates, called: symbol) { slot in
      let addend = slot.addend == 0 ? "" : ", addend \(slot.addend)"
      return "slot of kind '\(slot.kind.rawValue)'\(addend) of \(slot.file) at \(slot.address)"
    }
  }

  /// The stub that `container`, a file or `FILE/SECTION`, uses for `symbol`.
  private func stub(
    of container: String, for symbol: String, kind: String?
  ) throws(ExpressionProblem) -> Place {
    let (owners, section) = try files(in: container)
    let usable = map.stubs.filter { stub in
      owners.contains(stub.file) && (section == nil || stub.section == section)
        && kind.map { stub.kind.contains($0) } ?? true
    }
    let found = usable.filter { $0.symbol == symbol }
    guard !found.isEmpty else {
      let names = usable.lazy.map(\.symbol)
      throw .noStub(
        symbol: symbol, file: container, kind: kind, suggestions: Spelling.nearest(to: symbol, among: names))
    }
    return try one(of: found.map { ($0, made(at: $0.address)) }, called: symbol) { stub in
      "stub of kind '\(stub.kind)' of \(stub.file)/\(stub.section) at \(stub.address)"
    }
  }

  private func made(at address: Address) -> Place {
    Place(address.rawValue, in: loadedSection(at: address.rawValue, byteCount: 1))
  }

  /// The files that `container` may mean, and the section that it names behind a `/`.
  private func files(
    in container: String
  ) throws(ExpressionProblem) -> (owners: [String], section: String?) {
    if let owners = files[container] { return (owners, nil) }
    guard let slash = container.lastIndex(of: "/") else { throw unknownFile(container) }
    let file = String(container[..<slash])
    let section = String(container[container.index(after: slash)...])
    guard let owners = files[file] else { throw unknownFile(file) }
    let names = map.sections.lazy.filter { owners.contains($0.file) }.map(\.name)
    guard names.contains(section) else {
      throw .unknownSection(section, file: file, suggestions: Spelling.nearest(to: section, among: names))
    }
    return (owners, section)
  }
}
