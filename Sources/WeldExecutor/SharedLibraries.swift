internal import WeldBytes
internal import WeldELF
internal import WeldMemory

/// The shared libraries that are mapped into this process.
enum SharedLibraries {
  /// The names of everything they export; only for error messages, since it reads all their symbol tables.
  static func exportedNames() -> [String] {
    guard let map = try? MappedFile.open("/proc/self/maps") else { return [] }
    var paths: Set<String> = []
    for line in String(decoding: map.span).split(separator: "\n") {
      guard let start = line.firstIndex(of: "/") else { continue }
      let path = line[start...]
      if path.contains(".so") { paths.insert(String(path)) }
    }
    return paths.sorted().flatMap { names(exportedBy: $0) }
  }

  /// The names that the library at `path` exports; none if it cannot be read.
  static func names(exportedBy path: String) -> [String] {
    guard let bytes = try? MappedFile.open(path),
      let library = try? ObjectFile(bytes, name: path, accepting: [.sharedObject])
    else { return [] }
    let symbols = library.symbols
    var names: [String] = []
    for index in 0..<symbols.count {
      let symbol = symbols[index]
      guard symbol.place != .undefined, symbol.binding != .local else { continue }
      names.append(library.name(of: symbol))
    }
    return names
  }
}
