import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("Who defines a name")
struct SymbolResolutionTests {
  /// How an object mentions the name `target`.
  enum Mention: String, CaseIterable, Sendable {
    case weakReference, reference, weak, unique, weakAbsolute, common, definition, absolute

    /// The more it weighs, the more it is the definition; of equal ones the first one is.
    var weight: Int {
      switch self {
      case .weakReference, .reference: 0
      case .weak, .unique, .weakAbsolute: 1
      case .common: 2
      case .definition, .absolute: 3
      }
    }

    /// An object with this mention, and with a pointer to `target` in `.pointer`.
    func object(_ name: String, value: UInt64) throws -> ObjectFile {
      var object = ObjectWriter.x86_64
      let data = object.addData([UInt8](repeating: 0, count: 0x20))
      let pointer = object.addData([UInt8](repeating: 0, count: 8), name: ".pointer")
      let symbol =
        switch self {
        case .weakReference: object.addUndefinedSymbol("target", binding: .weak)
        case .reference: object.addUndefinedSymbol("target")
        case .weak: object.addSymbol("target", in: data, at: 0x10, type: .object, binding: .weak)
        case .unique: object.addSymbol("target", in: data, at: 0x10, type: .object, binding: .unique)
        case .weakAbsolute: object.addAbsoluteSymbol("target", value: value, binding: .weak)
        case .common: object.addCommonSymbol("target", size: 8, alignment: 8)
        case .definition: object.addSymbol("target", in: data, at: 0x10, type: .object)
        case .absolute: object.addAbsoluteSymbol("target", value: value)
        }
      object.relocate(pointer, at: 0, .R_X86_64_64, symbol)
      return try object.object(name)
    }
  }

  /// All orders of three mentions.
  static let orders: [[Mention]] = Mention.allCases.flatMap { first in
    Mention.allCases.flatMap { second in Mention.allCases.map { [first, second, $0] } }
  }

  @Test(arguments: orders)
  func `the strongest mention wins, of equally strong ones the first`(mentions: [Mention]) throws {
    let files = ["a.o", "b.o", "c.o"]
    let objects = try zip(mentions, files).enumerated().map { number, mention in
      try mention.0.object(mention.1, value: 0x1000 + UInt64(number))
    }
    let image = try LinkedImage(objects)
    let strongest = mentions.map(\.weight).max() ?? 0
    let winners = mentions.indices.filter { mentions[$0].weight == strongest }
    let winner = winners[0]
    if strongest == 3, winners.count > 1 {
      let error = LinkError.duplicateDefinition(
        symbol: "target", first: files[winner], second: files[winners[1]])
      #expect(throws: error) { try image.resolve() }
      return
    }
    if strongest == 0, mentions.contains(.reference) {
      let references = files.map { LinkError.place("R_X86_64_64", in: ".pointer", of: $0) }
      #expect(throws: LinkError.undefined("target", references)) { try image.resolve() }
      return
    }
    try image.resolve()
    let (address, flags): (UInt64?, SymbolFlags) =
      switch mentions[winner] {
      case .weakReference, .reference: (nil, [])
      case .weak, .unique: (try image.section(".data", of: files[winner]).address.rawValue + 0x10, .weak)
      case .definition: (try image.section(".data", of: files[winner]).address.rawValue + 0x10, [])
      case .weakAbsolute: (0x1000 + UInt64(winner), [.weak, .absolute])
      case .absolute: (0x1000 + UInt64(winner), .absolute)
      case .common: (try image.section("<common symbols>", of: "").address.rawValue, .common)
      }
    let symbol = image.linker.symbol(named: "target")
    #expect(symbol?.address.rawValue == address)
    #expect(symbol?.flags == (address == nil ? nil : flags.union(.exported)))
    // Everybody sees the same.
    for file in files { #expect(try image.words(".pointer", of: file) == [address ?? 0]) }
  }

  @Test func `a definition is duplicate whatever else it is`() throws {
    for (visibility, type) in [
      (SymbolVisibility.default, SymbolType.function), (.hidden, .object), (.protected, .none),
      (.internal, .indirectFunction),
    ] {
      let objects = try ["a.o", "b.o"].map { name in
        var object = ObjectWriter.x86_64
        let text = object.addText([0xc3])
        _ = object.addSymbol("twice", in: text, type: type, visibility: visibility)
        return try object.object(name)
      }
      #expect(throws: LinkError.duplicateDefinition(symbol: "twice", first: "a.o", second: "b.o")) {
        try LinkedImage(objects).resolve()
      }
    }
  }

  @Test func `an object may define a name once only`() throws {
    var object = ObjectWriter.x86_64
    let text = object.addText([0xc3])
    for offset in [0, 1] as [UInt64] { _ = object.addSymbol("twice", in: text, at: offset) }
    #expect(throws: LinkError.duplicateDefinition(symbol: "twice", first: "a.o", second: "a.o")) {
      try LinkedImage([object.object()]).resolve()
    }
  }

  @Test func `an absolute symbol may be defined again with the same value`() throws {
    // As GNU ld and ld.lld have it.
    let objects = try ["a.o", "b.o"].map { try Mention.absolute.object($0, value: 0x77) }
    let image = try LinkedImage(objects)
    try image.resolve()
    for file in ["a.o", "b.o"] { #expect(try image.words(".pointer", of: file) == [0x77]) }
  }

  @Test func `local names do not meet`() throws {
    let objects = try ["a.o", "b.o"].map { name in
      var object = ObjectWriter.x86_64
      let data = object.addData([UInt8](repeating: 0, count: 8))
      object.relocate(data, at: 0, .R_X86_64_64, object.addSymbol("mine", in: data, binding: .local))
      return try object.object(name)
    }
    let image = try LinkedImage(objects)
    try image.resolve()
    for file in ["a.o", "b.o"] {
      #expect(try image.words(".data", of: file) == [image.section(".data", of: file).address.rawValue])
    }
    #expect(image.linker.symbol(named: "mine") == nil)
  }

  @Test func `what an object asks of a name does not depend on its type`() throws {
    // As when a function was declared as a variable.
    var first = ObjectWriter.x86_64
    let text = first.addText([0xc3])
    _ = first.addSymbol("target", in: text, type: .function)
    var second = ObjectWriter.x86_64
    let data = second.addData([UInt8](repeating: 0, count: 8))
    second.relocate(data, at: 0, .R_X86_64_64, second.addUndefinedSymbol("target", type: .object))
    let image = try LinkedImage([second.object("b.o"), first.object("a.o")])
    try image.resolve()
    #expect(try image.words(".data") == [image.section(".text").address.rawValue])
    #expect(image.linker.symbol(named: "target")?.flags == [.exported, .callable])
  }
}
