import Testing
import WeldELF
import WeldLink

@Suite("ELFv2 3.6.1: branches farther than 32 MiB")
struct PPC64LELongBranchTests {
  static let text: UInt64 = 0x1000_0000

  /// Code that calls `callee`, which is `distance` bytes away in a section of its own.
  private func link(_ code: String, to distance: Int64, entry: UInt64 = 0) throws -> CrossImage {
    let source = """
      .text
      \(code)
      nop
      .section .text.far, "ax", @progbits
      .globl callee
      callee:
      .localentry callee, \(entry)
      .space 64
      .data
      .quad .TOC.@tocbase
      """
    let far = Self.text &+ UInt64(bitPattern: distance)
    return try CrossImage(.ppc64le, source, at: ["a.o:.text": Self.text, "a.o:.text.far": far])
  }

  @Test(arguments: [0, 8] as [UInt64])
  func `the last instruction in reach is branched to`(entry: UInt64) throws {
    for distance in [0x1ff_fffc, -0x200_0000] as [Int64] {
      let image = try link("bl callee", to: distance - Int64(entry), entry: entry)
      #expect(try image.branchTarget(at: Self.text) == Self.text &+ UInt64(bitPattern: distance))
      #expect(image.map.stubs.isEmpty)
    }
  }

  @Test(arguments: [0, 8] as [UInt64], ["bl callee", "b callee"])
  func `the next one is reached through a stub, which keeps r2`(entry: UInt64, code: String) throws {
    for distance in [0x200_0000, -0x200_0004] as [Int64] {
      let image = try link(code, to: distance - Int64(entry), entry: entry)
      let stub = try image.stub("callee", "long-branch")
      #expect(try image.branchTarget(at: Self.text) == stub.address.rawValue)
      let base = try image.gotBase
      let text = try image.text(of: stub)
      // It may enter at either entry point: r12 is its address.
      let ends = [0, entry].map { offset in
        let halves = Halves(Self.text &+ UInt64(bitPattern: distance) &- entry &+ offset &- base)
        return ["addis 12, 2, \(halves.ha)", "addi 12, 12, \(halves.lo)", "mtctr 12", "bctr"]
      }
      #expect(ends.contains(text), "\(text)")
      // Nothing needs to be restored.
      #expect(try image.words()[1] == 0x6000_0000)
    }
  }

  @Test(arguments: ["bl callee@notoc", "b callee@notoc"])
  func `callers without a TOC have a stub that does without`(code: String) throws {
    for distance in [0x200_0000, -0x200_0004] as [Int64] {
      let image = try link(code, to: distance)
      let stub = try image.stub("callee", "notoc-direct")
      #expect(try image.branchTarget(at: Self.text) == stub.address.rawValue)
      let halves = Halves(Self.text &+ UInt64(bitPattern: distance) &- (stub.address.rawValue + 8))
      #expect(try image.text(of: stub) == NoTOCStub.text(halves, load: "addi 12, 12, \(halves.lo)"))
    }
  }

  @Test func `conditional branches reach 32 KiB, and stubs as far`() throws {
    #expect(try link("beq callee", to: 0x7ffc).map.stubs.isEmpty)
    let image = try link("beq callee", to: 0x8000)
    let stub = try image.stub("callee", "long-branch")
    #expect(try image.words()[0] == 0x4182_0000 | stub.address.rawValue - Self.text)
  }

  @Test func `larger programs have stubs between their sections`() throws {
    // Three sections of 20 MiB: each calls the first function of each at its end, and the last of each at its
    // start.
    let names = ["a", "b", "c"]
    let calls = names.flatMap { ["bl \($0)_first", "nop", "bl \($0)_last", "nop", "bl far", "nop"] }
      .joined(separator: "\n")
    let objects = try names.map { name in
      try CrossMachine.ppc64le.object(
        name + ".o",
        """
        .text
        .globl \(name)_first, \(name)_last
        \(name)_first:
        \(calls)
        .space 0x1400000
        \(name)_last:
        \(calls)
        """)
    }
    let image = try CrossImage(.ppc64le, objects, knowing: ["far": 0x7fff_0000_0000])
    let base = try image.gotBase
    for name in names {
      for start in [try image.address(name + "_first"), try image.address(name + "_last")] {
        for (number, callee) in names.enumerated() {
          for (place, symbol) in [callee + "_first", callee + "_last", "far"].enumerated() {
            let call = start + UInt64(number * 3 + place) * 8
            let target = try image.branchTarget(at: call)
            let next = try image.word(at: call + 4, byteCount: 4)
            #expect(next == (symbol == "far" ? 0xe841_0018 : 0x6000_0000))
            if symbol != "far", try target == image.address(symbol) { continue }
            // A stub, whose addis and addi or ld say where it leads to.
            let skipped: UInt64 = symbol == "far" ? 4 : 0
            let ha = try image.word(at: target + skipped, byteCount: 4)
            let lo = try image.word(at: target + skipped + 4, byteCount: 4)
            #expect(ha >> 16 == 0x3d82)
            let distance =
              (Int64(Int16(truncatingIfNeeded: ha)) << 16) + Int64(Int16(truncatingIfNeeded: lo))
            let pointer = base &+ UInt64(bitPattern: distance)
            if symbol == "far" {
              #expect(lo >> 16 == 0xe98c)
              #expect(try image.word(at: pointer) == 0x7fff_0000_0000)
            } else {
              #expect(lo >> 16 == 0x398c)
              #expect(try pointer == image.address(symbol))
            }
          }
        }
      }
    }
    // Each group has a stub of its own for the function outside.
    #expect(Set(image.map.stubs.filter { $0.symbol == "far" }.map(\.address)).count >= 2)
  }
}
