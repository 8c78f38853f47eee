import Weld

/// The tables of `weld relocations`, in columns and as `docs/relocations.md`.
enum RelocationsText {
  static func text(of references: [RelocationReference]) -> String {
    references.map { reference in
      var table = TextTable(["NUMBER", "NAME", "FORMULA", "FIELD", "RANGE", "MAKES"])
      for row in reference.rows { table.add(cells(of: row)) }
      return "\(reference.architecture): \(reference.source)\n\n" + table.text
    }.joined(separator: "\n\n")
  }

  static func markdown(of references: [RelocationReference]) -> String {
    """
    # Relocations

    <!-- Made by `weld relocations --markdown`; a test keeps it fresh. -->

    Every relocation type that the psABIs of Weld's architectures give a number to, as the table that linking goes by has it.
    `S` is the symbol's address, `A` the addend, `P` the place, `G` the address of a slot of the GOT, `GOT` (on Power `.TOC.`)
    its base, `L` the address of the stub or, where none is needed, `S`, `Z` the symbol's size, `TP` the thread pointer, `DTP`
    the base of the thread-local block. `#lo`, `#ha` and so on are the parts of a value that the Power ELFv2 ABI calls so. The
    bits of a field count from the least significant one of its bytes, read in the machine's byte order. A range is that of
    the value before it is shifted. What the linker may have to make is in the last column; *rewritten* means that the
    instruction may be replaced by one that needs less.


    """
      + references.map { reference in
        let rows = reference.rows.map { row in
          "| "
            + cells(of: row).map { $0.isEmpty ? " " : $0.replacing("|", with: "\\|") }.joined(
              separator: " | ") + " |"
        }
        return """
          ## \(reference.architecture)

          Source: \(reference.source).

          | number | name | formula | field | range | makes |
          | --- | --- | --- | --- | --- | --- |
          \(rows.joined(separator: "\n"))

          """
      }.joined(separator: "\n")
  }

  private static func cells(of row: RelocationReference.Row) -> [String] {
    [String(row.number), row.name, row.formula, row.field, row.range, row.makes]
  }
}
