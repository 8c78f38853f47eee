/// Rows of text in aligned columns, the last of which may be as long as it likes.
struct TextTable {
  private var rows: [[String]]

  /// A table with column headings and no rows yet.
  init(_ headings: [String]) { rows = [headings] }

  /// Adds a row, with as many cells as there are headings.
  mutating func add(_ row: [String]) { rows.append(row) }

  /// The rows as lines, without the end of the last one.
  var text: String {
    var widths = [Int](repeating: 0, count: rows[0].count)
    for row in rows {
      for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
    }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        column == row.count - 1 ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
      }
      return cells.joined(separator: "  ")
    }.joined(separator: "\n")
  }
}
