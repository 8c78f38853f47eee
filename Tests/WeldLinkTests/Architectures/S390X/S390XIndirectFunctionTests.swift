import Testing
import WeldELF
import WeldLink

@Suite("s390x: indirect functions (STT_GNU_IFUNC)")
struct S390XIndirectFunctionTests {
  static let stub: UInt64 = 0x1001_0000
  static let got: UInt64 = 0x1002_0000

  private func link(_ binding: String, relaxes: Bool = true) throws -> CrossImage {
    try CrossImage(
      .s390x,
      """
      .text
      brasl %r14, chosen@PLT
      brasl %r14, chosen
      larl %r1, chosen
      lgrl %r2, chosen@GOTENT
      .section .text.resolver, "ax", @progbits
      nopr
      \(binding)
      .type chosen, @gnu_indirect_function
      chosen: br %r14
      .data
      .quad chosen, chosen + 1
      """, at: [":.plt": Self.stub, ":.got": Self.got, "a.o:.text.resolver": 0x1003_0000],
      relaxes: relaxes)
  }

  @Test(arguments: [".globl chosen", ".weak chosen", ".globl chosen\n.hidden chosen", ".local chosen"])
  func `its address is its stub's for everybody`(binding: String) throws {
    let image = try link(binding)
    // Addresses count from the text's, 0x10000000.
    #expect(
      try image.text() == [
        "brasl %r14, 0x10000", "brasl %r14, 0x10000", "larl %r1, 0x10000", "larl %r2, 0x10000",
      ])
    #expect(try image.words(".data", byteCount: 8) == [Self.stub, Self.stub + 1])
    // Its stub reads the first slot, which has the resolver until it is called.
    #expect(
      try image.text(".plt", of: "") == ["larl %r1, 0x10000", "lg %r1, 0(%r1)", "br %r1", "nopr %r7"])
    #expect(try image.words(".got", of: "", byteCount: 8)[0] == 0x1003_0002)
  }

  @Test func `without rewriting, its slot holds the stub's address`() throws {
    let image = try link(".globl chosen", relaxes: false)
    #expect(try image.text()[3] == "lgrl %r2, 0x20008")
    #expect(try image.words(".got", of: "", byteCount: 8) == [0x1003_0002, Self.stub])
  }
}
