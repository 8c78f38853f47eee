import WeldELF
import WeldLink
import WeldMemory

/// One relocation of another machine, with everything laid out so that its formula gives a chosen value.
struct PlacedField {
  let row: FieldRow
  let image: LinkedImage
  /// What the section must contain in the end.
  let expected: [UInt8]
  /// What the slot must contain that is read; empty where none is.
  private(set) var slot: [UInt64] = []
  /// How errors describe the relocation.
  let description: LinkError.RelocationPlace
  /// Where the sections are.
  private let addresses: (text: UInt64, target: UInt64, got: UInt64)

  static let before = [UInt8](repeating: 0xcc, count: 16)
  static let after = [UInt8](repeating: 0x33, count: 8)

  /// - Parameters:
  ///   - value: what the formula is to give.
  ///   - old: the container's contents before.
  ///   - addend: A; by default what is usual, or what gives the value where nothing else can.
  init(_ row: FieldRow, value: Int64, old: UInt64 = 0, addend: Int64? = nil, section: String? = nil) throws {
    // Unaligned addresses are for data only.
    let section = section ?? (row.name.contains("UADDR") ? ".data" : ".text")
    self.row = row
    let machine = row.machine
    let value = UInt64(bitPattern: value)
    let P: UInt64 = 0x1_0000_0010
    var GOT: UInt64 = 0x1_2000_0000
    var A = UInt64(bitPattern: addend ?? 0x10)
    // The thread-local block has 0x40 bytes.
    let block: UInt64 = 0x1_5000_0000
    let TP = machine == .ppc64le ? block + 0x7000 : block + 0x40
    let DTP = machine == .ppc64le ? block + 0x8000 : block
    var S: UInt64 = row.model == nil ? 0x1_4000_0000 : block + 0x20
    var G: UInt64 = 0x1_1000_0000
    switch row.formula {
    case .SA, .localA: S = value &- A
    case .SAP, .LAP: S = value &+ P &- A
    case .SAGOT, .LAGOT: S = value &+ GOT &- A
    case .GOT: GOT = value
    case .GOTAP: GOT = value &+ P &- A
    case .slot(_, let origin):
      let from = origin == .zero ? 0 : origin == .P ? P : GOT
      G = value &+ from &- (machine.addendSelectsTarget ? 0 : A)
    case .SATP: A = value &+ TP &- S
    case .SADTP: A = value &+ DTP &- S
    case .none, .dynamicOnly, .deprecated, .moduleNumber: break
    }
    if case .slot(let kind, _) = row.formula {
      let target = S &+ (machine.addendSelectsTarget ? A : 0)
      slot =
        switch kind {
        case .address: [target]
        case .threadPointerOffset: [target &- TP]
        case .moduleOffset: [target &- DTP]
        case .moduleAndOffset: [1, target &- DTP]
        case .module: [1, 0]
        case .descriptor: []
        }
    }

    let old = old & (row.byteCount == 8 ? .max : 1 << UInt64(row.byteCount * 8) - 1)
    func contents(_ container: UInt64) -> [UInt8] {
      Self.before + [UInt8](container, byteCount: row.byteCount, machine.byteOrder) + Self.after
    }
    var object = machine.writer
    let isThreadLocal = row.model != nil
    let target = object.addSection(
      ".target", flags: isThreadLocal ? [.alloc, .write, .tls] : [.alloc, .write],
      contents: [UInt8](repeating: 0, count: 0x40))
    let flags: SectionFlags = section == ".text" ? [.alloc, .executable] : [.alloc, .write]
    let text = object.addSection(section, flags: flags, contents: contents(old))
    let symbol = object.addSymbol("target", in: target, at: 0x20, type: isThreadLocal ? .tls : .object)
    object.addRelocation(row.number, in: text, at: 16, to: symbol, addend: Int64(bitPattern: A))
    image = try LinkedImage(object.object(), gotBase: GOT)
    expected = contents(row.container(Int64(bitPattern: value), in: old))
    description = LinkError.place(row.name, in: section, at: 16, Int64(bitPattern: A))
    addresses = (P &- 16, S &- 0x20, G)
  }

  func resolve() throws {
    try image.map(description.section, to: addresses.text)
    try image.map(".target", to: addresses.target)
    try image.mapIfThere(.got, to: addresses.got)
    try image.resolve()
  }

  /// The section's bytes.
  var contents: [UInt8] { get throws { try image.contents(description.section) } }
}

extension LinkedImage {
  /// A linker that rewrites nothing, links thread-local variables, and has a GOT base that is apart from the
  /// GOT.
  init(_ object: ObjectFile, gotBase: UInt64, relaxes: Bool = false) throws {
    var options = RuntimeDyld.Options()
    options.relaxes = relaxes
    options.linksThreadLocals = true
    options.gotBase = Address(rawValue: gotBase)
    linker = RuntimeDyld(
      memory: ImageMemory(base: Address(rawValue: 0x10_0000)), lookup: AbsoluteSymbols([:]), options: options)
    try linker.load(object)
  }
}
