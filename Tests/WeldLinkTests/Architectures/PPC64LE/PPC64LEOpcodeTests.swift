import Testing
import WeldELF
import WeldLink

@Suite("ELFv2 3.5.1: the instruction decides about its field")
struct PPC64LEOpcodeTests {
  /// DS-form instructions, whose two lowest bits are part of the opcode.
  static let ds: [(String, UInt32)] = [
    ("ld", 0xe863_0000), ("ldu", 0xe863_0001), ("lwa", 0xe863_0002), ("std", 0xf863_0000),
    ("stdu", 0xf863_0001),
    ("stq", 0xf863_0002), ("lfdp", 0xe463_0000), ("lxsd", 0xe463_0002), ("lxssp", 0xe463_0003),
    ("stfdp", 0xf463_0000), ("stxsd", 0xf463_0002), ("stxssp", 0xf463_0003),
  ]
  /// DQ-form instructions, whose four lowest bits are part of the opcode or a register's number.
  static let dq: [(String, UInt32)] = [
    ("lq", 0xe083_0000), ("lxv", 0xf463_0001), ("lxv of an upper register", 0xf463_0009),
    ("stxv", 0xf463_0005),
    ("stxv of an upper register", 0xf463_000d), ("lxvp", 0x1863_0000), ("stxvp", 0x1863_0001),
  ]
  static let types = PPC64LERows.free.filter { $0.alignment == 4 && $0.mask == 0xfffc }

  @Test(arguments: types, ds)
  func `a DS-form instruction keeps its two lowest bits`(row: FieldRow, instruction: (String, UInt32)) throws
  {
    for value in [0x1234, -0x1234, 0x7ffc, -0x8000] as [Int64] {
      let place = try PlacedField(row, value: value, old: UInt64(instruction.1) | 0x5678)
      try place.resolve()
      let found = try place.contents.integer(at: 16, byteCount: 4)
      #expect(found == UInt64(instruction.1) | UInt64(bitPattern: value) & 0xfffc)
    }
  }

  @Test(arguments: types, dq)
  func `a DQ-form instruction keeps its four lowest bits`(row: FieldRow, instruction: (String, UInt32)) throws
  {
    for value in [0x1230, -0x1230, 0x7ff0, -0x8000] as [Int64] {
      let place = try PlacedField(row, value: value, old: UInt64(instruction.1))
      try place.resolve()
      let found = try place.contents.integer(at: 16, byteCount: 4)
      #expect(found == UInt64(instruction.1) | UInt64(bitPattern: value) & 0xfff0)
    }
    for value in [1, 2, 4, 8, 12] as [Int64] {
      let place = try PlacedField(row, value: 0x1230 + value, old: UInt64(instruction.1))
      let problem = FieldError.misaligned(value: 0x1230 + value, alignment: 16)
      #expect(throws: LinkError.relocation(.field(problem), at: place.description)) { try place.resolve() }
    }
  }

  @Test(
    arguments: [("addi", 14), ("addic", 12), ("cmpi", 11), ("mulli", 7), ("lwz", 32)] as [(String, UInt64)])
  func `ADDR16 in an instruction has a sign`(name: String, opcode: UInt64) throws {
    try check(opcode, -0x8000...0x7fff)
  }

  @Test(arguments: [("ori", 24), ("xori", 26), ("andi.", 28)] as [(String, UInt64)])
  func `ADDR16 in a logical instruction has none`(name: String, opcode: UInt64) throws {
    try check(opcode, 0...0xffff)
  }

  @Test func `ADDR16 in cmpli may have one`() throws { try check(10, -0x8000...0xffff) }

  @Test(arguments: [PPC64Relocation.R_PPC64_ADDR16, .R_PPC64_UADDR16])
  func `16 bits of data may have a sign, whatever instruction they look like`(type: PPC64Relocation) throws {
    for opcode in [14, 24] as [UInt64] { try check(opcode, -0x8000...0xffff, type, in: ".data") }
  }

  private func check(
    _ opcode: UInt64, _ range: ClosedRange<Int64>, _ type: PPC64Relocation = .R_PPC64_ADDR16,
    in section: String = ".text"
  ) throws {
    // The whole instruction; only its lower half is the field.
    let found = try #require(PPC64LERows.row(type))
    let row = FieldRow(
      machine: .ppc64le, name: type.name, number: type.rawValue, formula: .SA, byteCount: 4, mask: 0xffff,
      alignment: 1, range: range, bits: found.bits)
    for value in [range.lowerBound, 0, range.upperBound] {
      let place = try PlacedField(row, value: value, old: opcode << 26 | 0x63_0000, section: section)
      try place.resolve()
      #expect(try place.contents == place.expected)
    }
    for value in [range.lowerBound - 1, range.upperBound + 1] {
      let place = try PlacedField(row, value: value, old: opcode << 26, section: section)
      let problem = FieldError.overflow(value: value, range: range)
      #expect(throws: LinkError.relocation(.field(problem), at: place.description)) { try place.resolve() }
    }
  }
}
