/// Names by the dylib that they belong to. Somebody else keeps the names alive.
struct NameSet: Sendable {
  private var positions: [Int: Int] = [:]
  private var maps: [NameMap] = []
  /// The dylib that was asked for last, and its position.
  private var last = (dylib: 0, position: -1)

  /// Adds a name; false if it was there.
  mutating func insert(_ name: SymbolStringPtr, in dylib: Int) -> Bool {
    if last.dylib != dylib { last = (dylib, position(of: dylib)) }
    return maps[last.position].insert(1, for: name) == nil
  }

  private mutating func position(of dylib: Int) -> Int {
    if let known = positions[dylib] { return known }
    positions[dylib] = maps.count
    maps.append(NameMap())
    return maps.count - 1
  }

  func contains(_ name: SymbolStringPtr, in dylib: Int) -> Bool {
    if last.dylib == dylib { return maps[last.position][name] != nil }
    return positions[dylib].map { maps[$0][name] != nil } ?? false
  }
}
