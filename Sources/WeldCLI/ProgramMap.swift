import Weld

/// The text of `--show-map`: where the sections and symbols of a program are.
enum ProgramMap {
  static func text(of program: Program) -> String {
    var table = TextTable(["ADDRESS", "SIZE", "PROT", "SECTION", "FILE"])
    for section in program.sections().sorted(by: { $0.address < $1.address }) where section.byteCount > 0 {
      table.add([
        section.address.description, String(section.byteCount), section.protection.description, section.name,
        section.file.isEmpty ? "<weld>" : section.file,
      ])
    }
    var symbols = TextTable(["ADDRESS", "FLAGS", "SYMBOL"])
    for (name, symbol) in program.symbolTable().sorted(by: {
      ($0.value.address, $0.key) < ($1.value.address, $1.key)
    }) {
      symbols.add([symbol.address.description, flags(symbol.flags), name])
    }
    return table.text + "\n\n" + symbols.text
  }

  private static func flags(_ flags: SymbolFlags) -> String {
    var words: [String] = [flags.contains(.exported) ? "exported" : "hidden"]
    if flags.contains(.weak) { words.append("weak") }
    if flags.contains(.common) { words.append("common") }
    if flags.contains(.absolute) { words.append("absolute") }
    if flags.contains(.callable) { words.append("function") }
    return words.joined(separator: ",")
  }
}
