import Testing
import WeldELF
import WeldLink

/// The bytes are what GNU ld 2.40 makes of the instructions with `--no-relax --no-tls-optimize
/// --no-toc-optimize`, but those of the PLT types, which it resolves in its own way or not at all: there the
/// formula was calculated by hand.
@Suite("ELFv2: instructions as relocations complete them")
struct PPC64LEInstructionTests {
  @Test func `every relocation that writes is in an instruction here`() {
    #expect(Set(Self.rows.map(\.number)) == Set(PPC64LERows.stored.map(\.number)))
  }

  @Test(arguments: Self.rows)
  func `an instruction is completed`(row: InstructionRow) throws {
    #expect(try row.linked(Self.place) == row.completed)
  }

  @Test func `the completed instructions are what their rows say`() throws {
    let rows = Self.rows.filter { $0.text != nil }
    let text = try CrossMachine.ppc64le.text(of: rows.flatMap(\.completed))
    #expect(text == rows.compactMap(\.text))
  }

  /// The symbol is 0x10 bytes into its section.
  static let place = InstructionRow.Place(
    text: 0x1001_0000, target: 0x1002_9000, slot: 0x1003_0008, gotBase: 0x1003_8000)

  private static func row(
    _ type: PPC64Relocation, _ addend: Int64, _ offset: UInt64, _ code: String, _ completed: String,
    _ text: String?
  ) -> InstructionRow {
    InstructionRow(.ppc64le, (type.name, type.rawValue), addend, offset, code, completed, text)
  }

