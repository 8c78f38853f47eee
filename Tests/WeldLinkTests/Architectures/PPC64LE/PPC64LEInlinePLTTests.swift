import Testing
import WeldELF
import WeldLink

@Suite("ELFv2 3.6.1: inline calls through the PLT, and other markers")
struct PPC64LEInlinePLTTests {
  /// What GCC makes of a call with -fno-plt.
  static let sequence = """
    .text
    std 2, 24(1)
    .reloc .-4, R_PPC64_PLTSEQ, function
    addis 12, 2, function@plt@ha
    ld 12, function@plt@l(12)
    mtctr 12
    .reloc .-4, R_PPC64_PLTSEQ, function
    .reloc ., R_PPC64_PLTCALL, function
    bctrl
    ld 2, 24(1)
    """
  static let definition = """

    .globl function
    .type function, @function
    function:
    .localentry function, 8
    nop
    nop
    blr
    """

  @Test(arguments: [true, false])
  func `the word that is loaded holds the global entry's address`(isDefined: Bool) throws {
    let image = try CrossImage(
      .ppc64le, Self.sequence + (isDefined ? Self.definition : ""), at: [":.got": 0x1003_0000],
      knowing: ["function": 0x7fff_1234_5678, ".TOC.": 0x1004_9000])
    // 0x10030000 - 0x10049000 = -0x19000
    #expect(
      try image.text().prefix(6) == [
        "std 2, 24(1)", "addis 12, 2, -2", "ld 12, 28672(12)", "mtctr 12", "bctrl", "ld 2, 24(1)",
      ])
    let function = isDefined ? try image.address("function") : 0x7fff_1234_5678
    #expect(try image.words(".got", of: "", byteCount: 8) == [function])
  }

  @Test(arguments: ["PLT_PCREL34", "PLT_PCREL34_NOTOC"])
  func `so does it in code without a TOC`(type: String) throws {
    let source = """
      .text
      .reloc ., R_PPC64_\(type), function
      pld 12, 0(0), 1
      mtctr 12
      .reloc .-4, R_PPC64_PLTSEQ_NOTOC, function
      .reloc ., R_PPC64_PLTCALL_NOTOC, function
      bctrl
      """
    let image = try CrossImage(
      .ppc64le, source + Self.definition, at: [":.got": 0x1003_0000], knowing: ["function": 0])
    let distance = 0x1003_0000 - (try image.section(".text").address.rawValue)
    #expect(try image.text().prefix(3) == ["pld 12, \(distance)(0), 1", "mtctr 12", "bctrl"])
    #expect(try image.words(".got", of: "", byteCount: 8) == [image.address("function")])
  }

  @Test func `a call of it in the usual way shares the slot`() throws {
    let image = try CrossImage(
      .ppc64le, Self.sequence + "\nbl function\nnop\nblr", knowing: ["function": 0x7fff_1234_5678])
    #expect(try image.words(".got", of: "", byteCount: 8) == [0x7fff_1234_5678])
  }

  @Test func `the prologue of large code may stay as it is`() throws {
    let image = try CrossImage(
      .ppc64le,
      """
      .text
      .quad .TOC. - function
      .globl function
      function:
      .reloc ., R_PPC64_ENTRY
      ld 2, -8(12)
      add 2, 2, 12
      .localentry function, 8
      .reloc ., R_PPC64_TOCSAVE, function
      nop
      ld 3, value@got(2)
      blr
      .data
      value: .quad 0
      """)
    #expect(try image.words(byteCount: 8)[0] == image.gotBase &- image.address("function"))
    let code = try CrossMachine.ppc64le.text(of: Array(image.bytes().dropFirst(8)))
    #expect(code == ["ld 2, -8(12)", "add 2, 2, 12", "nop", "ld 3, -32768(2)", "blr"])
  }
}
