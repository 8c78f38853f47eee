import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("AMD64 psABI B.2: instructions that can do without the GOT")
struct RelaxationTests {
  /// Where code, symbol and GOT are.
  struct Scene: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let text: UInt64
    let S: UInt64
    let got: UInt64

    static let low = Scene(
      testDescription: "everything low", text: 0x40_1000, S: 0x60_2010, got: 0x50_3000)
    static let high = Scene(
      testDescription: "everything high", text: 0x7f00_0040_1000, S: 0x7f00_0060_2010, got: 0x7f00_0050_3000)
    static let far = Scene(
      testDescription: "symbol far away", text: 0x7f00_0040_1000, S: 0x5600_0060_2010, got: 0x7f00_0050_3000)
    static let lowSymbol = Scene(
      testDescription: "symbol far away and low", text: 0x7f00_0040_1000, S: 0x60_2010, got: 0x7f00_0050_3000)
    static let lowText = Scene(
      testDescription: "code low, symbol just out of reach", text: 0x7fff_1000, S: 0x1_0000_0010,
      got: 0x8fff_0000)
    static let all = [low, high, far, lowSymbol, lowText]
  }

  @Test(arguments: Scene.all)
  func `every operation with every register`(scene: Scene) throws {
    let site = try Site(GOTInstruction.all, in: scene)
    let texts = try Disassembler.text(of: site.codes)
    for (number, instruction) in GOTInstruction.all.enumerated() {
      let expected = instruction.text(S: scene.S, slot: scene.got, P: site.field(number))
      #expect(texts[number] == expected)
    }
    #expect(try site.image.slots == [scene.S])
  }

  @Test func `the instructions are assembled as they are meant`() throws {
    let texts = try Disassembler.text(of: GOTInstruction.all.map(\.code))
    for (instruction, text) in zip(GOTInstruction.all, texts) {
      #expect(text == instruction.text(loadingFrom: 0))
    }
  }

  @Test(arguments: Scene.all)
  func `nothing is rewritten when that is not wanted`(scene: Scene) throws {
    let site = try Site(GOTInstruction.all, in: scene, relaxes: false)
    for (number, instruction) in GOTInstruction.all.enumerated() {
      let displacement = [UInt8](scene.got &- site.field(number) &- 4, byteCount: 4)
      #expect(site.codes[number] == instruction.code.dropLast(4) + displacement)
    }
    #expect(try site.image.slots == [scene.S])
  }

  @Test(arguments: [GOTInstruction.Operation.mov, .call, .jmp])
  func `the reach of a displacement, to the byte`(operation: GOTInstruction.Operation) throws {
    let prefix: GOTInstruction.Prefix = operation == .mov ? .rex : .none
    let instruction = GOTInstruction(operation: operation, register: 3, isWide: true, prefix: prefix)
    // In the jump that replaces an indirect one the field lies, and ends, one byte earlier.
    let end = instruction.code.count - (operation == .jmp ? 1 : 0)
    let text: UInt64 = 0x7f00_0040_1000
    let rows: [(distance: Int64, isInReach: Bool)] = [
      (0x7fff_ffff, true), (0x8000_0000, false), (-0x8000_0000, true), (-0x8000_0001, false),
    ]
    for (distance, isInReach) in rows {
      let S = text &+ UInt64(end) &+ UInt64(bitPattern: distance)
      let scene = Scene(testDescription: "", text: text, S: S, got: 0x7f00_0050_3000)
      let site = try Site([instruction], in: scene)
      if isInReach {
        let at = operation == .jmp ? 1 : instruction.code.count - 4
        #expect(site.codes[0].signed(at: at, byteCount: 4) == distance)
      } else {
        let displacement = [UInt8](scene.got &- site.field(0) &- 4, byteCount: 4)
        #expect(site.codes[0] == instruction.code.dropLast(4) + displacement)
        #expect(try site.image.slots == [S])
      }
    }
  }

  @Test(arguments: [GOTInstruction.Operation.mov, .test, .cmp])
  func `the values of an immediate operand, to the last`(operation: GOTInstruction.Operation) throws {
    // A 64-bit operand is sign-extended, a 32-bit one is not.
    let rows: [(isWide: Bool, S: UInt64, fits: Bool)] = [
      (true, 0, true), (true, 0x7fff_ffff, true), (true, 0x8000_0000, false), (true, 0xffff_ffff, false),
      (true, 0xffff_ffff_8000_0000, true), (true, 0xffff_ffff_7fff_ffff, false), (true, .max, true),
      (false, 0, true), (false, 0x8000_0000, true), (false, 0xffff_ffff, true), (false, 0x1_0000_0000, false),
      (false, .max, false),
    ]
    for row in rows {
      let instruction = GOTInstruction(operation: operation, register: 9, isWide: row.isWide, prefix: .rex)
      let scene = Scene(testDescription: "", text: 0x7f00_0040_1000, S: row.S, got: 0x7f00_0050_3000)
      let site = try Site([instruction], in: scene)
      let isRewritten = site.codes[0][1] != operation.rawValue
      #expect(isRewritten == row.fits, "\(row)")
      let field = site.codes[0].integer(at: 3, byteCount: 4)
      #expect(field == (row.fits ? row.S : scene.got &- site.field(0) &- 4) & 0xffff_ffff, "\(row)")
    }
  }

  @Test(arguments: [-3, -5, -8, 0, 4, 0x1000] as [Int64])
  func `an addend other than -4 means something beside the slot`(addend: Int64) throws {
    let site = try Site(GOTInstruction.all, in: .low, addend: addend)
    for (number, instruction) in GOTInstruction.all.enumerated() {
      let value = Scene.low.got &+ UInt64(bitPattern: addend) &- site.field(number)
      #expect(site.codes[number] == instruction.code.dropLast(4) + [UInt8](value, byteCount: 4))
    }
  }
}

/// Instructions in one section, linked.
struct Site {
  let image: LinkedImage
  /// What became of each instruction.
  let codes: [[UInt8]]
  /// Where each begins, in bytes.
  private let offsets: [Int]
  private let text: UInt64
  private let lengths: [Int]

  /// The address of the field of an instruction, before it was rewritten.
  func field(_ number: Int) -> UInt64 { text &+ UInt64(offsets[number] + lengths[number] - 4) }

  init(
    _ instructions: [GOTInstruction], in scene: RelaxationTests.Scene, addend: Int64 = -4,
    relaxes: Bool = true
  ) throws {
    var object = ObjectWriter.x86_64
    let code = instructions.flatMap(\.code)
    let section = object.addText(code)
    let target = object.addAbsoluteSymbol("target", value: scene.S)
    var offset = 0
    var offsets: [Int] = []
    for instruction in instructions {
      offsets.append(offset)
      offset += instruction.code.count
      object.relocate(section, at: UInt64(offset - 4), instruction.type, target, addend)
    }
    image = try LinkedImage([object.object()], relaxes: relaxes)
    try image.map(".text", to: scene.text)
    try image.map(SyntheticSection.got.rawValue, of: "", to: scene.got)
    try image.resolve()
    let contents = try image.contents(".text")
    self.offsets = offsets
    text = scene.text
    lengths = instructions.map(\.code.count)
    codes = zip(offsets, instructions).map { Array(contents[$0..<$0 + $1.code.count]) }
  }
}
