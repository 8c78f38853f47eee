import Testing
import WeldBytes
import WeldELF
import WeldLink
import WeldMemory

@Suite("RuntimeDyld: its symbol table")
struct SymbolTableTests {
  @Test func `all that is seen by name, with address and flags`() throws {
    var object = ObjectWriter.x86_64
    let text = object.addText([0xc3, 0xc3, 0xc3, 0xc3])
    let data = object.addData([UInt8](repeating: 0, count: 8))
    _ = object.addSymbol("function", in: text, at: 1, type: .function)
    _ = object.addSymbol("chosen", in: text, at: 2, type: .indirectFunction)
    _ = object.addSymbol("label", in: text, at: 3)
    _ = object.addSymbol("variable", in: data, at: 4, type: .object, binding: .weak)
    _ = object.addSymbol("unique", in: data, type: .object, binding: .unique)
    _ = object.addSymbol("hidden", in: data, visibility: .hidden)
    _ = object.addSymbol("internal", in: data, visibility: .internal)
    _ = object.addSymbol("protected", in: data, visibility: .protected)
    _ = object.addSymbol("local", in: data, binding: .local)
    _ = object.addAbsoluteSymbol("constant", value: 42)
    _ = object.addCommonSymbol("common", size: 8, alignment: 8)
    _ = object.addUndefinedSymbol("elsewhere")
    let image = try LinkedImage([object.object()], knowing: ["elsewhere": 1])
    let names: Set<String> = [
      "function", "chosen", "label", "variable", "unique", "hidden", "internal", "protected", "constant",
      "common",
    ]
    // Known as soon as there is a layout.
    #expect(try Set(image.linker.symbolTable().keys) == names)
    try image.map(".text", to: 0x1000)
    try image.map(".data", to: 0x2000)
    try image.map("<common symbols>", of: "", to: 0x3000)
    try image.map(".plt", of: "", to: 0x4000)
    let table = try image.linker.symbolTable()
    #expect(Set(table.keys) == names)
    let expected: [(String, UInt64, SymbolFlags)] = [
      ("function", 0x1001, [.exported, .callable]), ("chosen", 0x4000, [.exported, .callable]),
      ("label", 0x1003, .exported), ("variable", 0x2004, [.exported, .weak]),
      ("unique", 0x2000, [.exported, .weak]), ("hidden", 0x2000, []), ("internal", 0x2000, []),
      ("protected", 0x2000, .exported), ("constant", 42, [.exported, .absolute]),
      ("common", 0x3000, [.exported, .common]),
    ]
    for (name, address, flags) in expected {
      #expect(table[name]?.address.rawValue == address, "\(name)")
      #expect(table[name]?.flags == flags, "\(name)")
      #expect(image.linker.symbol(named: name) == table[name])
    }
  }

  @Test func `what was only loaded is not searched`() throws {
    var object = ObjectWriter.x86_64
    _ = object.addSymbol("function", in: object.addText([0xc3]))
    let image = try LinkedImage([object.object()])
    #expect(image.linker.symbol(named: "function") == nil)
    _ = try image.linker.sections()
    #expect(image.linker.symbol(named: "function") != nil)
  }

  @Test func `names that are no text, or equal as text, are different names`() throws {
    var object = ObjectWriter.x86_64
    let data = object.addData([UInt8](repeating: 0, count: 32))
    // The same letter, composed and not: equal as strings, different as bytes.
    let composed = "caf\u{e9}"
    let decomposed = "cafe\u{301}"
    _ = object.addSymbol(composed, in: data)
    _ = object.addSymbol(decomposed, in: data, at: 8)
    // Two names that are no UTF-8.
    _ = object.addSymbol("bad1", in: data, at: 16)
    _ = object.addSymbol("bad2", in: data, at: 24)
    let made = try object.object()
    let names = try #require(made.symbolTable?.names)
    var broken = made
    for (number, byte) in [UInt64](arrayLiteral: 0xff, 0xfe).enumerated() {
      let at = try #require(names.first { made.text(at: $0, count: 4) == "bad\(number + 1)" })
      broken = try broken.changing(at: at + 3, to: byte, byteCount: 1)
    }
    let image = try LinkedImage([broken])
    try image.resolve()
    let start = try image.section(".data").address.rawValue
    #expect(image.address(of: composed) == start)
    #expect(image.address(of: decomposed) == start + 8)
    // A dictionary of strings cannot hold them all, but it can be had.
    let table = try image.linker.symbolTable()
    #expect((2...4).contains(table.count))
    _ = image.linker.suggestions(for: "cafe")
  }

  @Test func `suggestions are near, not equal, and few`() throws {
    var object = ObjectWriter.x86_64
    let text = object.addText([0xc3])
    for name in ["deflate", "deflated", "deflates", "inflate", "deflateInit2_"] {
      _ = object.addSymbol(name, in: text)
    }
    let image = try LinkedImage([object.object()], knowing: ["deflat": 1])
    try image.resolve()
    #expect(image.linker.suggestions(for: "deflate") == ["deflat", "deflated", "deflates"])
    #expect(image.linker.suggestions(for: "something_else").isEmpty)
    #expect(image.linker.suggestions(for: "").isEmpty)
  }

  @Test func `absent names are absent`() throws {
    let image = try LinkedImage([])
    #expect(image.linker.symbol(named: "") == nil)
    #expect(image.linker.symbol(named: "main") == nil)
  }
}

extension ObjectFile {
  /// `count` bytes at `offset` of the file, as text.
  fileprivate func text(at offset: Int, count: Int) -> String {
    let last = min(offset + count, bytes.count)
    return String(
      decoding: (offset..<last).map { (try? bytes.span.load(at: $0, order: .little)) ?? 0 as UInt8 },
      as: UTF8.self)
  }
}
