import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("Symbols that the linker defines")
struct LinkerDefinitionTests {
  /// An object with sections called `name`, and pointers to `symbols` in `.pointers`.
  private func object(
    _ file: String, _ name: String? = nil, _ contents: [UInt8] = [], flags: SectionFlags = [.alloc],
    alignment: UInt64 = 1, zeros: UInt64? = nil, pointingTo symbols: [String] = [],
    binding: SymbolBinding = .global
  ) throws -> ObjectFile {
    var object = ObjectWriter.x86_64
    if let name, let zeros {
      _ = object.addZeroSection(name, flags: flags, alignment: alignment, byteCount: zeros)
    } else if let name {
      _ = object.addSection(name, flags: flags, alignment: alignment, contents: contents)
    }
    let pointers = object.addData([UInt8](repeating: 0, count: symbols.count * 8), name: ".pointers")
    for (number, symbol) in symbols.enumerated() {
      object.relocate(
        pointers, at: UInt64(number) * 8, .R_X86_64_64, object.addUndefinedSymbol(symbol, binding: binding))
    }
    return try object.object(file)
  }

  private let bounds = ["__start_things", "__stop_things"]

  @Test func `namesakes lie together, aligned, between start and stop`() throws {
    let image = try LinkedImage([
      object("a.o", "things", [1, 2, 3], alignment: 8),
      object("b.o", ".rodata", [9, 9, 9]),
      object("c.o", "things", [4, 5, 6, 7, 8], alignment: 16, pointingTo: bounds),
      object("d.o", "other_things", [9]),
      object("e.o", "things", [9], alignment: 1),
    ])
    try image.resolve()
    let sections = try image.sections("things")
    let starts = sections.map(\.address.rawValue)
    #expect(sections.map(\.file) == ["a.o", "c.o", "e.o"])
    #expect(starts[0] % 8 == 0)
    // Three bytes, then what the next one's alignment asks for.
    #expect(starts[1] == (starts[0] + 3 + 15) / 16 * 16)
    #expect(starts[2] == starts[1] + 5)
    #expect(try image.words(".pointers", of: "c.o") == [starts[0], starts[2] + 1])
    #expect(sections.allSatisfy { $0.protection == .read })
  }

  @Test func `namesakes of which one is writable are all writable`() throws {
    let rows: [(SectionFlags, zeros: UInt64?)] = [
      ([.alloc], nil), ([.alloc, .write], nil), ([.alloc, .write], 24), ([.alloc], nil),
    ]
    for order in [[0, 1, 2, 3], [2, 0, 1, 3], [0, 2, 3, 1], [1, 2], [0, 2]] {
      let objects = try order.map { row in
        try object(
          "\(row).o", "things", [UInt8](repeating: 1, count: 8), flags: rows[row].0, alignment: 8,
          zeros: rows[row].zeros, pointingTo: bounds)
      }
      let image = try LinkedImage(objects)
      try image.resolve()
      let sections = try image.sections("things")
      #expect(sections.map(\.file) == order.map { "\($0).o" })
      #expect(sections.allSatisfy { $0.protection == [.read, .write] })
      let byteCount = sections.reduce(0) { $0 + UInt64($1.byteCount) }
      let start = sections[0].address.rawValue
      for row in order {
        #expect(try image.words(".pointers", of: "\(row).o") == [start, start + byteCount])
      }
      for section in sections {
        let zeros = [UInt8](repeating: section.byteCount == 24 ? 0 : 1, count: section.byteCount)
        #expect(try image.linker.contents(of: section.id) == zeros)
      }
    }
  }

  @Test func `code has bounds, too`() throws {
    let image = try LinkedImage([
      object("a.o", "things", [0xc3], flags: [.alloc, .executable], pointingTo: bounds),
      object("b.o", "things", [0xc3, 0xc3], flags: [.alloc, .executable]),
    ])
    try image.resolve()
    let sections = try image.sections("things")
    #expect(sections.allSatisfy { $0.protection == [.read, .execute] })
    let start = sections[0].address.rawValue
    #expect(try image.words(".pointers", of: "a.o") == [start, start + 3])
  }

  @Test func `without such a section the bounds are undefined`() throws {
    let places = bounds.enumerated().map {
      LinkError.place("R_X86_64_64", in: ".pointers", at: UInt64($0) * 8, to: $1)
    }
    let image = try LinkedImage([object("a.o", pointingTo: [bounds[0]])])
    #expect(throws: LinkError.undefined(bounds[0], [places[0]])) { try image.resolve() }
    // Names that are not of C have no bounds.
    let dotted = try LinkedImage([object("a.o", "things.1", [1], pointingTo: ["__start_things.1"])])
    #expect(throws: LinkError.self) { try dotted.resolve() }
    // Weak references are 0.
    let weak = try LinkedImage([object("a.o", pointingTo: bounds, binding: .weak)])
    try weak.resolve()
    #expect(try weak.words(".pointers") == [0, 0])
  }

