import Testing
import WeldELF
import WeldLink

@Suite("ELFv2: indirect functions (STT_GNU_IFUNC)")
struct PPC64LEIndirectFunctionTests {
  private func link(_ code: String, binding: String = ".globl chosen") throws -> CrossImage {
    try CrossImage(
      .ppc64le,
      """
      .text
      .globl caller
      caller:
      \(code)
      .section .text.resolver, "ax", @progbits
      \(binding)
      .type chosen, @gnu_indirect_function
      chosen: blr
      .data
      .globl words
      words: .quad chosen, chosen + 4
      """, at: ["a.o:.text.resolver": 0x1004_0000, ":.plt": 0x1002_0000, ":.got": 0x1003_0000])
  }

  @Test(arguments: [".globl chosen", ".weak chosen", ".local chosen"])
  func `its address is that of a stub that is entered as any function`(binding: String) throws {
    let image = try link(
      "pla 3, chosen@pcrel\naddis 4, 2, chosen@toc@ha\naddi 4, 4, chosen@toc@l", binding: binding)
    // Who calls it has its address in r12: addis r12, r12, 1; ld r12, 0(r12); mtctr r12; bctr
    #expect(try image.text(".plt", of: "") == ["addis 12, 12, 1", "ld 12, 0(12)", "mtctr 12", "bctr"])
    #expect(try image.words(".data", byteCount: 8) == [0x1002_0000, 0x1002_0004])
    #expect(
      try image.text() == ["paddi 3, 0, 131072, 1", "addis 4, 2, -1", "addi 4, 4, -32768"])
    // Nothing is run in an image: the resolver stands for its result.
    #expect(try image.words(".got", of: "", byteCount: 8) == [0x1004_0000])
  }

  @Test func `a call goes to a stub that saves r2`() throws {
    let image = try link("bl chosen\nnop\nblr")
    let stub = try image.stub("chosen", "call")
    #expect(try image.branchTarget(at: image.address("caller")) == stub.address.rawValue)
    #expect(try image.words().dropFirst() == [0xe841_0018, 0x4e80_0020])
    #expect(
      try image.text(of: stub) == ["std 2, 24(1)", "addis 12, 2, 0", "ld 12, -32768(12)", "mtctr 12", "bctr"])
  }

  @Test func `a call without a TOC goes to one that does without`() throws {
    let image = try link("bl chosen@notoc\nli 3, 0")
    let stub = try image.stub("chosen", "notoc")
    #expect(try image.branchTarget(at: image.address("caller")) == stub.address.rawValue)
    let halves = Halves(0x1003_0000 - (stub.address.rawValue + 8))
    #expect(try image.text(of: stub) == NoTOCStub.text(halves, load: "ld 12, \(halves.lo)(12)"))
    #expect(try image.words()[1] == 0x3860_0000)
  }

  @Test func `what reads the GOT finds the stub`() throws {
    let image = try link("ld 3, chosen@got(2)\npld 4, chosen@got@pcrel")
    #expect(try image.text() == ["ld 3, -32760(2)", "paddi 4, 0, \(0x2_0000 - 4), 1"])
    #expect(try image.words(".got", of: "", byteCount: 8) == [0x1004_0000, 0x1002_0000])
  }

  @Test func `an inline call loads an address that can be called`() throws {
    let image = try link("addis 12, 2, chosen@plt@ha\nld 12, chosen@plt@l(12)\nmtctr 12\nbctrl")
    let slot = try #require(
      image.map.slots.first { $0.address.rawValue == 0x1003_0008 || $0.symbol == "chosen" })
    let value = try image.word(at: slot.address.rawValue)
    #expect([0x1002_0000, 0x1004_0000].contains(value))
  }

  @Test func `a call cannot do without the nop`() throws {
    let error = LinkError.relocation(.missingTOCRestore(found: 0x4e80_0020), "R_PPC64_REL24", to: "chosen")
    #expect(throws: error) { try link("bl chosen\nblr") }
  }
}
