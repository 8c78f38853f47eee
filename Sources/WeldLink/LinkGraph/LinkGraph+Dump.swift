extension LinkGraph {
  /// The graph as text: sections, their blocks, and of each its symbols and edges. LLVM's `LinkGraph::dump`.
  public func dump() -> String {
    var text = "graph \(name) (\(machine))\n"
    for section in sections {
      let blocks = section.blocks
      guard !blocks.isEmpty else { continue }
      text += "section \(section.name) \(section.type) \(section.flags)\n"
      for block in blocks { dump(block, to: &text) }
    }
    for symbol in symbols where symbol.block == nil {
      text += "  \(describe(symbol))\n"
    }
    return text
  }

  private func dump(_ block: Block, to text: inout String) {
    let address = block.address.map { " at \($0)" } ?? ""
    text += "  block\(address): \(block.byteCount) bytes, aligned to \(block.alignment)"
    text += block.isZeroFill ? ", zeros\n" : "\n"
    for symbol in block.symbols.sorted(by: { $0.offset < $1.offset }) {
      text += "    +0x\(String(symbol.offset, radix: 16)) \(describe(symbol))\n"
    }
    for edge in block.edges {
      let sign = edge.addend < 0 ? "-" : "+"
      let addend = edge.addend == 0 ? "" : " \(sign) \(edge.addend.magnitude)"
      text +=
        "    +0x\(String(edge.offset, radix: 16)) \(name(of: edge.kind)) -> \(label(edge.target))\(addend)\n"
    }
  }

  private func describe(_ symbol: Symbol) -> String {
    var words = [label(symbol), "\(symbol.size) bytes"]
    switch symbol.place {
    case .defined: break
    case .external: words.append("external")
    case .absolute(let value): words.append("absolute 0x\(String(value, radix: 16))")
    case .common(let alignment, _): words.append("common, aligned to \(alignment)")
    case .removed: words.append("removed")
    }
    if symbol.linkage == .weak { words.append("weak") }
    if symbol.scope != .default { words.append("\(symbol.scope)") }
    if symbol.isCallable { words.append("function") }
    if symbol.isLive { words.append("live") }
    return words.joined(separator: ", ")
  }

  private func label(_ symbol: Symbol) -> String {
    if !symbol.name.isEmpty { return "'\(symbol.name)'" }
    if symbol === nullSymbol { return "nothing" }
    return symbol.block.map { "\($0.section.name)+0x\(String(symbol.offset, radix: 16))" } ?? "(no name)"
  }
}
