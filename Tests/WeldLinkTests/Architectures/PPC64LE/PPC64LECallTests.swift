import Testing
import WeldELF
import WeldLink

@Suite("ELFv2 3.6.1: calls that leave the module")
struct PPC64LECallTests {
  static let far: UInt64 = 0x7fff_1234_5678
  static let nop: UInt64 = 0x6000_0000
  static let restore: UInt64 = 0xe841_0018

  private func link(_ code: String, options: [String]? = nil) throws -> CrossImage {
    let object = try CrossMachine.ppc64le.object("a.o", ".globl caller\ncaller:\n" + code, options: options)
    return try CrossImage(
      .ppc64le, [object], at: [":.plt": 0x1002_0000, ":.got": 0x1003_0000], knowing: ["far": Self.far])
  }

  @Test func `a call goes to a stub, and the nop behind it restores r2`() throws {
    let image = try link("bl far\nnop\nblr")
    #expect(try image.branchTarget(at: image.address("caller")) == 0x1002_0000)
    #expect(try image.words().dropFirst() == [Self.restore, 0x4e80_0020])
    // std r2, 24(r1); addis r12, r2, 0; ld r12, -32768(r12); mtctr r12; bctr
    let stub: [UInt64] = [0xf841_0018, 0x3d82_0000, 0xe98c_8000, 0x7d89_03a6, 0x4e80_0420]
    #expect(try image.words(".plt", of: "") == stub)
    #expect(
      try image.text(".plt", of: "") == [
        "std 2, 24(1)", "addis 12, 2, 0", "ld 12, -32768(12)", "mtctr 12", "bctr",
      ])
    #expect(try image.words(".got", of: "", byteCount: 8) == [Self.far])
  }

  @Test func `what restores r2 already stays`() throws {
    #expect(try link("bl far\nld 2, 24(1)\nblr").words()[1] == Self.restore)
  }

  @Test func `conditional calls go to stubs, too`() throws {
    let image = try CrossImage(.ppc64le, ".text\nbdnzl far\nnop\nblr", knowing: ["far": Self.far])
    let distance = try image.stub("far").address.rawValue - image.section(".text").address.rawValue
    #expect(try image.words() == [0x4200_0001 | distance, Self.restore, 0x4e80_0020])
  }

  @Test func `a stub out of their reach is an error`() throws {
    let problem = FieldError.overflow(value: 0x2_0000, range: -0x8000...0x7ffc)
    #expect(throws: LinkError.relocation(.field(problem), "R_PPC64_REL14", to: "far")) {
      try link("bdnzl far\nnop")
    }
  }

  @Test(
    arguments: [
      ("blr", 0x4e80_0020), ("ori 1, 1, 0", 0x6021_0000), ("ld 2, 40(1)", 0xe841_0028),
      ("li 3, 0", 0x3860_0000),
      ("cror 31, 31, 31", 0x4fff_fb82),
    ] as [(String, UInt32)])
  func `an instruction that is no nop is an error, and is not overwritten`(
    next: String, found: UInt32
  ) throws {
    let object = try CrossMachine.ppc64le.object("a.o", ".text\nbl far\n\(next)\nblr")
    let image = try LinkedImage([object], knowing: ["far": Self.far])
    let error = LinkError.relocation(.missingTOCRestore(found: found), "R_PPC64_REL24", to: "far")
    #expect(throws: error) { try image.resolve() }
    #expect(try image.contents(".text").integer(at: 4, byteCount: 4) == UInt64(found))
  }

  @Test func `neither can r2 be restored after the last instruction`() throws {
    let error = LinkError.relocation(.missingTOCRestore(found: nil), "R_PPC64_REL24", to: "far")
    #expect(throws: error) { try link("bl far") }
  }

  @Test(arguments: [("b far", "R_PPC64_REL24"), ("beq far", "R_PPC64_REL14")])
  func `nor after a branch that does not return`(code: String, type: String) throws {
    for next in ["nop", "ld 2, 24(1)"] {
      let error = LinkError.relocation(.missingTOCRestore(found: nil), type, to: "far")
      #expect(throws: error) { try link("\(code)\n\(next)") }
    }
  }

  @Test func `a near function from outside has its stub, too: it has a TOC of its own`() throws {
    let object = try CrossMachine.ppc64le.object("a.o", ".text\nbl near\nnop")
    let image = try CrossImage(.ppc64le, [object], knowing: ["near": 0x1000_1000])
    #expect(try image.stub("near").kind == "call")
    #expect(try image.words()[1] == Self.restore)
  }

  @Test func `all calls of a function share a stub`() throws {
    let image = try link("bl far\nnop\nbl far\nnop\nbl other\nnop\nbl far\nnop\n.globl other\nother: blr")
    let start = try image.address("caller")
    let stub = try image.stub("far").address.rawValue
    for offset in [0, 8, 24] as [UInt64] { #expect(try image.branchTarget(at: start + offset) == stub) }
    #expect(try image.branchTarget(at: start + 16) == image.address("other"))
    #expect(try image.words()[5] == Self.nop)
    #expect(try image.bytes(".plt", of: "").count == 20)
  }

  @Test(arguments: ["-mpower10", "-mpower9"])
  func `a caller without a TOC has a stub without, and nothing is restored`(processor: String) throws {
    let image = try link("bl far@notoc\nli 3, 0\nb far@notoc", options: ["-a64", processor])
    let stub = try image.stub("far", "notoc")
    #expect(try image.branchTarget(at: image.address("caller")) == stub.address.rawValue)
    #expect(try image.branchTarget(at: image.address("caller") + 8) == stub.address.rawValue)
    #expect(try image.words()[1] == 0x3860_0000)
    // The distance counts from the third instruction: 0x10030000 - 0x10020008.
    let words: [UInt64] = [
      0x7d88_02a6, 0x429f_0005, 0x7d68_02a6, 0x7d88_03a6, 0x3d8b_0001, 0xe98c_fff8, 0x7d89_03a6, 0x4e80_0420,
    ]
    #expect(try image.words(".plt", of: "") == words)
    #expect(try image.text(of: stub) == NoTOCStub.text(Halves(0xfff8), load: "ld 12, -8(12)"))
  }

  @Test func `a function that is called in several ways has a stub for each`() throws {
    // LLVM's JITLink has one kind for each callee of an object.
    let old = try CrossMachine.ppc64le.object(
      "old.o", ".text\n.globl old\nold: bl far@notoc\nbl far\nnop", options: ["-a64", "-mpower9"])
    let new = try CrossMachine.ppc64le.object("new.o", ".text\n.globl new\nnew: bl far\nnop\nbl far@notoc")
    let image = try CrossImage(.ppc64le, [old, new], knowing: ["far": Self.far])
    let (call, notoc) = (try image.stub("far", "call"), try image.stub("far", "notoc"))
    #expect(try image.branchTarget(at: image.address("old")) == notoc.address.rawValue)
    #expect(try image.branchTarget(at: image.address("old") + 4) == call.address.rawValue)
    #expect(try image.branchTarget(at: image.address("new")) == call.address.rawValue)
    #expect(try image.branchTarget(at: image.address("new") + 8) == notoc.address.rawValue)
    // They read one slot.
    #expect(try image.words(".got", of: "", byteCount: 8) == [Self.far])
  }

  @Test func `calls into the middle of a function have stubs of their own`() throws {
    let image = try link("bl far\nnop\nbl far + 8\nnop")
    #expect(try image.words(".got", of: "", byteCount: 8) == [Self.far, Self.far + 8])
    let start = try image.address("caller")
    #expect(try image.branchTarget(at: start) != image.branchTarget(at: start + 8))
  }

  @Test(arguments: ["", ".hidden nobody\n"])
  func `an undefined weak function is called at 0`(visibility: String) throws {
    let image = try CrossImage(
      .ppc64le, ".text\n.weak nobody\n\(visibility)bl nobody\nnop\nbl nobody@notoc\nli 3, 0")
    #expect(try image.words(".got", of: "", byteCount: 8) == [0])
    #expect(try image.words()[1] == Self.restore)
    #expect(try image.words()[3] == 0x3860_0000)
  }
}
