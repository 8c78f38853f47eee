import Testing
import WeldELF
import WeldLink

@Suite("ELFv2 3.7.4: thread-local variables of the program itself")
struct PPC64LEThreadLocalTests {
  /// The variable is 0x9010 bytes into the block, so 0x2010 behind the thread pointer, and another one
  /// 0x12345 * 8.
  private func text(_ code: String, _ options: String = "-mpower10") throws -> [String] {
    let object = try CrossMachine.ppc64le.object(
      "a.o",
      """
      .text
      \(code)
      .section .tbss, "awT", @nobits
      .p2align 4
      .space 0x9010
      .globl near, far
      near: .space 8
      .space 0x91a28 - 0x9018
      far: .space 8
      """, options: ["-a64", options])
    return try CrossImage(.ppc64le, [object], knowing: ["__tls_get_addr": 0x7fff_0000_0000]).text()
  }

  // near - TP = 0x9010 - 0x7000 = 8208; far - TP = 0x91a28 - 0x7000 = 8 * 0x10000 + 0xaa28, which is 9 *
  // 0x10000 - 21976.

  @Test func `local exec`() throws {
    #expect(
      try text(
        "addis 3, 13, far@tprel@ha\naddi 3, 3, far@tprel@l\nlwa 4, near@tprel(13)\npaddi 5, 13, far@tprel")
        == [
          "addis 3, 13, 9", "addi 3, 3, -21976", "lwa 4, 8208(13)", "paddi 5, 13, 567848, 0",
        ])
  }

  @Test(arguments: [("near", 0, 8208), ("far", 9, -21976)])
  func `general dynamic code does not call`(symbol: String, ha: Int, lo: Int) throws {
    let tail = ["addis 3, 13, \(ha)", "nop", "addi 3, 3, \(lo)"]
    let call = "bl __tls_get_addr(\(symbol)@tlsgd)\nnop"
    #expect(
      try text("addis 3, 2, \(symbol)@got@tlsgd@ha\naddi 3, 3, \(symbol)@got@tlsgd@l\n\(call)") == ["nop"]
        + tail)
    // Small code has one instruction less.
    #expect(try text("addi 3, 2, \(symbol)@got@tlsgd\n\(call)") == tail)
    let offset = ha * 0x1_0000 + lo
    #expect(
      try text("pla 3, \(symbol)@got@tlsgd@pcrel\nbl __tls_get_addr@notoc(\(symbol)@tlsgd)")
        == ["paddi 3, 13, \(offset), 0", "nop"])
  }

  @Test func `local dynamic code counts from the block`() throws {
    let call = "bl __tls_get_addr(near@tlsld)\nnop"
    // The block is 0x1000 bytes before what r13 is biased to: 0x8000 - 0x7000.
    let tail = ["addis 3, 13, 0", "nop", "addi 3, 3, 4096"]
    // Offsets in the block, less 0x8000: near 0x1010, far 0x89a28.
    let use = "\naddis 4, 3, far@dtprel@ha\nlwz 4, far@dtprel@l(4)\nlwa 5, near@dtprel(3)"
    let used = ["addis 4, 3, 9", "lwz 4, -26072(4)", "lwa 5, 4112(3)"]
    #expect(
      try text("addis 3, 2, near@got@tlsld@ha\naddi 3, 3, near@got@tlsld@l\n" + call + use) == ["nop"] + tail
        + used)
    #expect(try text("addi 3, 2, near@got@tlsld\n" + call + use) == tail + used)
    #expect(
      try text("pla 3, near@got@tlsld@pcrel\nbl __tls_get_addr@notoc(near@tlsld)\npaddi 4, 3, far@dtprel")
        == ["paddi 3, 13, 4096, 0", "nop", "paddi 4, 3, 563752, 0"])
  }

  @Test func `initial exec code adds to the thread pointer`() throws {
    #expect(
      try text("addis 9, 2, far@got@tprel@ha\nld 9, far@got@tprel@l(9)\nadd 3, 9, far@tls")
        == ["nop", "addis 9, 13, 9", "addi 3, 9, -21976"])
    #expect(
      try text("ld 9, far@got@tprel(2)\nadd 3, 9, far@tls") == ["addis 9, 13, 9", "addi 3, 9, -21976"])
    #expect(
      try text("pld 9, far@got@tprel@pcrel\nadd 3, 9, far@tls@pcrel\nadd 9, 9, far@tls@pcrel")
        == ["paddi 9, 13, 567848, 0", "mr 3, 9", "nop"])
  }

  /// Accesses with an index, and what they become. GNU ld 2.40 makes ld of lwax.
  static let accesses = [
    ("lbzx", "lbz"), ("lhzx", "lhz"), ("lhax", "lha"), ("lwzx", "lwz"), ("lwax", "lwa"), ("ldx", "ld"),
    ("lfsx", "lfs"), ("lfdx", "lfd"), ("stbx", "stb"), ("sthx", "sth"), ("stwx", "stw"), ("stdx", "std"),
    ("stfsx", "stfs"), ("stfdx", "stfd"),
  ]

  @Test(arguments: accesses)
  func `so do accesses with an index`(indexed: String, displaced: String) throws {
    #expect(
      try text("ld 9, far@got@tprel(2)\n\(indexed) 3, 9, far@tls")
        == ["addis 9, 13, 9", "\(displaced) 3, -21976(9)"])
    #expect(
      try text("pld 9, far@got@tprel@pcrel\n\(indexed) 3, 9, far@tls@pcrel")
        == ["paddi 9, 13, 567848, 0", "\(displaced) 3, 0(9)"])
  }

  @Test(
    arguments: [
      ("addi 3, 2, near@got@tlsgd\nbl __tls_get_addr(near@tlsgd)\nblr", "R_PPC64_TLSGD", 4),
      ("ld 9, near@got@tprel(2)\nadd 3, 9, 10\n.reloc .-4, R_PPC64_TLS, near", "R_PPC64_TLS", 4),
      ("ld 9, near@got@tprel(2)\nlhbrx 3, 9, 13\n.reloc .-4, R_PPC64_TLS, near", "R_PPC64_TLS", 4),
    ] as [(String, String, UInt64)])
  func `what is none of these sequences is an error`(code: String, type: String, offset: UInt64) throws {
    let error = LinkError.relocation(.unknownThreadLocalSequence, type, at: offset, to: "near")
    #expect(throws: error) { try text(code) }
  }

  @Test func `a variable that the program does not have is an error`() throws {
    let error = LinkError.relocation(.threadLocalOutside, "R_PPC64_TPREL16_DS", to: "elsewhere")
    #expect(throws: error) { try text("lwa 3, elsewhere@tprel(13)") }
  }
}
