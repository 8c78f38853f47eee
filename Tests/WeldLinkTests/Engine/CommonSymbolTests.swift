import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("gABI: common symbols")
struct CommonSymbolTests {
  /// An object with a common symbol of this size and alignment, and a pointer to it in `.data`.
  private func object(
    _ name: String, _ size: UInt64, _ alignment: UInt64, isLarge: Bool = false, symbol: String = "target"
  ) throws -> ObjectFile {
    var object = ObjectWriter.x86_64
    let data = object.addData([UInt8](repeating: 0, count: 8))
    object.relocate(
      data, at: 0, .R_X86_64_64, object.addCommonSymbol(symbol, size: size, alignment: alignment))
    let made = try object.object(name)
    // SHN_X86_64_LCOMMON
    return isLarge ? try made.changingSymbol(symbol, at: 6, to: 0xff02, byteCount: 2) : made
  }

  @Test(
    arguments: [
      [(8, 4), (64, 8), (16, 128)], [(16, 128), (8, 4), (64, 8)], [(64, 8), (16, 128), (8, 4)],
      [(64, 128), (1, 1), (0, 0)], [(0, 0), (1, 1), (64, 128)],
    ] as [[(UInt64, UInt64)]])
  func `the largest size and the strictest alignment count`(sizes: [(size: UInt64, alignment: UInt64)]) throws
  {
    let files = ["a.o", "b.o", "c.o"]
    let image = try LinkedImage(zip(files, sizes).map { try object($0, $1.size, $1.alignment) })
    try image.resolve()
    let room = try image.section("<common symbols>", of: "")
    try #require(room.byteCount >= 64)
    #expect(room.protection == [.read, .write])
    let address = try #require(image.address(of: "target"))
    #expect(address % 128 == 0)
    #expect((room.address.rawValue...room.address.rawValue + UInt64(room.byteCount) - 64).contains(address))
    for file in files { #expect(try image.words(".data", of: file) == [address]) }
    #expect(try image.linker.contents(of: room.id) == [UInt8](repeating: 0, count: room.byteCount))
  }

  @Test func `common symbols do not overlap each other or the zeros before them`() throws {
    var zeros = ObjectWriter.x86_64
    _ = zeros.addZeroSection(".bss", alignment: 4, byteCount: 13)
    let names = ["a", "b", "c", "d"]
    let objects = try names.enumerated().map { number, name in
      try object("\(name).o", UInt64(5 + number), 1 << UInt64(number), symbol: name)
    }
    let image = try LinkedImage(objects + [zeros.object("zeros.o")])
    try image.resolve()
    let bss = try image.section(".bss")
    var taken = [bss.address.rawValue..<bss.address.rawValue + 13]
    for (number, name) in names.enumerated() {
      let address = try #require(image.address(of: name))
      #expect(address % (1 << UInt64(number)) == 0)
      let own = address..<address + UInt64(5 + number)
      #expect(!taken.contains { $0.overlaps(own) })
      taken.append(own)
    }
  }

  @Test func `large ones lie with the large zeros`() throws {
    let image = try LinkedImage([object("a.o", 8, 8, isLarge: true), object("b.o", 8, 8, symbol: "small")])
    try image.resolve()
    // The usual ones have a section of their own that can be moved.
    let room = try image.section("<common symbols>", of: "")
    #expect(room.byteCount == 8)
    #expect(image.address(of: "small") == room.address.rawValue)
    let large = try #require(image.address(of: "target"))
    #expect(large / 4096 > room.address.rawValue / 4096)
    #expect(try image.words(".data", of: "a.o") == [large])
  }

  @Test func `a name that is large here and not there is where the first one is`() throws {
    for isFirstLarge in [true, false] {
      let image = try LinkedImage([
        object("a.o", 8, 8, isLarge: isFirstLarge), object("b.o", 32, 16, isLarge: !isFirstLarge),
      ])
      try image.resolve()
      #expect(try image.sections("<common symbols>", of: "").isEmpty == isFirstLarge)
      #expect(try #require(image.address(of: "target")) % 16 == 0)
    }
  }

  @Test func `a definition needs no room beside itself`() throws {
    var definition = ObjectWriter.x86_64
    let data = definition.addData([1, 2, 3, 4], name: ".data.target")
    _ = definition.addSymbol("target", in: data, size: 4)
    for isFirst in [true, false] {
      let objects = try [definition.object("b.o"), object("a.o", 100, 64)]
      let image = try LinkedImage(isFirst ? objects : objects.reversed())
      try image.resolve()
      #expect(try image.sections("<common symbols>", of: "").isEmpty)
      #expect(image.address(of: "target") == (try image.section(".data.target").address.rawValue))
    }
  }

  @Test func `an alignment that is no power of two is rounded down to one`() throws {
    let image = try LinkedImage([object("a.o", 8, 0x30)])
    try image.resolve()
    #expect(try #require(image.address(of: "target")) % 0x20 == 0)
  }

  @Test func `moved, they keep their distances`() throws {
    let image = try LinkedImage([object("a.o", 8, 8, symbol: "a"), object("b.o", 8, 8, symbol: "b")])
    try image.map("<common symbols>", of: "", to: 0x7000_0000)
    try image.resolve()
    #expect(image.address(of: "a") == 0x7000_0000)
    #expect(image.address(of: "b") == 0x7000_0008)
    #expect(try image.words(".data", of: "b.o") == [0x7000_0008])
  }

  @Test func `more than memory has is an error`() throws {
    for size in [1 << 47, 1 << 63, UInt64.max] {
      let problem = LinkError.SectionProblem.tooLarge(byteCount: size)
      #expect(throws: LinkError.section(problem, file: "a.o", section: "target")) {
        try LinkedImage([object("a.o", size, 8)]).resolve()
      }
    }
  }
}
