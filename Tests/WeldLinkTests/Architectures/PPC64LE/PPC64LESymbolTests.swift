import Testing
import WeldELF
import WeldLink

@Suite("ELFv2: every relocation against every kind of symbol")
struct PPC64LESymbolTests {
  @Test(arguments: PPC64LERows.stored, CrossSymbolKind.allCases)
  func `a relocation takes the symbol's address`(row: FieldRow, kind: CrossSymbolKind) throws {
    // Thread-local variables are of a kind of their own, and calls of what is elsewhere need a nop.
    guard row.model == nil, row.formula != .LAP || kind.isInImage else { return }
    let result = try kind.link(row)
    #expect(result.found == result.expected)
    #expect(result.slot == result.target)
  }
}
