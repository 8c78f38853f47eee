import Testing
import WeldELF
import WeldLink

/// The bytes are what GNU ld 2.40 makes of the instructions with `--no-relax`, but those of the types that it
/// does not know, or whose thread-local code it rewrites anyway: there the formula was calculated by hand.
@Suite("s390x: instructions as relocations complete them")
struct S390XInstructionTests {
  @Test func `every relocation that writes is in an instruction here`() {
    #expect(Set(Self.rows.map(\.number)) == Set(S390XRows.stored.map(\.number)))
  }

  @Test(arguments: Self.rows)
  func `an instruction is completed`(row: InstructionRow) throws {
    #expect(try row.linked(Self.place) == row.completed)
  }

  @Test func `the completed instructions are what their rows say`() throws {
    // Each by itself: targets are shown as addresses, and instructions have different lengths.
    for row in Self.rows {
      guard let text = row.text else { continue }
      #expect(try CrossMachine.s390x.text(of: row.completed) == [text])
    }
  }

  /// The symbol is 0x10 bytes into its section.
  static let place = InstructionRow.Place(
    text: 0x100_0000, target: 0x100_9000, slot: 0x101_0000, gotBase: 0x100_ffe8)

  private static func row(
    _ type: S390XRelocation, _ addend: Int64, _ offset: UInt64, _ code: String, _ completed: String,
    _ text: String?
  ) -> InstructionRow {
    InstructionRow(.s390x, (type.name, type.rawValue), addend, offset, code, completed, text)
  }

