import Testing
import WeldELF
import WeldLink

@Suite("ELFv2 3.6.3.2: words of the TOC that are bypassed")
struct PPC64LETOCIndirectTests {
  private static func source(_ uses: String, word: String = "value + 8") -> String {
    """
    .text
    .globl start
    start:
    \(uses)
    .section .toc, "aw", @progbits
    .quad 7
    .LC0: .quad \(word)
    .data
    .space 0x18000
    .globl value
    value: .quad 0, 0
    """
  }
  static let pair = "addis 3, 2, .LC0@toc@ha\nld 4, .LC0@toc@l(3)"

  private func link(
    _ uses: String, word: String = "value + 8", externals: [String: UInt64] = [:], relaxes: Bool = true
  ) throws -> CrossImage {
    try CrossImage(.ppc64le, Self.source(uses, word: word), knowing: externals, relaxes: relaxes)
  }

  /// The pair as it reads the word.
  private func load(_ image: CrossImage) throws -> [String] {
    let halves = Halves(try image.section(".toc").address.rawValue &+ 8 &- image.gotBase)
    return ["addis 3, 2, \(halves.ha)", "ld 4, \(halves.lo)(3)"]
  }

  @Test func `a pair that loads an address computes it instead`() throws {
    let image = try link(Self.pair)
    let halves = Halves(try image.address("value") &+ 8 &- image.gotBase)
    #expect(try image.text() == ["addis 3, 2, \(halves.ha)", "addi 4, 3, \(halves.lo)"])
    // The word is there, whoever may read it.
    #expect(try image.words(".toc", byteCount: 8) == [7, image.address("value") + 8])
  }

  @Test func `not if it must not be rewritten`() throws {
    let image = try link(Self.pair, relaxes: false)
    #expect(try image.text() == load(image))
  }

  @Test(arguments: [
    ("lwz 5, .LC0@toc@l(3)", "lwz 5, LO(3)"), ("addi 5, 3, .LC0@toc@l", "addi 5, 3, LO"),
    ("ldu 5, .LC0@toc@l(3)", "ldu 5, LO(3)"), ("lwa 5, .LC0@toc@l(3)", "lwa 5, LO(3)"),
    ("std 5, .LC0@toc@l(3)", "std 5, LO(3)"),
    // GNU ld and lld make an addition of this, without the upper half that would belong to it.
    ("ld 5, .LC0@toc@l(2)", "ld 5, LO(2)"), ("ld 5, .LC0@toc(2)", "ld 5, LO(2)"),
    ("addi 5, 2, .LC0@toc", "addi 5, 2, LO"),
  ])
  func `not if something else uses the word: it may be written, or its address kept`(
    use: String, text: String
  ) throws {
    let image = try link(Self.pair + "\n" + use)
    let halves = Halves(try image.section(".toc").address.rawValue &+ 8 &- image.gotBase)
    #expect(try image.text() == load(image) + [text.replacing("LO", with: "\(halves.lo)")])
  }

  @Test func `two words are two decisions`() throws {
    let image = try link(Self.pair + "\naddis 3, 2, .LC0 - 8@toc@ha\nlwz 4, .LC0 - 8@toc@l(3)")
    let halves = Halves(try image.address("value") &+ 8 &- image.gotBase)
    #expect(
      try image.text() == [
        "addis 3, 2, \(halves.ha)", "addi 4, 3, \(halves.lo)", "addis 3, 2, 0", "lwz 4, -32760(3)",
      ])
  }

  @Test func `not if the word is a number`() throws {
    let image = try link(Self.pair, word: "0x1234")
    #expect(try image.text() == load(image))
  }

  @Test func `only if the address is in reach of r2`() throws {
    let base = try link(Self.pair).gotBase
    for (distance, isNear) in [
      (0x7fff_7fff, true), (0x7fff_8000, false), (-0x8000_8000, true), (-0x8000_8001, false),
    ] as [(Int64, Bool)] {
      let far = base &+ UInt64(bitPattern: distance)
      let image = try link(Self.pair, word: "far", externals: ["far": far])
      let halves = Halves(UInt64(bitPattern: distance))
      let rewritten = ["addis 3, 2, \(halves.ha)", "addi 4, 3, \(halves.lo)"]
      #expect(try image.text() == (isNear ? rewritten : load(image)), "\(distance)")
      #expect(try image.words(".toc", byteCount: 8)[1] == far)
    }
  }

  @Test func `the function's stub stands for an indirect function`() throws {
    let image = try link(
      Self.pair + "\n.type chosen, @gnu_indirect_function\n.globl chosen\nchosen: blr", word: "chosen")
    let stub = try image.address("chosen")
    #expect(try image.stub("chosen").address.rawValue == stub)
    let halves = Halves(stub &- (try image.gotBase))
    #expect(try image.text().prefix(2) == ["addis 3, 2, \(halves.ha)", "addi 4, 3, \(halves.lo)"])
  }

  @Test func `a variable out of reach of r2 is an error`() throws {
    let base = try link(Self.pair).gotBase
    let value = 0x7fff_8000 as Int64
    let problem = LinkError.RelocationProblem.farData(value: value, range: -0x8000_8000...0x7fff_7fff)
    #expect(throws: LinkError.relocation(problem, "R_PPC64_TOC16_HA", to: "far")) {
      try link(
        "addis 3, 2, far@toc@ha\n" + Self.pair, externals: ["far": base &+ UInt64(bitPattern: value)])
    }
  }

  @Test func `uses from other objects count, too`() throws {
    // Compilers keep `.toc` labels local; assembler code need not.
    let first = Self.source(Self.pair).replacing(".LC0:", with: ".globl word\nword:\n.LC0:")
    let second = ".text\naddi 5, 2, word@toc"
    let image = try CrossImage(
      .ppc64le, [CrossMachine.ppc64le.object("a.o", first), CrossMachine.ppc64le.object("b.o", second)])
    #expect(try image.text() == load(image))
  }
}
