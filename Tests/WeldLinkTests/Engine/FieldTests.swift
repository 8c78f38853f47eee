import Testing
import WeldLink

@Suite("Fields of instructions and data")
struct FieldTests {
  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var field: Field
    /// A value and what becomes of a container of ones, and of zeros.
    var encoded: [(value: Int64, ofOnes: UInt64, ofZeros: UInt64)]
    var errors: [(value: Int64, error: FieldError)]
  }

  /// Whole containers, and two fields of other machines' instructions: `low24` of Power, a displacement in
  /// halfwords.
  static let rows: [Row] = [
    Row(
      testDescription: "word8", field: .word8,
      encoded: [(-128, 0xffff_ff80, 0x80), (0, 0xffff_ff00, 0), (255, 0xffff_ffff, 0xff)],
      errors: [
        (-129, .overflow(value: -129, range: -128...255)), (256, .overflow(value: 256, range: -128...255)),
      ]),
    Row(
      testDescription: "word16S", field: .word16S,
      encoded: [(-0x8000, 0xffff_8000, 0x8000), (0x7fff, 0xffff_7fff, 0x7fff)],
      errors: [
        (-0x8001, .overflow(value: -0x8001, range: -0x8000...0x7fff)),
        (0x8000, .overflow(value: 0x8000, range: -0x8000...0x7fff)),
      ]),
    Row(
      testDescription: "word64", field: .word64,
      encoded: [(.min, 1 << 63, 1 << 63), (.max, .max >> 1, .max >> 1), (-1, .max, .max)], errors: []),
    Row(
      testDescription: "low24", field: low24,
      encoded: [
        (-0x200_0000, 0xfe00_0003, 0x0200_0000), (0x1ff_fffc, 0xfdff_ffff, 0x01ff_fffc), (4, 0xfc00_0007, 4),
      ],
      errors: [
        (0x200_0000, .overflow(value: 0x200_0000, range: -0x200_0000...0x1ff_fffc)),
        (6, .misaligned(value: 6, alignment: 4)), (-1, .misaligned(value: -1, alignment: 4)),
      ]),
    Row(
      testDescription: "halfwords", field: halfwords,
      encoded: [(-2, 0xffff_ffff, 0xffff), (0xfffe, 0xffff_7fff, 0x7fff), (-0x1_0000, 0xffff_8000, 0x8000)],
      errors: [(3, .misaligned(value: 3, alignment: 2))]),
  ]

  private static let low24: Field = {
    var field = Field(wholeBytes: 4, range: -0x200_0000...0x1ff_fffc)
    field.mask = 0x03ff_fffc
    field.alignment = 4
    return field
  }()

  private static let halfwords: Field = {
    var field = Field(wholeBytes: 2, range: -0x1_0000...0xfffe)
    field.shift = 1
    field.alignment = 2
    return field
  }()

  @Test(arguments: rows)
  func `bits of the field are replaced and others survive`(row: Row) throws {
    let ones: UInt64 = row.field.byteCount == 8 ? .max : 0xffff_ffff
    for (value, ofOnes, ofZeros) in row.encoded {
      #expect(try row.field.encode(value, in: ones) == ofOnes)
      #expect(try row.field.encode(value, in: 0) == ofZeros)
    }
  }

  @Test(arguments: rows)
  func `values that do not fit are errors`(row: Row) {
    for (value, error) in row.errors { #expect(throws: error) { try row.field.encode(value, in: 0) } }
  }
}
