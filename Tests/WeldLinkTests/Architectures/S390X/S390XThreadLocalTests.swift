import Testing
import WeldELF
import WeldLink

@Suite("s390x: thread-local variables of the program itself")
struct S390XThreadLocalTests {
  /// The variable is 16 bytes into a block of 64: 48 bytes before the thread pointer.
  private func link(_ code: String) throws -> CrossImage {
    try CrossImage(
      .s390x,
      """
      .text
      \(code)
      .section .tbss, "awT", @nobits
      .p2align 4
      .space 16
      .globl value
      value: .space 48
      """, at: [":.got": 0x1002_0000], knowing: ["__tls_get_offset": 0x7fff_0000_0000])
  }

  private static let minus48 = UInt64(bitPattern: -48)

  @Test func `local exec literals are offsets from the thread pointer`() throws {
    #expect(
      try link(".quad value@ntpoff, value@ntpoff + 8").words(byteCount: 8) == [
        Self.minus48, Self.minus48 + 8,
      ])
  }

  @Test(arguments: [("tls_gdcall:value", "value@tlsgd"), ("tls_ldcall:value", "value@tlsldm")])
  func `dynamic code does not call`(marker: String, literal: String) throws {
    let image = try link("brasl %r14, __tls_get_offset@plt:\(marker)\nnopr\n.quad \(literal), value@dtpoff")
    // brcl 0, . does nothing; the block is at the thread pointer, from where offsets count.
    let bytes = try image.bytes()
    #expect(bytes.prefix(6) == [0xc0, 0x04, 0, 0, 0, 0])
    let words = Array(bytes.dropFirst(8)).words(of: 8, .big)
    #expect(words[0] == (literal.hasSuffix("gd") ? Self.minus48 : 0))
    if literal.hasSuffix("ldm") { #expect(words[1] == Self.minus48) }
  }

  @Test func `initial exec code reads its slot`() throws {
    let image = try link(
      """
      larl %r12, _GLOBAL_OFFSET_TABLE_
      lg %r1, value@gotntpoff(%r12)
      lgrl %r2, value@indntpoff
      nopr
      nopr
      nopr
      .quad value@gotntpoff, value@indntpoff
      """)
    #expect(try image.words(".got", of: "", byteCount: 8) == [Self.minus48])
    let code = try CrossMachine.s390x.text(of: Array(image.bytes().prefix(18)))
    #expect(code == ["larl %r12, 0x20000", "lg %r1, 0(%r12)", "lgrl %r2, 0x20000"])
    #expect(Array(try image.bytes().dropFirst(24)).words(of: 8, .big) == [0, 0x1002_0000])
  }

  @Test func `a variable that the program does not have is an error`() throws {
    let error = LinkError.relocation(.threadLocalOutside, "R_390_TLS_LE64", to: "elsewhere")
    #expect(throws: error) { try link(".quad elsewhere@ntpoff") }
  }
}
