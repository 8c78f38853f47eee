import Testing
import WeldELF
import WeldLink

@Suite("s390x: every relocation against every kind of symbol")
struct S390XSymbolTests {
  @Test(arguments: S390XRows.stored, CrossSymbolKind.allCases)
  func `a relocation takes the symbol's address`(row: FieldRow, kind: CrossSymbolKind) throws {
    // Thread-local variables are of a kind of their own.
    guard row.model == nil else { return }
    let result = try kind.link(row)
    #expect(result.found == result.expected)
    #expect(result.slot == result.target)
  }
}
