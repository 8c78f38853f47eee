import Testing
import WeldELF
import WeldLink

@Suite("ELFv2 3.3: the TOC")
struct PPC64LETOCTests {
  static let code = """
    .text
    .globl function
    function:
    addis 2, 12, .TOC.-function@ha
    addi 2, 2, .TOC.-function@l
    ld 3, value@got(2)
    blr
    .data
    .globl words
    words: .quad .TOC.@tocbase, .TOC. - .
    .globl value
    value: .quad 0
    """

  @Test func `it begins with the GOT, and its base lies 0x8000 bytes behind that`() throws {
    let image = try CrossImage(.ppc64le, Self.code, at: [":.got": 0x1003_0000])
    #expect(image.map.gotBase?.rawValue == 0x1003_8000)
    #expect(image.map.tocBase?.rawValue == 0x1003_8000)
    let words = try image.words(".data", byteCount: 8)
    let data = try image.section(".data").address.rawValue
    #expect(words[0] == 0x1003_8000)
    #expect(words[1] == 0x1003_8000 &- (data + 8))
    let halves = Halves(0x1003_8000 - (try image.address("function")))
    #expect(
      try image.text() == [
        "addis 2, 12, \(halves.ha)", "addi 2, 2, \(halves.lo)", "ld 3, -32768(2)", "blr",
      ])
    #expect(try image.words(".got", of: "", byteCount: 8) == [data + 16])
  }

  @Test func `the base can be chosen`() throws {
    let image = try CrossImage(
      .ppc64le, Self.code, at: [":.got": 0x1003_0000], knowing: [".TOC.": 0x1003_0010])
    #expect(try image.words(".data", byteCount: 8)[0] == 0x1003_0010)
    #expect(try image.text()[2] == "ld 3, -16(2)")
  }

  @Test func `sections of all objects called toc follow the GOT`() throws {
    let objects = try ["a.o", "b.o"].map { name in
      try CrossMachine.ppc64le.object(
        name,
        """
        .text
        ld 3, 0f@toc(2)
        lwz 4, 0f@toc(2)
        ld 5, value@got(2)
        .section .toc, "aw", @progbits
        0: .quad value
        .data
        .weak value
        value: .quad 0
        """)
    }
    let image = try CrossImage(.ppc64le, objects)
    let got = try image.section(".got", of: "").address.rawValue
    for (number, name) in ["a.o", "b.o"].enumerated() {
      #expect(try image.section(".toc", of: name).address.rawValue == got + 8 + UInt64(number) * 8)
      let displacement = -0x8000 + 8 + number * 8
      #expect(
        try image.text(of: name) == [
          "ld 3, \(displacement)(2)", "lwz 4, \(displacement)(2)", "ld 5, -32768(2)",
        ])
    }
  }

  @Test func `it may reach as far as small code does, and no farther`() throws {
    func link(_ count: Int) throws -> CrossImage {
      // Before `.toc` there is the GOT, of one word at least.
      try CrossImage(
        .ppc64le,
        ".text\nld 3, last@toc(2)\n.section .toc, \"aw\", @progbits\n.space \(8 * (count - 1))\nlast: .quad 5"
      )
    }
    #expect(try link(8191).text() == ["ld 3, 32760(2)"])
    let problem = LinkError.RelocationProblem.tocTooLarge(value: 0x8000, range: -0x8000...0x7ffc)
    #expect(throws: LinkError.relocation(problem, "R_PPC64_TOC16_DS", to: ".toc", 65528)) { try link(8192) }
  }

  @Test func `the same for the slots of the GOT`() throws {
    func source(_ count: Int) -> String {
      ".text\n" + (0..<count).map { "ld 3, value + \($0 * 8)@got(2)" }.joined(separator: "\n")
        + "\n.data\n.globl value\nvalue: .quad 0"
    }
    let image = try CrossImage(.ppc64le, source(8192), relaxes: false)
    // ld r3, 32760(r2)
    #expect(try image.words().last == 0xe862_7ff8)
    let problem = LinkError.RelocationProblem.tocTooLarge(value: 0x8000, range: -0x8000...0x7ffc)
    let error = LinkError.relocation(problem, "R_PPC64_GOT16_DS", at: 8192 * 4, to: "value", 65536)
    #expect(throws: error) { try CrossImage(.ppc64le, source(8193), relaxes: false) }
  }

  @Test func `a slot holds its symbol's address plus the addend`() throws {
    let image = try CrossImage(
      .ppc64le,
      """
      .text
      ld 3, value@got(2)
      ld 4, value + 16@got(2)
      addis 5, 2, value + 16@got@ha
      ld 5, value + 16@got@l(5)
      addis 6, 2, value - 8@got@ha
      ld 6, value - 8@got@l(6)
      .data
      .globl value
      value: .quad 0
      """, relaxes: false)
    let value = try image.address("value")
    #expect(try image.words(".got", of: "", byteCount: 8) == [value, value + 16, value - 8])
    #expect(
      try image.text() == [
        "ld 3, -32768(2)", "ld 4, -32760(2)", "addis 5, 2, 0", "ld 5, -32760(5)", "addis 6, 2, 0",
        "ld 6, -32752(6)",
      ])
  }

  @Test func `code of the medium model reaches data outside of the TOC`() throws {
    // LLVM's RuntimeDyld gives up where TOC16 does not refer to the TOC.
    let image = try CrossImage(
      .ppc64le,
      """
      .text
      addis 3, 2, value@toc@ha
      addi 3, 3, value@toc@l
      lwa 4, value@toc@l(3)
      lxv 5, value@toc@l(3)
      .data
      .space 0x18000
      .p2align 4
      .globl value
      value: .space 16
      """)
    let halves = Halves(try image.address("value") &- image.gotBase)
    #expect(
      try image.text() == [
        "addis 3, 2, \(halves.ha)", "addi 3, 3, \(halves.lo)", "lwa 4, \(halves.lo)(3)",
        "lxv 5, \(halves.lo)(3)",
      ])
  }
}
