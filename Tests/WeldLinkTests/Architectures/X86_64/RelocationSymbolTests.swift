import Testing
import WeldELF
import WeldLink

@Suite("AMD64 psABI 4.4.1: every relocation against every kind of symbol")
struct RelocationSymbolTests {
  @Test(arguments: RelocationRow.stored, SymbolKind.allCases)
  func `a relocation takes the symbol's address or size`(row: RelocationRow, kind: SymbolKind) throws {
    // The addend makes the value 0x11 if, and only if, everything else is right.
    var letters = RelocationRow.Letters(
      S: kind.address, P: Self.textAddress + 2, GOT: Self.gotAddress, Z: kind.size)
    letters.G = kind.slotOffset
    letters.A = 0x11 &- row.value(letters)
    let image = try kind.image(row.type, addend: Int64(bitPattern: letters.A), byteCount: row.byteCount)
    try image.map(".text", of: "a.o", to: Self.textAddress)
    try image.map(".target", to: SymbolKind.targetAddress - 0x20)
    try image.mapIfThere(.got, to: Self.gotAddress)
    try image.mapIfThere(.stubs, to: SymbolKind.stubAddress)
    try image.mapIfThere(.common, to: SymbolKind.commonAddress)
    try image.resolve()
    let expected: [UInt8] = [0xcc, 0xcc] + [UInt8](0x11, byteCount: row.byteCount) + [0xa5]
    #expect(try image.contents(".text", of: "a.o") == expected)
    if row.usesSlot {
      #expect(try image.slot(holding: letters.S) == Self.gotAddress + letters.G)
    }
    if kind == .indirectFunction {
      // Nothing is run in an image: the resolver stands for its result.
      #expect(try image.slots[0] == SymbolKind.targetAddress)
    }
  }

  static let textAddress: UInt64 = 0x40_0000
  static let gotAddress: UInt64 = 0x50_0000
}

/// What a relocation can refer to.
enum SymbolKind: String, CaseIterable, Sendable {
  case local, global, weak, unique, hidden, `internal`, protected
  case sectionSymbol, noSymbol, absolute, common
  case external, externalWeak, undefinedWeak
  case indirectFunction, inDroppedGroup, inOtherObject

  static let targetAddress: UInt64 = 0x60_0020
  static let commonAddress: UInt64 = 0x61_0000
  static let absoluteAddress: UInt64 = 0x62_0000
  static let externalAddress: UInt64 = 0x63_0000
  static let stubAddress: UInt64 = 0x64_0000

  /// S.
  var address: UInt64 {
    switch self {
    case .sectionSymbol: Self.targetAddress - 0x20
    case .noSymbol, .undefinedWeak: 0
    case .absolute: Self.absoluteAddress
    case .common: Self.commonAddress
    case .external, .externalWeak: Self.externalAddress
    // Everybody sees the stub.
    case .indirectFunction: Self.stubAddress
    default: Self.targetAddress
    }
  }

  /// Z.
  var size: UInt64 {
    switch self {
    case .sectionSymbol, .noSymbol, .external, .externalWeak, .undefinedWeak: 0
    default: 0x30
    }
  }

  /// G: an indirect function's stub has the first slot.
  var slotOffset: UInt64 { self == .indirectFunction ? 8 : 0 }

  /// A linker for an object with one relocation, 2 bytes from the start of its `.text`.
  func image(_ type: X86_64Relocation, addend: Int64, byteCount: Int) throws -> LinkedImage {
    if self == .inDroppedGroup {
      let second = try Self.group.get().named("a.o").changingRelocation {
        $0.type = type.rawValue
        $0.addend = addend
      }
      // The room of the widest field, of which the last bytes may be left over.
      let text = try second.changingHeader(of: ".text", (32, 8, UInt64(byteCount) + 3))
      return try LinkedImage([Self.group.get(), text])
    }
    var object = ObjectWriter.x86_64
    let text = object.addText([0xcc, 0xcc] + [UInt8](repeating: 0xa5, count: byteCount + 1))
    let name = self == .inOtherObject ? ".own" : ".target"
    let target = object.addData([UInt8](repeating: 0, count: 0x50), name: name)
    var symbol: ObjectWriter.SymbolID?
    var others: [ObjectFile] = []
    func define(
      _ binding: SymbolBinding, _ visibility: SymbolVisibility = .default, type: SymbolType = .object
    ) -> ObjectWriter.SymbolID {
      object.addSymbol(
        "target", in: target, at: 0x20, size: 0x30, type: type, binding: binding, visibility: visibility)
    }
    switch self {
    case .local: symbol = define(.local)
    case .global: symbol = define(.global)
    case .weak: symbol = define(.weak)
    case .unique: symbol = define(.unique)
    case .hidden: symbol = define(.global, .hidden)
    case .internal: symbol = define(.global, .internal)
    case .protected: symbol = define(.global, .protected)
    case .sectionSymbol: symbol = object.addSymbol("", in: target, type: .section, binding: .local)
    case .noSymbol: break
    case .absolute: symbol = object.addAbsoluteSymbol("target", value: Self.absoluteAddress, size: 0x30)
    case .common: symbol = object.addCommonSymbol("target", size: 0x30, alignment: 16)
    case .external: symbol = object.addUndefinedSymbol("external")
    case .externalWeak: symbol = object.addUndefinedSymbol("external", binding: .weak)
    case .undefinedWeak: symbol = object.addUndefinedSymbol("nobody", binding: .weak)
    case .indirectFunction: symbol = define(.global, type: .indirectFunction)
    case .inOtherObject:
      symbol = object.addUndefinedSymbol("target")
      var other = ObjectWriter.x86_64
      let data = other.addData([UInt8](repeating: 0, count: 0x50), name: ".target")
      _ = other.addSymbol("target", in: data, at: 0x20, size: 0x30)
      others.append(try other.object("b.o"))
    case .inDroppedGroup: break
    }
    object.relocate(text, at: 2, type, symbol, addend)
    // Something must use the GOT so that there is one.
    let data = object.addData([UInt8](repeating: 0, count: 8))
    object.relocate(data, at: 0, .R_X86_64_GOTPC64, object.addUndefinedSymbol("_GLOBAL_OFFSET_TABLE_"))
    return try LinkedImage([object.object()] + others, knowing: ["external": Self.externalAddress])
  }

  /// An object whose `target` is in a group, linked twice: the second one's is dropped.
  private static let group = Result {
    try Assembler.object(
      "first.o",
      """
      .byte 0xcc, 0xcc
      .reloc 2, R_X86_64_NONE, target
      .zero 9, 0xa5
      .data
      .quad _GLOBAL_OFFSET_TABLE_ - .
      .section .target, "awG", @progbits, target, comdat
      .zero 0x20
      .globl target
      .type target, @object
      .size target, 0x30
      target: .zero 0x30
      """)
  }
}
