internal import WeldLink

extension SessionState {
  /// The dylibs, their symbols and what these wait for, for people.
  func dump() -> String {
    var lines = [isOpen ? "session: open" : "session: ended"]
    for (number, dylib) in dylibs.sorted(by: { $0.key < $1.key }) {
      let order = dylib.linkOrder.map { other, flags in
        (dylibs[other]?.name ?? "?") + (flags == .matchAllSymbols ? " (all)" : "")
      }
      lines.append("\(dylib.name): searches \(order.joined(separator: ", "))")
      lines.append("  generators: \(dylib.generators.count)")
      for (name, entry) in dylib.symbols.sorted(by: { $0.key.text < $1.key.text }) {
        lines.append("  " + describe(SymbolKey(dylib: number, name: name), entry))
      }
    }
    if !lookups.isEmpty { lines.append("lookups that wait for generators: \(lookups.count)") }
    if !queries.isEmpty { lines.append("lookups that wait for symbols: \(queries.count)") }
    let owed = responsibilities.values.filter { $0.status == .owed }
    if !owed.isEmpty { lines.append("materializers under way: \(owed.count)") }
    if !groups.isEmpty { lines.append("groups of emitted symbols that are not ready: \(groups.count)") }
    if !watches.isEmpty { lines.append("symbols for which groups wait: \(watches.count)") }
    if !pins.isEmpty { lines.append("trackers to which resources are being added: \(pins.count)") }
    return lines.joined(separator: "\n") + "\n"
  }

  private func describe(_ key: SymbolKey, _ entry: SymbolEntry) -> String {
    var line = "\(key.name): \(entry.hasFailed ? "failed" : "\(entry.state)")"
    if entry.state >= .resolved { line += " at \(entry.address)" }
    let names: [(SymbolFlags, String)] = [
      (.exported, "exported"), (.weak, "weak"), (.common, "common"), (.absolute, "absolute"),
      (.callable, "callable"), (.materializationSideEffectsOnly, "side effects only"),
    ]
    let flags = names.filter { entry.flags.contains($0.0) }.map(\.1)
    if !flags.isEmpty { line += " [\(flags.joined(separator: ", "))]" }
    if entry.tracker != dylibs[key.dylib]?.defaultTracker { line += " tracker \(entry.tracker)" }
    if let unit = entry.unit.flatMap({ units[$0] }) { line += " by \(unit.name)" }
    let info = dylibs[key.dylib]?.materializing[key.name]
    if let queries = info?.queries, !queries.isEmpty { line += ", awaited by \(queries.count)" }
    if let group = info?.group.flatMap({ groups[$0] }) {
      line += ", needs " + symbols(group.dependencies).map(\.description).joined(separator: ", ")
    }
    if let failure = dylibs[key.dylib]?.failures[key.name] { line += ": \(failure)" }
    return line
  }
}
