import WeldELF
import WeldLink

/// What a relocation of another machine can refer to.
enum CrossSymbolKind: String, CaseIterable, Sendable {
  case local, global, weak, hidden, protected, sectionSymbol, noSymbol, absolute, common
  case external, externalWeak, undefinedWeak, indirectFunction, inOtherObject

  /// Whether what it names lies in the image, at a place of its own.
  var isInImage: Bool {
    switch self {
    case .local, .global, .weak, .hidden, .protected, .sectionSymbol, .common, .inOtherObject: true
    default: false
    }
  }

  private static let text: UInt64 = 0x40_0000
  private static let got: UInt64 = 0x50_0000
  private static let target: UInt64 = 0x60_0020

  /// S.
  private var address: UInt64 {
    switch self {
    case .sectionSymbol: Self.target - 0x20
    case .noSymbol, .undefinedWeak: 0
    case .common: 0x61_0000
    case .absolute: 0x62_0000
    case .external, .externalWeak: 0x63_0000
    // Everybody sees the stub.
    case .indirectFunction: 0x64_0000
    default: Self.target
    }
  }

  /// What a section with one relocation against such a symbol contains, what it must contain, and the same
  /// for the slot that is read. The addend makes the value 0x40 if, and only if, everything else is right.
  func link(_ row: FieldRow) throws -> (found: [UInt8], expected: [UInt8], slot: UInt64?, target: UInt64?) {
    let machine = row.machine
    let P = Self.text + 16
    let GOT = Self.got + (machine == .ppc64le ? 0x8000 : 0)
    // An indirect function's stub has the first slot.
    let G = Self.got + (self == .indirectFunction ? 8 : 0)
    var A: UInt64 = 0x40
    var value: UInt64 = 0x40
    var target: UInt64?
    switch row.formula {
    case .SA, .localA: A = value &- address
    case .SAP, .LAP: A = value &+ P &- address
    case .SAGOT, .LAGOT: A = value &+ GOT &- address
    case .GOT: value = GOT
    case .GOTAP: A = value &+ P &- GOT
    case .slot(_, let origin):
      let from = origin == .zero ? 0 : origin == .P ? P : GOT
      if machine.addendSelectsTarget { value = G &- from } else { A = value &+ from &- G }
      target = address &+ (machine.addendSelectsTarget ? A : 0)
    default: break
    }
    let before = [UInt8](repeating: 0xcc, count: 16)
    let image = try image(
      machine, row.number, addend: A, before + [UInt8](repeating: 0, count: row.byteCount + 4))
    try image.map(".text", of: "a.o", to: Self.text)
    try image.map(".target", to: Self.target - 0x20)
    try image.mapIfThere(.got, to: Self.got)
    try image.mapIfThere(.stubs, to: 0x64_0000)
    try image.mapIfThere(.common, to: 0x61_0000)
    try image.resolve()
    let field = [UInt8](
      row.container(Int64(bitPattern: value), in: 0), byteCount: row.byteCount, machine.byteOrder)
    let slots = try image.sections(SyntheticSection.got.rawValue, of: "").first.map {
      try image.linker.contents(of: $0.id).words(of: 8, machine.byteOrder)
    }
    let found = try image.contents(".text", of: "a.o")
    return (
      found, before + field + [0, 0, 0, 0], target == nil ? nil : slots?[Int(G - Self.got) / 8], target
    )
  }

  private func image(
    _ machine: CrossMachine, _ type: UInt32, addend: UInt64, _ code: [UInt8]
  ) throws -> LinkedImage {
    var object = machine.writer
    let text = object.addText(code)
    let target = object.addData(
      [UInt8](repeating: 0, count: 0x50), name: self == .inOtherObject ? ".own" : ".target")
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
    case .hidden: symbol = define(.global, .hidden)
    case .protected: symbol = define(.global, .protected)
    case .sectionSymbol: symbol = object.addSymbol("", in: target, type: .section, binding: .local)
    case .noSymbol: break
    case .absolute: symbol = object.addAbsoluteSymbol("target", value: address)
    case .common: symbol = object.addCommonSymbol("target", size: 0x30, alignment: 16)
    case .external: symbol = object.addUndefinedSymbol("external")
    case .externalWeak: symbol = object.addUndefinedSymbol("external", binding: .weak)
    case .undefinedWeak: symbol = object.addUndefinedSymbol("nobody", binding: .weak)
    case .indirectFunction: symbol = define(.global, type: .indirectFunction)
    case .inOtherObject:
      symbol = object.addUndefinedSymbol("target")
      var other = machine.writer
      let data = other.addData([UInt8](repeating: 0, count: 0x50), name: ".target")
      _ = other.addSymbol("target", in: data, at: 0x20, size: 0x30)
      others.append(try other.object("b.o"))
    }
    object.addRelocation(type, in: text, at: 16, to: symbol, addend: Int64(bitPattern: addend))
    // Something must use the GOT so that there is one.
    let data = object.addData([UInt8](repeating: 0, count: 8), name: ".base")
    let base =
      machine == .ppc64le ? PPC64Relocation.R_PPC64_TOC.rawValue : S390XRelocation.R_390_GOTPC.rawValue
    object.addRelocation(base, in: data, at: 0, to: nil, addend: 0)
    return try LinkedImage([object.object()] + others, knowing: ["external": 0x63_0000], relaxes: false)
  }
}
