import Testing
import WeldELF
import WeldLink

@Suite("AMD64: relocations that cannot be applied")
struct RelocationErrorTests {
  @Test(arguments: RelocationRow.all.filter { $0.formula == .dynamicOnly })
  func `types of executables and shared libraries are refused`(row: RelocationRow) throws {
    let image = try LinkedImage([Self.object(row.type, at: 1, addend: 7)])
    #expect(throws: LinkError.relocation(.dynamicOnly, row.type.name, at: 1, 7)) { try image.resolve() }
  }

  @Test(arguments: RelocationRow.all)
  func `thread-local types are refused by their model`(row: RelocationRow) throws {
    guard case .threadLocal(let model) = row.formula else { return }
    let error = LinkError.relocation(.threadLocal(model: model), row.type.name, at: 1, -4)
    let defined = try LinkedImage([Self.object(row.type, at: 1, addend: -4, symbol: .tls)])
    #expect(throws: error) { try defined.resolve() }
    // The one that is not found is not the news.
    let undefined = try LinkedImage([Self.object(row.type, at: 1, addend: -4, isDefined: false, symbol: .tls)]
    )
    #expect(throws: error) { try undefined.resolve() }
  }

  @Test(arguments: RelocationRow.stored, [true, false])
  func `other types cannot reach a thread-local variable`(row: RelocationRow, isDefined: Bool) throws {
    // The base of the GOT is the only thing that has nothing to do with the symbol.
    guard row.formula != .GOTAP else { return }
    let object = try Self.object(row.type, at: 1, addend: -4, isDefined: isDefined, symbol: .tls)
    let error = LinkError.relocation(.threadLocal(model: "direct"), row.type.name, at: 1, -4)
    #expect(throws: error) { try LinkedImage([object]).resolve() }
  }

  @Test(arguments: [52, 53, 249, 252, 255, 256, 0x1_0001, .max] as [UInt32])
  func `numbers that the psABI does not use`(number: UInt32) throws {
    let object = try Self.object(.R_X86_64_64, at: 0).changingRelocation { $0.type = number }
    let error = LinkError.relocation(.unknownType(number), "relocation type \(number)")
    #expect(throws: error) { try LinkedImage([object]).resolve() }
  }

  @Test(arguments: RelocationRow.stored)
  func `a field may end with its section`(row: RelocationRow) throws {
    let last = UInt64(16 - row.byteCount)
    let image = try LinkedImage([Self.object(row.type, at: last, addend: 0, symbol: .function)])
    try image.mapIfThere(.got, to: 0x1000)
    try image.map(".target", to: 0x40)
    try image.map(".text", to: 0x30)
    try image.resolve()
    #expect(try image.contents(".text").prefix(Int(last)) == [UInt8](repeating: 0x90, count: Int(last))[...])
  }

  @Test(arguments: RelocationRow.stored)
  func `a field that ends behind its section is an error`(row: RelocationRow) throws {
    let last = UInt64(16 - row.byteCount)
    for offset in [last + 1, 15, 16, 17, 1 << 32, 1 << 63, .max - 3, .max] where offset > last {
      let image = try LinkedImage([Self.object(row.type, at: offset, addend: -4)])
      let problem = LinkError.RelocationProblem.outsideSection(
        byteCount: row.byteCount, sectionByteCount: 16)
      #expect(throws: LinkError.relocation(problem, row.type.name, at: offset, -4)) { try image.resolve() }
    }
  }

  @Test(arguments: [3, 4, 0x1234_5678, .max] as [UInt32])
  func `a symbol that the table does not have`(index: UInt32) throws {
    let object = try Self.object(.R_X86_64_64, at: 0).changingRelocation {
      $0.symbol = SymbolIndex(rawValue: index)
    }
    let problem = LinkError.RelocationProblem.symbolOutOfRange(index: index, count: 3)
    #expect(throws: LinkError.relocation(problem, "R_X86_64_64", to: "")) {
      try LinkedImage([object]).resolve()
    }
  }

  @Test func `relocations without addends`() throws {
    // Three entries of 16 bytes instead of two of 24.
    var object = ObjectWriter.x86_64
    let text = object.addText([UInt8](repeating: 0x90, count: 16))
    let symbol = object.addSymbol("target", in: text)
    for offset in [0, 8] as [UInt64] { object.relocate(text, at: offset, .R_X86_64_64, symbol) }
    let type = UInt64(SectionType.rel.rawValue)
    let withoutAddends = try object.object().changingHeader(of: ".rela.text", (4, 4, type), (56, 8, 16))
    #expect(throws: LinkError.relocation(.withoutAddend, "R_X86_64_64")) {
      try LinkedImage([withoutAddends]).resolve()
    }
  }

  @Test func `two tables of relocations for one section`() throws {
    var object = ObjectWriter.x86_64
    let text = object.addText([UInt8](repeating: 0x90, count: 16))
    let data = object.addData([UInt8](repeating: 0x90, count: 16))
    let symbol = object.addSymbol("target", in: text)
    object.relocate(text, at: 0, .R_X86_64_64, symbol)
    object.relocate(data, at: 0, .R_X86_64_64, symbol)
    let twice = try object.object().changingHeader(of: ".rela.data", (44, 4, 1))
    #expect(throws: LinkError.section(.secondRelocationSection, file: "a.o", section: ".text")) {
      try LinkedImage([twice]).resolve()
    }
  }

  @Test func `what is not loaded is not relocated`() throws {
    // Debug information may contain anything; nobody looks at it.
    var object = ObjectWriter.x86_64
    _ = object.addText([0x90])
    let debug = object.addSection(".debug_info", flags: [], contents: [1, 2, 3, 4])
    let symbol = object.addUndefinedSymbol("nobody")
    object.relocate(debug, at: 100, .R_X86_64_64, symbol)
    object.relocate(debug, at: 0, .R_X86_64_COPY, symbol)
    let image = try LinkedImage([object.object()])
    try image.resolve()
    #expect(try image.linker.sections().map(\.name) == [".text"])
  }

  /// An object with one relocation in 16 bytes of `nop`, the symbol's section and type as given.
  private static func object(
    _ type: X86_64Relocation, at offset: UInt64, addend: Int64 = 0, isDefined: Bool = true,
    symbol symbolType: SymbolType = .none
  ) throws -> ObjectFile {
    var object = ObjectWriter.x86_64
    let text = object.addText([UInt8](repeating: 0x90, count: 16))
    let flags: SectionFlags = symbolType == .tls ? [.alloc, .write, .tls] : [.alloc, .write]
    let target = object.addSection(".target", flags: flags, contents: [UInt8](repeating: 0, count: 8))
    _ = object.addSymbol("local", in: target, binding: .local)
    let symbol =
      isDefined
      ? object.addSymbol("target", in: target, type: symbolType)
      : object.addUndefinedSymbol("target", type: symbolType)
    object.relocate(text, at: offset, type, symbol, addend)
    return try object.object()
  }
}