  static let rows: [InstructionRow] = [
    row(.R_390_8, -0x1009000, 1, "92 00 10 00", "92 10 10 00", "mvi 0(%r1), 16"),
    row(.R_390_12, -0x1009000, 2, "58 10 c0 00", "58 10 c0 10", "l %r1, 16(%r12)"),
    row(.R_390_16, -0x1000000, 2, "a7 19 00 00", "a7 19 90 10", "lghi %r1, -28656"),
    row(.R_390_32, 0, 2, "c0 11 00 00 00 00", "c0 11 01 00 90 10", "lgfi %r1, 16814096"),
    row(.R_390_PC32, 0, 0, "00 00 00 00", "00 00 90 10", nil),
    row(.R_390_GOT12, 0, 2, "58 10 c0 00", "58 10 c0 18", "l %r1, 24(%r12)"),
    row(.R_390_GOT32, 0, 0, "00 00 00 00", "00 00 00 18", nil),
    row(.R_390_PLT32, 0, 0, "00 00 00 00", "00 00 90 10", nil),
    row(.R_390_GOTOFF32, 0, 0, "00 00 00 00", "ff ff 90 28", nil),
    row(.R_390_GOTPC, 0, 0, "00 00 00 00 00 00 00 00", "00 00 00 00 00 00 ff e8", nil),
    row(.R_390_GOT16, 0, 2, "a7 19 00 00", "a7 19 00 18", "lghi %r1, 24"),
    row(.R_390_PC16, -0x4000, 2, "a7 19 00 00", "a7 19 50 0e", "lghi %r1, 20494"),
    row(.R_390_PC16DBL, 0x2, 2, "a7 f4 00 00", "a7 f4 48 08", "j 0x9010"),
    row(.R_390_PLT16DBL, 0x2, 2, "a7 e5 00 00", "a7 e5 48 08", "bras %r14, 0x9010"),
    row(.R_390_PC32DBL, 0x2, 2, "c0 10 00 00 00 00", "c0 10 00 00 48 08", "larl %r1, 0x9010"),
    row(.R_390_PLT32DBL, 0x2, 2, "c0 e5 00 00 00 00", "c0 e5 00 00 48 08", "brasl %r14, 0x9010"),
    row(.R_390_GOTPCDBL, 0x2, 2, "c0 c0 00 00 00 00", "c0 c0 00 00 7f f4", "larl %r12, 0xffe8"),
    row(.R_390_64, 0, 0, "00 00 00 00 00 00 00 00", "00 00 00 00 01 00 90 10", nil),
    row(.R_390_PC64, 0, 0, "00 00 00 00 00 00 00 00", "00 00 00 00 00 00 90 10", nil),
    row(.R_390_GOT64, 0, 0, "00 00 00 00 00 00 00 00", "00 00 00 00 00 00 00 18", nil),
    row(.R_390_PLT64, 0, 0, "00 00 00 00 00 00 00 00", "00 00 00 00 00 00 90 10", nil),
    row(.R_390_GOTENT, 0x2, 2, "c4 18 00 00 00 00", "c4 18 00 00 80 00", "lgrl %r1, 0x10000"),
    row(.R_390_GOTOFF16, 0x2000, 2, "a7 19 00 00", "a7 19 b0 28", "lghi %r1, -20440"),
    row(.R_390_GOTOFF64, 0, 0, "00 00 00 00 00 00 00 00", "ff ff ff ff ff ff 90 28", nil),
    row(.R_390_GOTPLT12, 0, 2, "58 10 c0 00", "58 10 c0 18", "l %r1, 24(%r12)"),
    row(.R_390_GOTPLT16, 0, 2, "a7 19 00 00", "a7 19 00 18", "lghi %r1, 24"),
    row(.R_390_GOTPLT32, 0, 0, "00 00 00 00", "00 00 00 18", nil),
    row(.R_390_GOTPLT64, 0, 0, "00 00 00 00 00 00 00 00", "00 00 00 00 00 00 00 18", nil),
    row(.R_390_GOTPLTENT, 0x2, 2, "c4 18 00 00 00 00", "c4 18 00 00 80 00", "lgrl %r1, 0x10000"),
    row(.R_390_PLTOFF16, 0x2000, 2, "a7 19 00 00", "a7 19 b0 28", "lghi %r1, -20440"),
    row(.R_390_PLTOFF32, 0, 0, "00 00 00 00", "ff ff 90 28", nil),
    row(.R_390_PLTOFF64, 0, 0, "00 00 00 00 00 00 00 00", "ff ff ff ff ff ff 90 28", nil),
    row(.R_390_TLS_GD32, 0, 0, "00 00 00 00", "00 00 00 18", nil),
    row(.R_390_TLS_GD64, 0, 0, "00 00 00 00 00 00 00 00", "00 00 00 00 00 00 00 18", nil),
    row(.R_390_TLS_GOTIE12, 0, 2, "58 10 c0 00", "58 10 c0 18", "l %r1, 24(%r12)"),
    row(.R_390_TLS_GOTIE32, 0, 0, "00 00 00 00", "00 00 00 18", nil),
    row(.R_390_TLS_GOTIE64, 0, 0, "00 00 00 00 00 00 00 00", "00 00 00 00 00 00 00 18", nil),
    row(.R_390_TLS_LDM32, 0, 0, "00 00 00 00", "00 00 00 18", nil),
    row(.R_390_TLS_LDM64, 0, 0, "00 00 00 00 00 00 00 00", "00 00 00 00 00 00 00 18", nil),
    row(.R_390_TLS_IE32, 0, 0, "00 00 00 00", "01 01 00 00", nil),
    row(.R_390_TLS_IE64, 0, 0, "00 00 00 00 00 00 00 00", "00 00 00 00 01 01 00 00", nil),
    row(.R_390_TLS_IEENT, 0x2, 2, "c4 18 00 00 00 00", "c4 18 00 00 80 00", "lgrl %r1, 0x10000"),
    row(.R_390_TLS_LE32, 0, 0, "00 00 00 00", "ff ff ff f0", nil),
    row(.R_390_TLS_LE64, 0, 0, "00 00 00 00 00 00 00 00", "ff ff ff ff ff ff ff f0", nil),
    row(.R_390_TLS_LDO32, 0, 0, "00 00 00 00", "00 00 00 10", nil),
    row(.R_390_TLS_LDO64, 0, 0, "00 00 00 00 00 00 00 00", "00 00 00 00 00 00 00 10", nil),
    row(.R_390_20, -0x1000000, 2, "e3 10 c0 00 00 04", "e3 10 c0 10 09 04", "lg %r1, 36880(%r12)"),
    row(.R_390_GOT20, 0, 2, "e3 10 c0 00 00 04", "e3 10 c0 18 00 04", "lg %r1, 24(%r12)"),
    row(.R_390_GOTPLT20, 0, 2, "e3 10 c0 00 00 04", "e3 10 c0 18 00 04", "lg %r1, 24(%r12)"),
    row(.R_390_TLS_GOTIE20, 0, 2, "e3 10 c0 00 00 04", "e3 10 c0 18 00 04", "lg %r1, 24(%r12)"),
    row(.R_390_PC12DBL, -0x8fff, 1, "c5 f0 00 00 00 00", "c5 f0 08 00 00 00", "bprp 15, 0x10, 0x0"),
    row(.R_390_PLT12DBL, -0x8fff, 1, "c5 f0 00 00 00 00", "c5 f0 08 00 00 00", "bprp 15, 0x10, 0x0"),
    row(.R_390_PC24DBL, 0x3, 3, "c5 f0 00 00 00 00", "c5 f0 00 00 48 08", "bprp 15, 0x0, 0x9010"),
    row(.R_390_PLT24DBL, 0x3, 3, "c5 f0 00 00 00 00", "c5 f0 00 00 48 08", "bprp 15, 0x0, 0x9010"),
  ]
}
