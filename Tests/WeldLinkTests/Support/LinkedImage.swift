import WeldBytes
import WeldELF
import WeldLink
import WeldMemory

/// Objects that are linked at chosen addresses, and not run.
struct LinkedImage {
  let linker: RuntimeDyld

  struct NoSection: Error {
    var name: String
    var file: String?
  }

  /// A linker that knows the symbols `externals` and has loaded `objects`; the image begins at `base`.
  init(
    _ objects: [ObjectFile], knowing externals: [String: UInt64] = [:], relaxes: Bool = true,
    aliases: [Alias] = [], base: UInt64 = 0x10_0000
  ) throws {
    try self.init(
      objects, lookup: AbsoluteSymbols(externals.mapValues { Address(rawValue: $0) }), relaxes: relaxes,
      aliases: aliases, base: base)
  }

  /// A linker with another lookup.
  init(
    _ objects: [ObjectFile], lookup: some SymbolLookup, relaxes: Bool = true, aliases: [Alias] = [],
    base: UInt64 = 0x10_0000
  ) throws {
    var options = RuntimeDyld.Options()
    options.relaxes = relaxes
    options.aliases = aliases
    linker = RuntimeDyld(
      memory: ImageMemory(base: Address(rawValue: base)), lookup: lookup, options: options)
    for object in objects { try linker.load(object) }
  }

  /// Lets the only section of this name, or that of `file`, lie at `address`.
  func map(_ name: String, of file: String? = nil, to address: UInt64) throws {
    try linker.mapSection(section(name, of: file).id, to: Address(rawValue: address))
  }

  /// As ``map(_:of:to:)``, for a section that the linker only made if it is needed.
  func mapIfThere(_ section: SyntheticSection, to address: UInt64) throws {
    for found in try linker.sections() where found.file.isEmpty && found.name == section.rawValue {
      try linker.mapSection(found.id, to: Address(rawValue: address))
    }
  }

  /// Lets all sections lie one after another from `base` on. By itself every batch begins at the same
  /// address.
  func spread(from base: UInt64 = 0x100_0000) throws {
    var address = base
    for section in try linker.sections() {
      try linker.mapSection(section.id, to: Address(rawValue: address))
      address += UInt64(section.byteCount + 64) / 64 * 64
    }
  }

  func resolve() throws { try linker.resolveRelocations() }

  /// All sections of this name.
  func sections(_ name: String, of file: String? = nil) throws -> [RuntimeDyld.Section] {
    try linker.sections().filter { $0.name == name && (file == nil || $0.file == file) }
  }

  /// The first section of this name.
  func section(_ name: String, of file: String? = nil) throws -> RuntimeDyld.Section {
    guard let found = try sections(name, of: file).first else { throw NoSection(name: name, file: file) }
    return found
  }

  /// The bytes that were written for it.
  func contents(_ name: String, of file: String? = nil) throws -> [UInt8] {
    try linker.contents(of: section(name, of: file).id)
  }

  /// The 8-byte words of a section; none if there is no such section.
  func words(_ name: String, of file: String? = nil) throws -> [UInt64] {
    try sections(name, of: file).first.map { try linker.contents(of: $0.id).words } ?? []
  }

  /// What the slots of the GOT hold.
  var slots: [UInt64] { get throws { try words(SyntheticSection.got.rawValue, of: "") } }

  /// The address of the slot that holds `value`; `nil` if none does.
  func slot(holding value: UInt64) throws -> UInt64? {
    guard let position = try slots.firstIndex(of: value) else { return nil }
    return try section(SyntheticSection.got.rawValue, of: "").address.rawValue + UInt64(position) * 8
  }

  /// What the slots of the GOT hold, by their addresses.
  var slotContents: [UInt64: UInt64] {
    get throws {
      guard let got = try sections(SyntheticSection.got.rawValue, of: "").first else { return [:] }
      let pairs = try slots.enumerated().map { (got.address.rawValue + UInt64($0) * 8, $1) }
      return Dictionary(uniqueKeysWithValues: pairs)
    }
  }

  /// The address of a symbol.
  func address(of name: String) -> UInt64? { linker.symbol(named: name)?.address.rawValue }
}

extension [UInt8] {
  /// The little-endian integer of `byteCount` bytes at `offset`.
  func integer(at offset: Int, byteCount: Int) -> UInt64 {
    self[offset..<offset + byteCount].reversed().reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The same, sign-extended.
  func signed(at offset: Int, byteCount: Int) -> Int64 {
    let unused = Int64(64 - byteCount * 8)
    return (Int64(bitPattern: integer(at: offset, byteCount: byteCount)) << unused) >> unused
  }

  /// The bytes as little-endian words of 8.
  var words: [UInt64] {
    stride(from: 0, through: count - 8, by: 8).map { integer(at: $0, byteCount: 8) }
  }

  /// The lowest `byteCount` bytes of `value`, the lowest first.
  init(_ value: UInt64, byteCount: Int) {
    self = (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  /// Bytes from text such as `48 8d 05`.
  init(hex text: String) {
    self = text.split(separator: " ").map { UInt8($0, radix: 16) ?? 0 }
  }
}

extension ObjectWriter {
  /// An empty object for this machine.
  static var x86_64: ObjectWriter { ObjectWriter(machine: .x86_64, byteOrder: .little) }

  /// The object, as a file called `name`.
  func object(_ name: String = "a.o") throws -> ObjectFile { try ObjectFile(Bytes(bytes()), name: name) }

  /// Adds code.
  mutating func addText(_ contents: [UInt8], name: String = ".text", alignment: UInt64 = 1) -> SectionID {
    addSection(name, flags: [.alloc, .executable], alignment: alignment, contents: contents)
  }

  /// Adds variables.
  mutating func addData(_ contents: [UInt8], name: String = ".data", alignment: UInt64 = 1) -> SectionID {
    addSection(name, flags: [.alloc, .write], alignment: alignment, contents: contents)
  }

  /// Adds a relocation.
  mutating func relocate(
    _ section: SectionID, at offset: UInt64, _ type: X86_64Relocation, _ symbol: SymbolID?,
    _ addend: Int64 = 0
  ) {
    addRelocation(type.rawValue, in: section, at: offset, to: symbol, addend: addend)
  }
}