  static let rows: [InstructionRow] = [
    row(.R_PPC64_ADDR32, 0, 0, "00 00 00 00", "10 90 02 10", nil),
    row(.R_PPC64_ADDR24, -0x10028000, 0, "01 00 00 48", "11 10 00 48", "bl .+4112"),
    row(.R_PPC64_ADDR16, -0x10028000, 0, "00 00 62 38", "10 10 62 38", "addi 3, 2, 4112"),
    row(.R_PPC64_ADDR16_LO, 0, 0, "00 00 63 38", "10 90 63 38", "addi 3, 3, -28656"),
    row(.R_PPC64_ADDR16_HI, 0, 0, "00 00 63 60", "02 10 63 60", "ori 3, 3, 4098"),
    row(.R_PPC64_ADDR16_HA, 0, 0, "00 00 62 3c", "03 10 62 3c", "addis 3, 2, 4099"),
    row(.R_PPC64_ADDR14, -0x10028000, 0, "00 00 82 41", "10 10 82 41", "bt 2, .+4112"),
    row(.R_PPC64_REL24, 0, 0, "01 00 00 48", "11 90 01 48", "bl .+102416"),
    row(.R_PPC64_REL14, -0x18000, 0, "00 00 82 41", "10 10 82 41", "bt 2, .+4112"),
    row(.R_PPC64_GOT16, 0, 0, "00 00 62 38", "08 80 62 38", "addi 3, 2, -32760"),
    row(.R_PPC64_GOT16_LO, 0, 0, "00 00 63 38", "08 80 63 38", "addi 3, 3, -32760"),
    row(.R_PPC64_GOT16_HI, 0, 0, "00 00 63 60", "ff ff 63 60", "ori 3, 3, 65535"),
    row(.R_PPC64_GOT16_HA, 0, 0, "00 00 62 3c", "00 00 62 3c", "addis 3, 2, 0"),
    row(.R_PPC64_UADDR32, 0, 0, "00 00 00 00", "10 90 02 10", nil),
    row(.R_PPC64_UADDR16, -0x10028000, 0, "00 00 62 38", "10 10 62 38", "addi 3, 2, 4112"),
    row(.R_PPC64_REL32, 0, 0, "00 00 00 00", "10 90 01 00", nil),
    row(.R_PPC64_PLT32, 0, 0, "00 00 00 00", "08 00 03 10", nil),
    row(.R_PPC64_PLTREL32, 0, 0, "00 00 00 00", "08 00 02 00", nil),
    row(.R_PPC64_PLT16_LO, 0, 0, "00 00 63 38", "08 80 63 38", "addi 3, 3, -32760"),
    row(.R_PPC64_PLT16_HI, 0, 0, "00 00 63 60", "ff ff 63 60", "ori 3, 3, 65535"),
    row(.R_PPC64_PLT16_HA, 0, 0, "00 00 62 3c", "00 00 62 3c", "addis 3, 2, 0"),
    row(.R_PPC64_ADDR64, 0, 0, "00 00 00 00 00 00 00 00", "10 90 02 10 00 00 00 00", nil),
    row(.R_PPC64_ADDR16_HIGHER, 0x12347fff80008000, 0, "00 00 63 60", "ff 7f 63 60", "ori 3, 3, 32767"),
    row(.R_PPC64_ADDR16_HIGHERA, 0x12347fff80008000, 0, "00 00 63 60", "ff 7f 63 60", "ori 3, 3, 32767"),
    row(.R_PPC64_ADDR16_HIGHEST, 0x12347fff80008000, 0, "00 00 63 60", "34 12 63 60", "ori 3, 3, 4660"),
    row(.R_PPC64_ADDR16_HIGHESTA, 0x12347fff80008000, 0, "00 00 63 60", "34 12 63 60", "ori 3, 3, 4660"),
    row(.R_PPC64_UADDR64, 0, 0, "00 00 00 00 00 00 00 00", "10 90 02 10 00 00 00 00", nil),
    row(.R_PPC64_REL64, 0, 0, "00 00 00 00 00 00 00 00", "10 90 01 00 00 00 00 00", nil),
    row(.R_PPC64_PLT64, 0, 0, "00 00 00 00 00 00 00 00", "08 00 03 10 00 00 00 00", nil),
    row(.R_PPC64_PLTREL64, 0, 0, "00 00 00 00 00 00 00 00", "08 00 02 00 00 00 00 00", nil),
    row(.R_PPC64_TOC16, 0x8000, 0, "00 00 62 38", "10 90 62 38", "addi 3, 2, -28656"),
    row(.R_PPC64_TOC16_LO, 0, 0, "00 00 63 38", "10 10 63 38", "addi 3, 3, 4112"),
    row(.R_PPC64_TOC16_HI, 0, 0, "00 00 63 60", "ff ff 63 60", "ori 3, 3, 65535"),
    row(.R_PPC64_TOC16_HA, 0, 0, "00 00 62 3c", "ff ff 62 3c", "addis 3, 2, -1"),
    row(.R_PPC64_TOC, 0, 0, "00 00 00 00 00 00 00 00", "00 80 03 10 00 00 00 00", nil),
    row(.R_PPC64_ADDR16_DS, -0x10028000, 0, "02 00 63 e8", "12 10 63 e8", "lwa 3, 4112(3)"),
    row(.R_PPC64_ADDR16_LO_DS, 0, 0, "02 00 63 e8", "12 90 63 e8", "lwa 3, -28656(3)"),
    row(.R_PPC64_GOT16_DS, 0, 0, "02 00 63 e8", "0a 80 63 e8", "lwa 3, -32760(3)"),
    row(.R_PPC64_GOT16_LO_DS, 0, 0, "02 00 63 e8", "0a 80 63 e8", "lwa 3, -32760(3)"),
    row(.R_PPC64_PLT16_LO_DS, 0, 0, "00 00 63 e8", "08 80 63 e8", "ld 3, -32760(3)"),
    row(.R_PPC64_TOC16_DS, 0x8000, 0, "02 00 63 e8", "12 90 63 e8", "lwa 3, -28656(3)"),
    row(.R_PPC64_TOC16_LO_DS, 0, 0, "02 00 63 e8", "12 10 63 e8", "lwa 3, 4112(3)"),
    row(.R_PPC64_DTPMOD64, 0, 0, "00 00 00 00 00 00 00 00", "01 00 00 00 00 00 00 00", nil),
    row(.R_PPC64_TPREL16, 0x8, 0, "00 00 62 38", "18 90 62 38", "addi 3, 2, -28648"),
    row(.R_PPC64_TPREL16_LO, 0x18018, 0, "00 00 63 38", "28 10 63 38", "addi 3, 3, 4136"),
    row(.R_PPC64_TPREL16_HI, 0x18018, 0, "00 00 63 60", "01 00 63 60", "ori 3, 3, 1"),
    row(.R_PPC64_TPREL16_HA, 0x18018, 0, "00 00 62 3c", "01 00 62 3c", "addis 3, 2, 1"),
    row(.R_PPC64_TPREL64, 0x8, 0, "00 00 00 00 00 00 00 00", "18 90 ff ff ff ff ff ff", nil),
    row(.R_PPC64_DTPREL16, 0x8, 0, "00 00 62 38", "18 80 62 38", "addi 3, 2, -32744"),
    row(.R_PPC64_DTPREL16_LO, 0x18018, 0, "00 00 63 38", "28 00 63 38", "addi 3, 3, 40"),
    row(.R_PPC64_DTPREL16_HI, 0x18018, 0, "00 00 63 60", "01 00 63 60", "ori 3, 3, 1"),
    row(.R_PPC64_DTPREL16_HA, 0x18018, 0, "00 00 62 3c", "01 00 62 3c", "addis 3, 2, 1"),
    row(.R_PPC64_DTPREL64, 0x8, 0, "00 00 00 00 00 00 00 00", "18 80 ff ff ff ff ff ff", nil),
    row(.R_PPC64_GOT_TLSGD16, 0, 0, "00 00 62 38", "08 80 62 38", "addi 3, 2, -32760"),
    row(.R_PPC64_GOT_TLSGD16_LO, 0, 0, "00 00 63 38", "08 80 63 38", "addi 3, 3, -32760"),
    row(.R_PPC64_GOT_TLSGD16_HI, 0, 0, "00 00 63 60", "ff ff 63 60", "ori 3, 3, 65535"),
    row(.R_PPC64_GOT_TLSGD16_HA, 0, 0, "00 00 62 3c", "00 00 62 3c", "addis 3, 2, 0"),
    row(.R_PPC64_GOT_TLSLD16, 0, 0, "00 00 62 38", "08 80 62 38", "addi 3, 2, -32760"),
    row(.R_PPC64_GOT_TLSLD16_LO, 0, 0, "00 00 63 38", "08 80 63 38", "addi 3, 3, -32760"),
    row(.R_PPC64_GOT_TLSLD16_HI, 0, 0, "00 00 63 60", "ff ff 63 60", "ori 3, 3, 65535"),
    row(.R_PPC64_GOT_TLSLD16_HA, 0, 0, "00 00 62 3c", "00 00 62 3c", "addis 3, 2, 0"),
    row(.R_PPC64_GOT_TPREL16_DS, 0, 0, "02 00 63 e8", "0a 80 63 e8", "lwa 3, -32760(3)"),
    row(.R_PPC64_GOT_TPREL16_LO_DS, 0, 0, "02 00 63 e8", "0a 80 63 e8", "lwa 3, -32760(3)"),
    row(.R_PPC64_GOT_TPREL16_HI, 0, 0, "00 00 63 60", "ff ff 63 60", "ori 3, 3, 65535"),
    row(.R_PPC64_GOT_TPREL16_HA, 0, 0, "00 00 62 3c", "00 00 62 3c", "addis 3, 2, 0"),
    row(.R_PPC64_GOT_DTPREL16_DS, 0, 0, "02 00 63 e8", "0a 80 63 e8", "lwa 3, -32760(3)"),
    row(.R_PPC64_GOT_DTPREL16_LO_DS, 0, 0, "02 00 63 e8", "0a 80 63 e8", "lwa 3, -32760(3)"),
    row(.R_PPC64_GOT_DTPREL16_HI, 0, 0, "00 00 63 60", "ff ff 63 60", "ori 3, 3, 65535"),
    row(.R_PPC64_GOT_DTPREL16_HA, 0, 0, "00 00 62 3c", "00 00 62 3c", "addis 3, 2, 0"),
    row(.R_PPC64_TPREL16_DS, 0x8, 0, "02 00 63 e8", "1a 90 63 e8", "lwa 3, -28648(3)"),
    row(.R_PPC64_TPREL16_LO_DS, 0x18018, 0, "02 00 63 e8", "2a 10 63 e8", "lwa 3, 4136(3)"),
    row(.R_PPC64_TPREL16_HIGHER, 0x12347fff80008008, 0, "00 00 63 60", "ff 7f 63 60", "ori 3, 3, 32767"),
    row(.R_PPC64_TPREL16_HIGHERA, 0x12347fff80008008, 0, "00 00 63 60", "ff 7f 63 60", "ori 3, 3, 32767"),
    row(.R_PPC64_TPREL16_HIGHEST, 0x12347fff80008008, 0, "00 00 63 60", "34 12 63 60", "ori 3, 3, 4660"),
    row(.R_PPC64_TPREL16_HIGHESTA, 0x12347fff80008008, 0, "00 00 63 60", "34 12 63 60", "ori 3, 3, 4660"),
    row(.R_PPC64_DTPREL16_DS, 0x8, 0, "02 00 63 e8", "1a 80 63 e8", "lwa 3, -32744(3)"),
    row(.R_PPC64_DTPREL16_LO_DS, 0x18018, 0, "02 00 63 e8", "2a 00 63 e8", "lwa 3, 40(3)"),
    row(.R_PPC64_DTPREL16_HIGHER, 0x12347fff80008008, 0, "00 00 63 60", "ff 7f 63 60", "ori 3, 3, 32767"),
    row(.R_PPC64_DTPREL16_HIGHERA, 0x12347fff80008008, 0, "00 00 63 60", "ff 7f 63 60", "ori 3, 3, 32767"),
    row(.R_PPC64_DTPREL16_HIGHEST, 0x12347fff80008008, 0, "00 00 63 60", "34 12 63 60", "ori 3, 3, 4660"),
    row(.R_PPC64_DTPREL16_HIGHESTA, 0x12347fff80008008, 0, "00 00 63 60", "34 12 63 60", "ori 3, 3, 4660"),
    row(.R_PPC64_ADDR16_HIGH, 0x12347fff80008000, 0, "00 00 63 60", "03 90 63 60", "ori 3, 3, 36867"),
    row(.R_PPC64_ADDR16_HIGHA, 0x12347fff80008000, 0, "00 00 62 3c", "03 90 62 3c", "addis 3, 2, -28669"),
    row(.R_PPC64_TPREL16_HIGH, 0x12347fff80008008, 0, "00 00 63 60", "00 80 63 60", "ori 3, 3, 32768"),
    row(.R_PPC64_TPREL16_HIGHA, 0x12347fff80008008, 0, "00 00 62 3c", "00 80 62 3c", "addis 3, 2, -32768"),
    row(.R_PPC64_DTPREL16_HIGH, 0x12347fff80008008, 0, "00 00 63 60", "00 80 63 60", "ori 3, 3, 32768"),
    row(.R_PPC64_DTPREL16_HIGHA, 0x12347fff80008008, 0, "00 00 62 3c", "00 80 62 3c", "addis 3, 2, -32768"),
    row(.R_PPC64_REL24_NOTOC, 0, 0, "01 00 00 48", "11 90 01 48", "bl .+102416"),
    row(.R_PPC64_ADDR64_LOCAL, 0, 0, "00 00 00 00 00 00 00 00", "10 90 02 10 00 00 00 00", nil),
    row(.R_PPC64_REL24_P9NOTOC, 0, 0, "01 00 00 48", "11 90 01 48", "bl .+102416"),
    row(.R_PPC64_D34, 0, 0, "00 00 00 06 00 00 60 38", "02 10 00 06 10 90 60 38", "pli 3, 268603408"),
    row(
      .R_PPC64_D34_LO, 0x12347fff80008000, 0, "00 00 00 06 00 00 60 38", "03 90 03 06 10 10 60 38",
      "pli 3, -1878847472"),
    row(
      .R_PPC64_D34_HI30, 0x12347fff80008000, 0, "00 00 00 06 00 00 60 38", "8d 04 00 06 ff 1f 60 38",
      "pli 3, 76357631"),
    row(
      .R_PPC64_D34_HA30, 0x12347fff80008000, 0, "00 00 00 06 00 00 60 38", "8d 04 00 06 00 20 60 38",
      "pli 3, 76357632"),
    row(
      .R_PPC64_PCREL34, 0, 0, "00 00 10 06 00 00 60 38", "01 00 10 06 10 90 60 38", "paddi 3, 0, 102416, 1"),
    row(
      .R_PPC64_GOT_PCREL34, 0, 0, "00 00 10 04 00 00 60 e4", "02 00 10 04 08 00 60 e4", "pld 3, 131080(0), 1"),
    row(
      .R_PPC64_PLT_PCREL34, 0, 0, "00 00 10 04 00 00 60 e4", "02 00 10 04 08 00 60 e4", "pld 3, 131080(0), 1"),
    row(
      .R_PPC64_PLT_PCREL34_NOTOC, 0, 0, "00 00 10 04 00 00 60 e4", "02 00 10 04 08 00 60 e4",
      "pld 3, 131080(0), 1"),
    row(.R_PPC64_ADDR16_HIGHER34, 0x12347fff80008000, 0, "00 00 63 60", "ff 1f 63 60", "ori 3, 3, 8191"),
    row(.R_PPC64_ADDR16_HIGHERA34, 0x12347fff80008000, 0, "00 00 63 60", "00 20 63 60", "ori 3, 3, 8192"),
    row(.R_PPC64_ADDR16_HIGHEST34, 0x12347fff80008000, 0, "00 00 63 60", "8d 04 63 60", "ori 3, 3, 1165"),
    row(.R_PPC64_ADDR16_HIGHESTA34, 0x12347fff80008000, 0, "00 00 63 60", "8d 04 63 60", "ori 3, 3, 1165"),
    row(.R_PPC64_REL16_HIGHER34, 0x12347fff80008000, 0, "00 00 63 60", "ff 1f 63 60", "ori 3, 3, 8191"),
    row(.R_PPC64_REL16_HIGHERA34, 0x12347fff80008000, 0, "00 00 63 60", "00 20 63 60", "ori 3, 3, 8192"),
    row(.R_PPC64_REL16_HIGHEST34, 0x12347fff80008000, 0, "00 00 63 60", "8d 04 63 60", "ori 3, 3, 1165"),
    row(.R_PPC64_REL16_HIGHESTA34, 0x12347fff80008000, 0, "00 00 63 60", "8d 04 63 60", "ori 3, 3, 1165"),
    row(.R_PPC64_D28, -0x10000000, 0, "00 00 00 06 00 00 60 38", "02 00 00 06 10 90 60 38", "pli 3, 167952"),
    row(
      .R_PPC64_PCREL28, 0, 0, "00 00 10 06 00 00 60 38", "01 00 10 06 10 90 60 38", "paddi 3, 0, 102416, 1"),
    row(
      .R_PPC64_TPREL34, 0x8, 0, "00 00 00 06 00 00 6d 38", "ff ff 03 06 18 90 6d 38", "paddi 3, 13, -28648, 0"
    ),
    row(
      .R_PPC64_DTPREL34, 0x8, 0, "00 00 00 06 00 00 6d 38", "ff ff 03 06 18 80 6d 38",
      "paddi 3, 13, -32744, 0"),
    row(
      .R_PPC64_GOT_TLSGD_PCREL34, 0, 0, "00 00 10 04 00 00 60 e4", "02 00 10 04 08 00 60 e4",
      "pld 3, 131080(0), 1"),
    row(
      .R_PPC64_GOT_TLSLD_PCREL34, 0, 0, "00 00 10 04 00 00 60 e4", "02 00 10 04 08 00 60 e4",
      "pld 3, 131080(0), 1"),
    row(
      .R_PPC64_GOT_TPREL_PCREL34, 0, 0, "00 00 10 04 00 00 60 e4", "02 00 10 04 08 00 60 e4",
      "pld 3, 131080(0), 1"),
    row(
      .R_PPC64_GOT_DTPREL_PCREL34, 0, 0, "00 00 10 04 00 00 60 e4", "02 00 10 04 08 00 60 e4",
      "pld 3, 131080(0), 1"),
    row(.R_PPC64_REL16_HIGH, 0x12347fff80008000, 0, "00 00 63 60", "02 80 63 60", "ori 3, 3, 32770"),
    row(.R_PPC64_REL16_HIGHA, 0x12347fff80008000, 0, "00 00 62 3c", "02 80 62 3c", "addis 3, 2, -32766"),
    row(.R_PPC64_REL16_HIGHER, 0x12347fff80008000, 0, "00 00 63 60", "ff 7f 63 60", "ori 3, 3, 32767"),
    row(.R_PPC64_REL16_HIGHERA, 0x12347fff80008000, 0, "00 00 63 60", "ff 7f 63 60", "ori 3, 3, 32767"),
    row(.R_PPC64_REL16_HIGHEST, 0x12347fff80008000, 0, "00 00 63 60", "34 12 63 60", "ori 3, 3, 4660"),
    row(.R_PPC64_REL16_HIGHESTA, 0x12347fff80008000, 0, "00 00 63 60", "34 12 63 60", "ori 3, 3, 4660"),
    row(.R_PPC64_REL16DX_HA, 0, 0, "04 00 60 4c", "04 00 61 4c", "addpcis 3, 2"),
    row(.R_PPC64_REL16, -0x18000, 0, "00 00 62 38", "10 10 62 38", "addi 3, 2, 4112"),
    row(.R_PPC64_REL16_LO, 0, 0, "00 00 63 38", "10 90 63 38", "addi 3, 3, -28656"),
    row(.R_PPC64_REL16_HI, 0, 0, "00 00 63 60", "01 00 63 60", "ori 3, 3, 1"),
    row(.R_PPC64_REL16_HA, 0, 0, "00 00 62 3c", "02 00 62 3c", "addis 3, 2, 2"),
  ]
}
