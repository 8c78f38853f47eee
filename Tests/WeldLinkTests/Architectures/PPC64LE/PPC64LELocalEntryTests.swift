import Testing
import WeldELF
import WeldLink

@Suite("ELFv2 3.4.1: global and local entry points")
struct PPC64LELocalEntryTests {
  /// Bytes to the local entry, and what calls do.
  static let entries: [UInt64] = [0, 4, 8, 16, 32, 64]

  private static func source(_ code: String, entry: UInt64) -> String {
    """
    .text
    .globl caller
    caller:
    \(code)
    nop
    .globl callee
    .type callee, @function
    callee:
    .localentry callee, \(entry)
    .space 64, 0
    blr
    .data
    .globl words
    words: .quad callee, callee@localentry, callee + 4
    """
  }

  @Test(arguments: ["bl callee", "b callee", "beq callee", "bdnzl callee"], entries)
  func `a caller with the same TOC enters at the local entry`(code: String, entry: UInt64) throws {
    let image = try CrossImage(.ppc64le, Self.source(code, entry: entry))
    let callee = try image.address("callee") + entry
    let words = try image.words()
    let mask: UInt64 = code.hasPrefix("b callee") || code.hasPrefix("bl ") ? 0x3ff_fffc : 0xfffc
    #expect(words[0] & mask == (callee - (try image.address("caller"))) & mask)
    // Nothing needs to be restored.
    #expect(words[1] == 0x6000_0000)
    #expect(image.map.stubs.isEmpty)
  }

  @Test func `addends count from the local entry, as other linkers have it`() throws {
    let image = try CrossImage(.ppc64le, Self.source("bl callee + 4\nbl callee + 8", entry: 8))
    let start = try image.address("caller")
    #expect(try image.branchTarget(at: start) == image.address("callee") + 12)
    #expect(try image.branchTarget(at: start + 4) == image.address("callee") + 16)
  }

  @Test(arguments: entries)
  func `a pointer is the global entry's, unless the local one is asked for`(entry: UInt64) throws {
    let image = try CrossImage(.ppc64le, Self.source("blr", entry: entry))
    let callee = try image.address("callee")
    #expect(try image.words(".data", byteCount: 8) == [callee, callee + entry, callee + 4])
  }

  @Test func `what does not keep r2 is called through a stub that does`() throws {
    let image = try CrossImage(
      .ppc64le, Self.source("bl callee", entry: 1), at: [":.plt": 0x1002_0000],
      knowing: [".TOC.": 0x1004_9000])
    let callee = try image.address("callee")
    let stub = try image.stub("callee", "save-toc")
    #expect(try image.branchTarget(at: image.address("caller")) == stub.address.rawValue)
    #expect(stub.target.rawValue == callee)
    let halves = Halves(callee &- 0x1004_9000)
    #expect(
      try image.text(of: stub) == [
        "std 2, 24(1)", "addis 12, 2, \(halves.ha)", "addi 12, 12, \(halves.lo)", "mtctr 12", "bctr",
      ])
    // ld r2, 24(r1)
    #expect(try image.words()[1] == 0xe841_0018)
    #expect(try image.words(".data", byteCount: 8)[1] == callee)
  }

  @Test(arguments: ["bl callee@notoc", "b callee@notoc"])
  func `a caller without a TOC calls what needs none`(code: String) throws {
    for entry in [0, 1] as [UInt64] {
      let image = try CrossImage(.ppc64le, Self.source(code, entry: entry))
      #expect(try image.branchTarget(at: image.address("caller")) == image.address("callee"))
      #expect(try image.words()[1] == 0x6000_0000)
    }
  }

  @Test(arguments: entries.dropFirst(), ["-mpower10", "-mpower9"])
  func `a caller without a TOC enters others at the global entry, with r12`(
    entry: UInt64, processor: String
  ) throws {
    let object = try CrossMachine.ppc64le.object(
      "a.o", Self.source("bl callee@notoc", entry: entry), options: ["-a64", processor])
    let image = try CrossImage(.ppc64le, [object])
    let stub = try image.stub("callee", "notoc-direct")
    #expect(try image.branchTarget(at: image.address("caller")) == stub.address.rawValue)
    // LLVM uses one type for all processors, so that the stub has no prefixed instructions.
    let halves = Halves(try image.address("callee") &- (stub.address.rawValue + 8))
    #expect(try image.text(of: stub) == NoTOCStub.text(halves, load: "addi 12, 12, \(halves.lo)"))
    // The call is followed by what was there: there is no r2 to restore.
    #expect(try image.words()[1] == 0x6000_0000)
  }

  @Test(arguments: ["bl callee", "bl callee@notoc", "beq callee"])
  func `a value of st_other that the psABI reserves is an error`(code: String) throws {
    let object = try CrossMachine.ppc64le.object("a.o", Self.source(code, entry: 8)).changingSymbol(
      "callee", at: 5, to: 0xe0, byteCount: 1)
    let type =
      code.hasSuffix("notoc")
      ? "R_PPC64_REL24_NOTOC" : code.hasPrefix("bl") ? "R_PPC64_REL24" : "R_PPC64_REL14"
    let error = LinkError.relocation(.reservedLocalEntry(other: 0xe0), type, to: "callee")
    #expect(throws: error) { try CrossImage(.ppc64le, [object]) }
  }

  @Test func `all that is linked together shares one TOC`() throws {
    // Compilers leave the nop away where they know that the callee is in the same module.
    let caller = try CrossMachine.ppc64le.object("a.o", ".text\n.hidden callee\nbl callee\nb callee\nblr")
    let callee = try CrossMachine.ppc64le.object("b.o", Self.source("blr", entry: 8))
    let image = try CrossImage(.ppc64le, [caller, callee])
    let start = try image.section(".text").address.rawValue
    let entry = try image.address("callee") + 8
    #expect(try image.branchTarget(at: start) == entry)
    #expect(try image.branchTarget(at: start + 4) == entry)
    #expect(try image.words()[2] == 0x4e80_0020)
  }
}

/// The stub for callers without a TOC, which finds its own address.
enum NoTOCStub {
  static func text(_ halves: Halves, load: String) -> [String] {
    [
      "mflr 12", "bcl 20, 31, .+4", "mflr 11", "mtlr 12", "addis 12, 11, \(halves.ha)", load, "mtctr 12",
      "bctr",
    ]
  }
}
