internal import WeldBytes
internal import WeldELF
internal import WeldLink
internal import WeldMemory

/// What a program finds outside of its objects: fixed addresses, libraries, the process.
struct ProgramSymbols: SymbolLookup {
  let absolute: [String: Address]
  let libraries: LibrarySymbols
  let inputs: [LinkInput]

  func lookup(_ names: [String]) throws(ExecutorError) -> [ResolvedSymbol?] {
    var found = names.map { name in absolute[name].map { ResolvedSymbol(address: $0) } }
    let missing = names.indices.filter { found[$0] == nil }
    for (position, answer) in zip(missing, try libraries.lookup(missing.map { names[$0] })) {
      found[position] = answer
    }
    return found
  }

  func suggestions(for name: String) -> [String] {
    let outside = libraries.suggestions(for: name)
    return Spelling.nearest(to: name, among: Array(absolute.keys) + archiveNames() + outside)
  }

  /// What the archives' indices say their members define.
  private func archiveNames() -> [String] {
    inputs.flatMap { input -> [String] in
      guard case .archive(let archive) = input, let index = try? archive.symbolIndex() else { return [] }
      return index.map { String(decoding: archive.nameBytes(of: $0)) }
    }
  }
}
