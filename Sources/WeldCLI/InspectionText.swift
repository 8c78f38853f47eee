/// The report of `weld inspect` in columns.
enum InspectionText {
  static func text(of report: FileReport) -> String {
    var parts: [String] = []
    if report.kind != "object" {
      parts.append("\(report.file): \(report.kind), \(report.objects.count) objects")
      if let index = report.index {
        var table = TextTable(["SYMBOL", "MEMBER"])
        for entry in index { table.add([entry.symbol, entry.member]) }
        parts.append("Symbol index (\(index.count))\n" + table.text)
      } else {
        parts.append("No symbol index")
      }
      for failure in report.unreadable ?? [] {
        parts.append("\(failure.member): not readable: \(failure.reason)")
      }
    }
    parts += report.objects.map { text(of: $0) }
    return parts.joined(separator: "\n\n")
  }

  private static func text(of object: ObjectReport) -> String {
    let header =
      "\(object.file): \(object.type) for \(object.machine), \(object.byteOrder) endian, flags \(hexadecimal(UInt64(object.flags)))"
    var sections = TextTable(["INDEX", "TYPE", "FLAGS", "OFFSET", "SIZE", "ALIGN", "LINK", "INFO", "NAME"])
    for section in object.sections {
      sections.add([
        String(section.index), section.type, section.flags, hexadecimal(section.offset), String(section.size),
        String(section.alignment), String(section.link), String(section.info), section.name,
      ])
    }
    var symbols = TextTable(["INDEX", "VALUE", "SIZE", "BINDING", "TYPE", "VISIBILITY", "PLACE", "NAME"])
    for symbol in object.symbols {
      symbols.add([
        String(symbol.index), hexadecimal(symbol.value), String(symbol.size), symbol.binding, symbol.type,
        symbol.visibility, symbol.place, symbol.name,
      ])
    }
    var relocations = TextTable(["SECTION", "OFFSET", "TYPE", "ADDEND", "SYMBOL"])
    for relocation in object.relocations {
      relocations.add([
        relocation.section, hexadecimal(relocation.offset), relocation.type,
        relocation.addend.map { String($0) } ?? "implicit", relocation.symbol,
      ])
    }
    var groups = TextTable(["KIND", "SIGNATURE", "MEMBERS"])
    for group in object.groups {
      groups.add([group.isCOMDAT ? "COMDAT" : "group", group.signature, group.members.joined(separator: " ")])
    }
    let parts = [
      (object.sections.count, "Sections", sections), (object.symbols.count, "Symbols", symbols),
      (object.relocations.count, "Relocations", relocations), (object.groups.count, "Groups", groups),
    ]
    return ([header] + parts.filter { $0.0 > 0 }.map { "\($0.1) (\($0.0))\n\($0.2.text)" }).joined(
      separator: "\n\n")
  }

  private static func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}
