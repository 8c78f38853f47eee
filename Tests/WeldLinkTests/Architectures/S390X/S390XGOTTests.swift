import Testing
import WeldELF
import WeldLink

@Suite("s390x: the GOT, and instructions that do without it")
struct S390XGOTTests {
  static let got: UInt64 = 0x1002_0000

  private func link(
    _ code: String, relaxes: Bool = true, externals: [String: UInt64] = [:]
  ) throws -> CrossImage {
    let definition = externals.isEmpty ? "\n.globl value, odd\nvalue: .quad 0\n.byte 0\nodd: .byte 0" : ""
    return try CrossImage(
      .s390x, ".text\n" + code + "\n.data\n.space 16" + definition,
      at: [":.got": Self.got, "a.o:.data": 0x1001_0000], knowing: externals, relaxes: relaxes)
  }

  /// Where things are, as the disassembler shows addresses: from the start of the text, 0x10000000, on.
  static let slot = "0x20000"
  static let value = "0x10010"

  @Test(arguments: 0..<16)
  func `a load of a slot becomes the address`(register: Int) throws {
    for operand in ["GOTENT", "GOTPLT"] {
      // There is no operator for GOTPLTENT.
      let code =
        operand == "GOTENT"
        ? "lgrl %r\(register), value@GOTENT"
        : ".reloc . + 2, R_390_GOTPLTENT, value + 2\nlgrl %r\(register), 0"
      #expect(try link(code).text() == ["larl %r\(register), \(Self.value)"])
      #expect(try link(code, relaxes: false).text() == ["lgrl %r\(register), \(Self.slot)"])
    }
  }

  @Test func `the bytes of the two`() throws {
    // (0x10010010 - 0x10000000) / 2 and (0x10020000 - 0x10000000) / 2
    #expect(try link("lgrl %r7, value@GOTENT").bytes().prefix(6) == [0xc0, 0x70, 0x00, 0x00, 0x80, 0x08])
    #expect(
      try link("lgrl %r7, value@GOTENT", relaxes: false).bytes().prefix(6) == [
        0xc4, 0x78, 0x00, 0x01, 0x00, 0x00,
      ])
  }

  @Test func `the address of a slot stays one`() throws {
    #expect(try link("larl %r1, value@GOTENT").text() == ["larl %r1, \(Self.slot)"])
  }

  @Test(arguments: ["lrl", "lgfrl", "llgfrl", "clgrl", "strl", "stgrl", "exrl"])
  func `other instructions stay`(instruction: String) throws {
    #expect(try link("\(instruction) %r1, value@GOTENT").text() == ["\(instruction) %r1, \(Self.slot)"])
  }

  @Test func `larl cannot make odd addresses`() throws {
    let image = try link("lgrl %r1, odd@GOTENT")
    #expect(try image.text() == ["lgrl %r1, \(Self.slot)"])
    #expect(try image.words(".got", of: "", byteCount: 8) == [image.address("odd")])
  }

  @Test func `neither is another slot's value its own`() throws {
    // Here an addend is added to the slot's address.
    let image = try link("lgrl %r1, value@GOTENT + 8")
    #expect(try image.text() == ["lgrl %r1, 0x20008"])
    #expect(try image.words(".got", of: "", byteCount: 8) == [image.address("value")])
  }

  @Test func `only what is in reach is addressed`() throws {
    for (distance, isNear) in [
      (0xffff_fffe, true), (0x1_0000_0000, false), (-0x1000_0000, true), (0x7fff_1234_5678, false),
    ] as [(Int64, Bool)] {
      let target = 0x1000_0000 &+ UInt64(bitPattern: distance)
      let image = try link("lgrl %r1, far@GOTENT", externals: ["far": target])
      let address = "0x" + String(UInt64(bitPattern: distance), radix: 16)
      #expect(try image.text() == [isNear ? "larl %r1, \(address)" : "lgrl %r1, \(Self.slot)"])
      #expect(try image.words(".got", of: "", byteCount: 8) == [target])
    }
  }

  @Test func `a field at the start of its section has no instruction before it`() throws {
    let image = try link(".reloc ., R_390_GOTENT, value + 2\n.long 0\n.long 0")
    #expect(try image.bytes().prefix(4) == [0x00, 0x01, 0x00, 0x01])
  }

  @Test func `code with a small GOT addresses it from its base`() throws {
    let image = try link(
      """
      larl %r12, _GLOBAL_OFFSET_TABLE_
      l %r1, value@GOT(%r12)
      lg %r2, odd@GOT(%r12)
      lghi %r3, odd@GOT
      .reloc . + 2, R_390_GOTPLT20, value
      lg %r4, 0(%r12)
      """)
    #expect(
      try image.text() == [
        "larl %r12, \(Self.slot)", "l %r1, 0(%r12)", "lg %r2, 8(%r12)", "lghi %r3, 8", "lg %r4, 0(%r12)",
      ])
    #expect(image.map.gotBase?.rawValue == Self.got)
    #expect(try image.words(".got", of: "", byteCount: 8) == [image.address("value"), image.address("odd")])
  }

  @Test func `a literal pool has offsets and addresses`() throws {
    let image = try link(
      """
      larl %r12, _GLOBAL_OFFSET_TABLE_
      .balign 8
      .quad value@GOT, value@GOTOFF, value@PLTOFF, value, value - .
      .long odd@GOT, odd@GOTOFF, value - .
      """)
    let start = try image.section(".text").address.rawValue
    let (value, odd) = (try image.address("value"), try image.address("odd"))
    let bytes = try image.bytes()
    let words = Array(bytes[8..<48]).words(of: 8, .big)
    #expect(words == [0, value &- Self.got, value &- Self.got, value, value &- (start + 40)])
    let short = Array(bytes[48..<60]).words(of: 4, .big)
    #expect(short == [8, (odd &- Self.got) & 0xffff_ffff, value &- (start + 56)])
  }

  @Test func `a GOT that 12 bits do not reach is an error`() throws {
    func link(_ count: Int) throws -> CrossImage {
      let code = (0..<count).map { "l %r1, v\($0)@GOT(%r12)" }.joined(separator: "\n")
      let data = (0..<count).map { ".globl v\($0)\nv\($0): .quad 0" }.joined(separator: "\n")
      return try CrossImage(.s390x, ".text\n\(code)\n.data\n\(data)")
    }
    // 512 slots of 8 bytes.
    #expect(try link(512).text().last == "l %r1, 4088(%r12)")
    let problem = FieldError.overflow(value: 4096, range: 0...0xfff)
    let error = LinkError.relocation(.field(problem), "R_390_GOT12", at: 512 * 4 + 2, to: "v512")
    #expect(throws: error) { try link(513) }
  }

  @Test func `data is big-endian, and fields of three bytes leave the fourth alone`() throws {
    let image = try link(
      ".byte 0xc5, 0xf0, 0xaa\n.reloc ., R_390_PC24DBL, value + 3\n.byte 0, 0, 0\n.byte 0xbb, 0xcc")
    // (0x10010010 - 0x10000000) / 2 = 0x008008
    #expect(try image.bytes().prefix(8) == [0xc5, 0xf0, 0xaa, 0x00, 0x80, 0x08, 0xbb, 0xcc])
  }
}
