/// Names by the dylib that they belong to. Somebody else keeps the names alive.
struct NameSet: Sendable {
  private struct Part: Sendable {
    let dylib: Int
    var names = NameMap()
  }

  /// One for each dylib, which are few.
  private var parts: [Part] = []
  /// Where the dylib is that was asked for last.
  private var last = 0

  /// Adds a name; false if it was there.
  mutating func insert(_ name: SymbolStringPtr, in dylib: Int) -> Bool {
    if let position = position(of: dylib) {
      last = position
    } else {
      last = parts.count
      parts.append(Part(dylib: dylib))
    }
    return parts[last].names.insert(1, for: name) == nil
  }

  func contains(_ name: SymbolStringPtr, in dylib: Int) -> Bool {
    position(of: dylib).map { parts[$0].names[name] != nil } ?? false
  }

  private func position(of dylib: Int) -> Int? {
    if last < parts.count, parts[last].dylib == dylib { return last }
    return parts.firstIndex { $0.dylib == dylib }
  }
}
