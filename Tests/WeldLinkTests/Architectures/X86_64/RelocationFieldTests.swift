import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("AMD64 psABI 4.4.1: what fits into the field of a relocation")
struct RelocationFieldTests {
  @Test func `every relocation type has one row`() {
    #expect(Set(RelocationRow.all.map(\.type)) == Set(X86_64Relocation.allCases))
    #expect(RelocationRow.all.count == X86_64Relocation.allCases.count)
  }

  @Test(arguments: RelocationRow.stored)
  func `values up to both ends are stored, whatever the field held before`(row: RelocationRow) throws {
    let range = row.range ?? Int64.min...Int64.max
    for value in [range.lowerBound, range.lowerBound + 1, 0, 1, range.upperBound - 1, range.upperBound] {
      let place = try Placed(row, value: UInt64(bitPattern: value))
      try place.image.resolve()
      let expected =
        Placed.before + [UInt8](UInt64(bitPattern: value), byteCount: row.byteCount) + Placed.after
      #expect(try place.image.contents(".text") == expected, "\(value)")
      if row.usesSlot { #expect(try place.image.slots[1] == place.letters.S) }
    }
  }

  @Test(arguments: RelocationRow.limited)
  func `the first value past each end is an overflow error`(row: RelocationRow) throws {
    let range = try #require(row.range)
    for value in [range.lowerBound - 1, range.upperBound + 1, .min, .max] {
      let place = try Placed(row, value: UInt64(bitPattern: value))
      let error = LinkError.relocation(.field(.overflow(value: value, range: range)), at: place.description)
      #expect(throws: error) { try place.image.resolve() }
    }
  }

  @Test(arguments: RelocationRow.limited)
  func `after an overflow sections can be moved nearer and resolved again`(row: RelocationRow) throws {
    let range = try #require(row.range)
    let far = try Placed(row, value: UInt64(bitPattern: range.upperBound + 1))
    #expect(throws: LinkError.self) { try far.image.resolve() }
    let near = try Placed(row, value: UInt64(bitPattern: range.upperBound))
    guard near.letters.A == far.letters.A, row.formula != .ZA else { return }
    try near.placeSections(of: far.image)
    try far.image.resolve()
    try near.image.resolve()
    #expect(try far.image.contents(".text") == near.image.contents(".text"))
  }

  @Test(arguments: RelocationRow.stored, [Int64.min, -0x1_2345_6789_abcd, 0x7654_3210_fedc_ba98, .max])
  func `big addends wrap as 64-bit numbers`(row: RelocationRow, addend: Int64) throws {
    guard row.formula != .GA, row.formula != .ZA else { return }
    let place = try Placed(row, value: 0x42, addend: addend)
    try place.image.resolve()
    #expect(
      try place.image.contents(".text") == Placed.before + [UInt8](0x42, byteCount: row.byteCount)
        + Placed.after)
  }

  @Test(arguments: [X86_64Relocation.R_X86_64_NONE, .R_X86_64_GNU_VTINHERIT, .R_X86_64_GNU_VTENTRY])
  func `types that only mark something write nothing`(type: X86_64Relocation) throws {
    var object = ObjectWriter.x86_64
    let text = object.addText([1, 2, 3])
    // Even at the end, and with a symbol that exists nowhere and an addend that fits nowhere.
    let symbol = object.addUndefinedSymbol("nobody", binding: .weak)
    object.relocate(text, at: 3, type, symbol, .min)
    object.relocate(text, at: 0, type, nil, .max)
    let image = try LinkedImage([object.object()])
    try image.resolve()
    #expect(try image.contents(".text") == [1, 2, 3])
    #expect(try image.slots.isEmpty)
  }
}

/// One relocation, with everything laid out so that its formula gives a chosen value.
private struct Placed {
  let row: RelocationRow
  let image: LinkedImage
  var letters: RelocationRow.Letters
  /// How errors describe the relocation.
  let description: LinkError.RelocationPlace

  static let before: [UInt8] = [0xcc, 0xcc, 0x00, 0x00, 0x00, 0x00, 0x00, 0xcc]
  static let after: [UInt8] = [0xcc, 0x00]
  /// Where the symbol is in its section, in bytes.
  static let symbolOffset: UInt64 = 0x20

  /// - Parameters:
  ///   - value: what the formula is to give.
  ///   - addend: A; by default a small one, or what gives the value where nothing else can.
  init(_ row: RelocationRow, value: UInt64, addend: Int64? = nil) throws {
    self.row = row
    // P is at the lower edge of the lowest 4 GiB and no multiple of anything.
    var letters = RelocationRow.Letters(P: 0x1_0000_0009, GOT: 0x1_2000_0000, Z: 0x30)
    // The second slot; the first one is somebody else's.
    letters.G = 8
    letters.A = UInt64(bitPattern: addend ?? (row.formula == .ZA ? -0x10 : -4))
    letters.S = 0x1_4000_0000
    switch row.formula {
    case .SA, .SAP, .LAP, .SAGOT, .LAGOT:
      letters.S = 0
      letters.S = value &- row.value(letters)
    case .GGOTAP, .GOTAP:
      letters.GOT = 0
      letters.GOT = value &- row.value(letters)
    case .GA: letters.A = value &- letters.G
    case .ZA: letters.Z = value &- letters.A
    case .none, .threadLocal, .dynamicOnly: break
    }
    self.letters = letters

    var object = ObjectWriter.x86_64
    let target = object.addData([UInt8](repeating: 0, count: 0x30), name: ".target")
    let old = [UInt8](repeating: 0xa5, count: row.byteCount)
    let first = object.addData([UInt8](repeating: 0, count: 8), name: ".first")
    let text = object.addText(Self.before + old + Self.after)
    let symbol = object.addSymbol("target", in: target, at: Self.symbolOffset, size: letters.Z)
    let other = object.addSymbol("other", in: target)
    object.relocate(first, at: 0, .R_X86_64_GOT64, other)
    object.relocate(text, at: 8, row.type, symbol, Int64(bitPattern: letters.A))
    image = try LinkedImage([object.object()])
    description = LinkError.place(row.type.name, at: 8, Int64(bitPattern: letters.A))
    try placeSections(of: image)
  }

  /// Maps the sections of an image to where this one has them.
  func placeSections(of image: LinkedImage) throws {
    try image.map(".text", to: letters.P &- 8)
    try image.map(".target", to: letters.S &- Self.symbolOffset)
    try image.map(SyntheticSection.got.rawValue, of: "", to: letters.GOT)
  }
}
