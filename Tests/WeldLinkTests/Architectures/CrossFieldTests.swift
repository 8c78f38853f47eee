import Testing
import WeldELF
import WeldLink

/// Of ppc64le and s390x; x86_64 has a suite of its own.
@Suite("ELFv2 3.5 and s390x ELF ABI: what fits into the field of a relocation")
struct CrossFieldTests {
  static let all = PPC64LERows.all + S390XRows.all
  static let stored = PPC64LERows.stored + S390XRows.stored
  /// Those whose value can be chosen freely.
  static let free = PPC64LERows.free + S390XRows.stored

  @Test func `every relocation type has one row`() {
    #expect(PPC64LERows.all.map(\.number).sorted() == PPC64Relocation.allCases.map(\.rawValue).sorted())
    #expect(S390XRows.all.map(\.number).sorted() == S390XRelocation.allCases.map(\.rawValue).sorted())
  }

  @Test(arguments: free)
  func `values up to both ends are stored, and other bits survive`(row: FieldRow) throws {
    for value in row.values {
      for old in [0, UInt64.max] {
        let place = try PlacedField(row, value: value, old: old)
        try place.resolve()
        #expect(try place.contents == place.expected, "\(value)")
      }
    }
  }

  @Test(arguments: free.filter { $0.range != nil })
  func `the first value past each end is an overflow error`(row: FieldRow) throws {
    let range = try #require(row.range)
    for value in [range.lowerBound - 1, range.upperBound + 1, .min, .max] {
      let place = try PlacedField(row, value: value)
      let error = LinkError.relocation(problem(row, value, range), at: place.description)
      #expect(throws: error) { try place.resolve() }
    }
  }

  @Test(arguments: free.filter { $0.alignment > 1 })
  func `a misaligned value is an error`(row: FieldRow) throws {
    for value in 1..<row.alignment {
      let place = try PlacedField(row, value: 0x40 + value)
      let problem = FieldError.misaligned(value: 0x40 + value, alignment: row.alignment)
      #expect(throws: LinkError.relocation(.field(problem), at: place.description)) {
        try place.resolve()
      }
    }
  }

  @Test(arguments: free, [Int64.min, -0x1_2345_6789_abcd, 0x7654_3210_fedc_ba98, .max])
  func `big addends wrap as 64-bit numbers`(row: FieldRow, addend: Int64) throws {
    // The others get their value from the addend.
    guard row.formula != .SATP, row.formula != .SADTP else { return }
    let place = try PlacedField(row, value: 0x40, addend: addend)
    try place.resolve()
    #expect(try place.contents == place.expected)
  }

  @Test(arguments: free)
  func `the slot that is read holds what it must`(row: FieldRow) throws {
    for addend in [0, 0x18, -0x7654_3210_fedc] as [Int64] {
      let place = try PlacedField(row, value: 0x40, addend: addend)
      try place.resolve()
      guard !place.slot.isEmpty else { continue }
      let got = try place.image.contents(SyntheticSection.got.rawValue, of: "")
      #expect(got.words(of: 8, row.machine.byteOrder) == place.slot)
    }
  }

  @Test(arguments: all.filter { [.dynamicOnly, .deprecated].contains($0.formula) })
  func `what no linker reads is refused`(row: FieldRow) throws {
    let place = try PlacedField(row, value: 0)
    let problem: LinkError.RelocationProblem = row.formula == .deprecated ? .deprecated : .dynamicOnly
    #expect(throws: LinkError.relocation(problem, at: place.description)) { try place.resolve() }
  }

  @Test(arguments: all.filter { $0.model != nil })
  func `thread-local types are refused by their model where nothing has room for the variables`(
    row: FieldRow
  ) throws {
    let model = try #require(row.model)
    var object = row.machine.writer
    let text = object.addText([UInt8](repeating: 0, count: 16))
    let block = object.addSection(
      ".tdata", flags: [.alloc, .write, .tls], contents: [UInt8](repeating: 0, count: 8))
    let symbol = object.addSymbol("target", in: block, type: .tls)
    object.addRelocation(row.number, in: text, at: 0, to: symbol, addend: 0)
    let image = try LinkedImage([object.object()])
    #expect(throws: LinkError.relocation(.threadLocal(model: model), row.name)) { try image.resolve() }
  }

  @Test(arguments: all.filter { $0.formula == .none })
  func `markers write nothing`(row: FieldRow) throws {
    let place = try PlacedField(row, value: 0)
    try place.resolve()
    #expect(try place.contents == PlacedField.before + PlacedField.after)
  }

  @Test(arguments: stored)
  func `a field that ends behind its section is an error`(row: FieldRow) throws {
    let isThreadLocal = row.model != nil
    let last = UInt64(16 - row.byteCount)
    for offset in [last + 1, 15, 16, 1 << 32, 1 << 63, .max] where offset > last {
      var object = row.machine.writer
      let text = object.addText([UInt8](repeating: 0, count: 16))
      let data = object.addSection(
        ".target", flags: isThreadLocal ? [.alloc, .write, .tls] : [.alloc, .write],
        contents: [UInt8](repeating: 0, count: 8))
      let symbol = object.addSymbol("target", in: data, type: isThreadLocal ? .tls : .object)
      object.addRelocation(row.number, in: text, at: offset, to: symbol, addend: 0)
      let image = try LinkedImage(object.object(), gotBase: 0x1000)
      let problem = LinkError.RelocationProblem.outsideSection(
        byteCount: row.byteCount, sectionByteCount: 16)
      #expect(throws: LinkError.relocation(problem, row.name, at: offset)) { try image.resolve() }
    }
  }

  private func problem(
    _ row: FieldRow, _ value: Int64, _ range: ClosedRange<Int64>
  ) -> LinkError.RelocationProblem {
    // Instructions with 16 bits that read the GOT: what they reach is too small for it.
    if row.machine == .ppc64le, case .slot(_, .GOT) = row.formula, row.range?.lowerBound == -0x8000 {
      return .tocTooLarge(value: value, range: range)
    }
    return .field(.overflow(value: value, range: range))
  }
}
