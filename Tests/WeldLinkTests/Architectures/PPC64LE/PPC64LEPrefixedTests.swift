import Testing
import WeldELF
import WeldLink

@Suite("ELFv2 3.6.3.3: Power10 code that reads the GOT")
struct PPC64LEPrefixedTests {
  /// Loads the address of `target`, does something else, and accesses what is there, three words later.
  private static func source(_ access: String) -> String {
    """
    .text
    pld 3, target@got@pcrel
    0: .reloc 0b - 8, R_PPC64_PCREL_OPT, 12
    li 6, 1
    \(access)
    blr
    .data
    .space 0x10000
    .globl target
    target: .space 64
    """
  }

  private static func link(_ access: String, relaxes: Bool = true) throws -> CrossImage {
    try CrossImage(
      .ppc64le, source(access), at: ["a.o:.data": 0x1002_0000, ":.got": 0x1001_8000], relaxes: relaxes)
  }

  /// An access, and what it and the load become; `target` is 0x30000 bytes from the latter. GNU ld and lld 19
  /// make the same of them, but for lxvp, of which lld makes the store.
  static let joined: [(String, String)] = [
    ("lwz 4, 8(3)", "plwz 4, 196616(0), 1"), ("lbz 4, 9(3)", "plbz 4, 196617(0), 1"),
    ("stw 4, 8(3)", "pstw 4, 196616(0), 1"), ("stb 4, -9(3)", "pstb 4, 196599(0), 1"),
    ("lhz 4, 10(3)", "plhz 4, 196618(0), 1"), ("lha 4, 10(3)", "plha 4, 196618(0), 1"),
    ("sth 4, 10(3)", "psth 4, 196618(0), 1"), ("lfs 4, 12(3)", "plfs 4, 196620(0), 1"),
    ("lfd 4, 16(3)", "plfd 4, 196624(0), 1"), ("stfs 4, 12(3)", "pstfs 4, 196620(0), 1"),
    ("stfd 4, 16(3)", "pstfd 4, 196624(0), 1"), ("ld 4, 16(3)", "pld 4, 196624(0), 1"),
    ("lwa 4, 12(3)", "plwa 4, 196620(0), 1"), ("std 4, -16(3)", "pstd 4, 196592(0), 1"),
    ("lxsd 4, 16(3)", "plxsd 4, 196624(0), 1"), ("lxssp 4, 16(3)", "plxssp 4, 196624(0), 1"),
    ("stxsd 4, 16(3)", "pstxsd 4, 196624(0), 1"), ("stxssp 4, 16(3)", "pstxssp 4, 196624(0), 1"),
    ("lxv 4, 16(3)", "plxv 4, 196624(0), 1"), ("lxv 36, -16(3)", "plxv 36, 196592(0), 1"),
    ("stxv 4, 16(3)", "pstxv 4, 196624(0), 1"), ("stxv 36, 16(3)", "pstxv 36, 196624(0), 1"),
    ("lxvp 4, 32(3)", "plxvp 4, 196640(0), 1"), ("lxvp 36, 32(3)", "plxvp 36, 196640(0), 1"),
    ("stxvp 4, 32(3)", "pstxvp 4, 196640(0), 1"), ("stxvp 36, -32(3)", "pstxvp 36, 196576(0), 1"),
    ("lwz 3, 8(3)", "plwz 3, 196616(0), 1"),
  ]

  @Test(arguments: joined)
  func `the load and the only access become one instruction`(access: String, result: String) throws {
    // The data begins 0x20000 bytes behind the text, and the variable 0x10000 bytes behind that.
    #expect(try Self.link(access).text() == [result, "li 6, 1", "nop", "blr"])
  }

  @Test(arguments: [
    "lwzu 4, 8(3)", "ldu 4, 8(3)", "stdu 4, 16(3)", "lfdu 4, 16(3)", "addi 4, 3, 8", "ldx 4, 3, 5", "nop",
    "lwz 4, 8(5)",
  ])
  func `other accesses stay, and only the load becomes an addition`(access: String) throws {
    #expect(try Self.link(access).text() == ["paddi 3, 0, 196608, 1", "li 6, 1", access, "blr"])
  }

  @Test func `an address that needs no slot is joined to its access, too`() throws {
    // As GNU ld does; lld 19 leaves the two alone.
    let source = Self.source("lwz 4, 8(3)").replacing("pld 3, target@got@pcrel", with: "pla 3, target@pcrel")
    let image = try CrossImage(.ppc64le, source, at: ["a.o:.data": 0x1002_0000])
    #expect(try image.text() == ["plwz 4, 196616(0), 1", "li 6, 1", "nop", "blr"])
  }

  @Test(arguments: ["lwz 4, 8(3)", "ldu 4, 8(3)"])
  func `without rewriting both stay`(access: String) throws {
    let image = try Self.link(access, relaxes: false)
    let distance = 0x1001_8000 - (try image.section(".text").address.rawValue)
    #expect(try image.text() == ["pld 3, \(distance)(0), 1", "li 6, 1", access, "blr"])
    #expect(try image.words(".got", of: "", byteCount: 8) == [image.address("target")])
  }

  @Test(arguments: ["lwz 4, 8(3)", "lxv 4, 16(3)"])
  func `what the load cannot reach is read from the slot`(access: String) throws {
    let source = Self.source(access).replacing(".globl target\ntarget:", with: "")
    for (target, isNear) in [
      (0x1000_0000 + 0x1_ffff_ffff, true), (0x1000_0000 + 0x2_0000_0000, false),
    ] as [(UInt64, Bool)] {
      let image = try CrossImage(.ppc64le, source, knowing: ["target": target])
      let text = try image.text()
      // An access behind the last address in reach is out of it.
      #expect(text.dropFirst() == ["li 6, 1", access, "blr"])
      #expect(text[0].hasPrefix(isNear ? "paddi 3, 0, 8589934591, 1" : "pld 3, "))
      #expect(try image.words(".got", of: "", byteCount: 8) == [target])
    }
  }

  @Test func `the addend is part of the address`() throws {
    let source =
      ".text\npld 3, target + 24@got@pcrel\npld 4, target@got@pcrel\n.data\n.globl target\ntarget: .quad 0"
    let direct = try CrossImage(.ppc64le, source)
    let distance = try direct.address("target") - direct.section(".text").address.rawValue
    #expect(try direct.text() == ["paddi 3, 0, \(distance + 24), 1", "paddi 4, 0, \(distance - 8), 1"])
    let slots = try CrossImage(.ppc64le, source, relaxes: false)
    let target = try slots.address("target")
    #expect(try slots.words(".got", of: "", byteCount: 8) == [target + 24, target])
  }

  @Test(arguments: ["plwz 3, 0(0), 1", "plbz 3, 0(0), 1", "pld 3, 0(4), 0", "plxv 3, 0(0), 1"])
  func `instructions other than pld keep their slot`(instruction: String) throws {
    let image = try CrossImage(
      .ppc64le,
      ".text\n.reloc ., R_PPC64_GOT_PCREL34, target\n\(instruction)\n.data\n.globl target\ntarget: .quad 0")
    let distance = try image.slot("target") - image.section(".text").address.rawValue
    let expected = instruction.replacing(" 0(", with: " \(distance)(").replacing(
      "3, 0(", with: "3, \(distance)(")
    #expect(try image.text() == [expected])
  }
}
