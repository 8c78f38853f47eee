internal import WeldLink

extension SessionState {
  /// The dylibs, their symbols and what these wait for, for people.
  func dump() -> String {
    var lines = [isOpen ? "session: open" : "session: ended"]
    for dylib in dylibs.elements.sorted(by: { $0.sequence < $1.sequence }) {
      let order = dylib.linkOrder.compactMap { other, flags in
        dylibs[other].map { $0.name + (flags == .matchAllSymbols ? " (all)" : "") }
      }
      lines.append("\(dylib.name): searches \(order.joined(separator: ", "))")
      lines.append("  generators: \(dylib.generators.count)")
      let named = dylib.table.values.compactMap { id in name(of: id).map { ($0.text, id) } }
      for (name, id) in named.sorted(by: { $0.0 < $1.0 }) { lines.append("  " + line(name, id)) }
    }
    if !lookups.isEmpty { lines.append("lookups that wait for generators: \(lookups.count)") }
    if !queries.isEmpty { lines.append("lookups that wait for symbols: \(queries.count)") }
    let owed = responsibilities.elements.filter { $0.status == .owed }
    if !owed.isEmpty { lines.append("materializers under way: \(owed.count)") }
    if !groups.isEmpty { lines.append("groups of emitted symbols that are not ready: \(groups.count)") }
    if !watches.isEmpty { lines.append("symbols for which groups wait: \(watches.count)") }
    let pinCount = pins.count + trackers.elements.count { $0.pinCount > 0 }
    if pinCount > 0 { lines.append("trackers to which resources are being added: \(pinCount)") }
    return lines.joined(separator: "\n") + "\n"
  }

  private func line(_ name: String, _ id: SymbolID) -> String {
    guard let entry = symbols[id] else { return name }
    var line = "\(name): \(entry.hasFailed ? "failed" : "\(entry.state)")"
    if entry.state >= .resolved { line += " at \(entry.address)" }
    let names: [(SymbolFlags, String)] = [
      (.exported, "exported"), (.weak, "weak"), (.common, "common"), (.absolute, "absolute"),
      (.callable, "callable"), (.materializationSideEffectsOnly, "side effects only"),
    ]
    let flags = names.filter { entry.flags.contains($0.0) }.map(\.1)
    if !flags.isEmpty { line += " [\(flags.joined(separator: ", "))]" }
    if entry.tracker != dylibs[entry.dylib]?.defaultTracker {
      line += " tracker \(trackers[entry.tracker]?.sequence ?? 0)"
    }
    if let unit = units[entry.unit] { line += " by \(unit.name)" }
    if entry.waiter != nil { line += ", awaited by \(waiterCount(of: id))" }
    if let group = groups[entry.group] {
      line += ", needs " + describe(group.dependencies).map(\.description).joined(separator: ", ")
    }
    if let failure = failures[id] { line += ": \(failure)" }
    return line
  }
}