  @Test func `bounds of sections that were all dropped are equal`() throws {
    let image = try LinkedImage([
      object("a.o", "things", [1], flags: [.alloc, .exclude]),
      object("b.o", pointingTo: bounds, binding: .weak),
    ])
    try image.resolve()
    let words = try image.words(".pointers", of: "b.o")
    #expect(words[0] == words[1])
  }

  @Test func `a program's own definition prevails`() throws {
    var own = ObjectWriter.x86_64
    let data = own.addData([1])
    for name in bounds + ["_end", "_GLOBAL_OFFSET_TABLE_"] { _ = own.addSymbol(name, in: data) }
    let wanted = bounds + ["_end", "_GLOBAL_OFFSET_TABLE_"]
    let image = try LinkedImage([object("a.o", "things", [1], pointingTo: wanted), own.object("own.o")])
    try image.resolve()
    let address = try image.section(".data").address.rawValue
    #expect(try image.words(".pointers", of: "a.o") == [address, address, address, address])
  }

  @Test func `the GOT begins with its first slot`() throws {
    var object = ObjectWriter.x86_64
    let data = object.addData([UInt8](repeating: 0, count: 24))
    let base = object.addUndefinedSymbol("_GLOBAL_OFFSET_TABLE_")
    let local = object.addSymbol("local", in: data, at: 16, binding: .local)
    object.relocate(data, at: 0, .R_X86_64_64, base)
    object.relocate(data, at: 8, .R_X86_64_GOT64, local)
    object.relocate(data, at: 16, .R_X86_64_GOTOFF64, local)
    let image = try LinkedImage([object.object()])
    try image.resolve()
    let got = try image.section(".got", of: "")
    let target = try image.section(".data").address.rawValue + 16
    #expect(got.protection == .read)
    #expect(try image.words(".data") == [got.address.rawValue, 0, target &- got.address.rawValue])
    #expect(try image.slots == [target])
  }

  @Test func `a GOT of which only the base is used can be moved`() throws {
    let image = try LinkedImage([object("a.o", pointingTo: ["_GLOBAL_OFFSET_TABLE_"])])
    try image.map(".got", of: "", to: 0x7777_0000)
    try image.resolve()
    #expect(try image.words(".pointers") == [0x7777_0000])
  }

  @Test(arguments: [
    ("preinit_array", SectionType.preinitArray), ("init_array", .initArray), ("fini_array", .finiArray),
  ])
  func `arrays of functions have bounds`(name: String, type: SectionType) throws {
    let symbols = ["__\(name)_start", "__\(name)_end"]
    let empty = try LinkedImage([object("a.o", pointingTo: symbols)])
    try empty.resolve()
    let words = try empty.words(".pointers")
    #expect(words[0] == words[1])

    let parts = try ["b.o", "c.o"].map { file in
      var object = ObjectWriter.x86_64
      _ = object.addSection(
        ".\(name)", type: type, flags: [.alloc, .write], alignment: 8,
        contents: [UInt8](repeating: 0, count: 16))
      return try object.object(file)
    }
    let image = try LinkedImage([object("a.o", pointingTo: symbols)] + parts)
    try image.resolve()
    let start = try image.section(".\(name)", of: "b.o").address.rawValue
    #expect(try image.section(".\(name)", of: "c.o").address.rawValue == start + 16)
    #expect(try image.words(".pointers") == [start, start + 32])
  }

  @Test func `the ends of code, variables and zeros`() throws {
    let names = ["etext", "_etext", "__etext", "edata", "_edata", "__bss_start", "end", "_end"]
    var other = ObjectWriter.x86_64
    _ = other.addText([0xc3, 0xc3])
    _ = other.addData([1, 2, 3])
    _ = other.addZeroSection(".bss", alignment: 32, byteCount: 5)
    let image = try LinkedImage([other.object("b.o"), object("a.o", pointingTo: names)])
    try image.resolve()
    let text = try image.section(".text").address.rawValue
    let pointers = try image.section(".pointers", of: "a.o")
    let bss = try image.section(".bss").address.rawValue
    let data = pointers.address.rawValue + UInt64(pointers.byteCount)
    #expect(
      try image.words(".pointers", of: "a.o") == [
        text + 2, text + 2, text + 2, data, data, bss, bss + 5, bss + 5,
      ])
  }

  @Test func `no other name is defined`() throws {
    for name in ["e", "en", "endx", "_", "__start_", "__stop_", "_DYNAMIC", "__ehdr_start", "_init"] {
      let image = try LinkedImage([object("a.o", pointingTo: [name])])
      #expect(throws: LinkError.self, "\(name)") { try image.resolve() }
    }
  }
}
