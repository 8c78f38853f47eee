import Testing
import WeldELF
import WeldLink
import WeldMemory

/// Objects for another machine, linked with addresses of their own, and what was decided about them.
struct CrossImage {
  let machine: CrossMachine
  let map: LinkMap

  /// Links `objects`.
  ///
  /// - Parameters:
  ///   - addresses: of sections, by `file:section`; without file for those that the linker makes.
  ///   - externals: symbols from outside. `.TOC.` and `_GLOBAL_OFFSET_TABLE_` may be among them.
  init(
    _ machine: CrossMachine, _ objects: [ObjectFile], at addresses: [String: UInt64] = [:],
    knowing externals: [String: UInt64] = [:], relaxes: Bool = true
  ) throws {
    self.machine = machine
    var options = ImageLinker.Options()
    options.absoluteSymbols = externals.mapValues { Address(rawValue: $0) }
    options.relaxes = relaxes
    options.sectionAddresses = addresses.map { name, address in
      let parts = name.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
      return SectionAddress(file: parts[0], section: parts[1], address: Address(rawValue: address))
    }
    map = try ImageLinker.link(objects.map { .object($0) }, options: options)
  }

  /// Assembles `source` as `a.o` and links it.
  init(
    _ machine: CrossMachine, _ source: String, at addresses: [String: UInt64] = [:],
    knowing externals: [String: UInt64] = [:], relaxes: Bool = true
  ) throws {
    try self.init(
      machine, [machine.object("a.o", source)], at: addresses, knowing: externals, relaxes: relaxes)
  }

  func section(_ name: String, of file: String = "a.o") throws -> LinkMap.Section {
    try #require(map.sections.first { $0.name == name && $0.file == file }, "\(name) of \(file)")
  }

  func bytes(_ name: String = ".text", of file: String = "a.o") throws -> [UInt8] {
    try section(name, of: file).contents
  }

  /// A section as words of the machine.
  func words(_ name: String = ".text", of file: String = "a.o", byteCount: Int = 4) throws -> [UInt64] {
    try bytes(name, of: file).words(of: byteCount, machine.byteOrder)
  }

  /// What a section reads as, without what the assembler fills it up with.
  func text(_ name: String = ".text", of file: String = "a.o") throws -> [String] {
    var text = try machine.text(of: bytes(name, of: file))
    while machine == .s390x, file != "", text.last == "nopr %r7" { text.removeLast() }
    return text
  }

  func address(_ symbol: String) throws -> UInt64 {
    try #require(map.symbols.first { $0.name == symbol }, "\(symbol)").address.rawValue
  }

  /// The bytes at an address.
  func bytes(at address: UInt64, count: Int) throws -> [UInt8] {
    let section = try #require(
      map.sections.first {
        $0.address.rawValue <= address && address - $0.address.rawValue + UInt64(count) <= $0.contents.count
      })
    let start = Int(address - section.address.rawValue)
    return Array(section.contents[start..<start + count])
  }

  func word(at address: UInt64, byteCount: Int = 8) throws -> UInt64 {
    try bytes(at: address, count: byteCount).integer(at: 0, byteCount: byteCount, machine.byteOrder)
  }

  /// The only stub for a symbol, or that of a kind.
  func stub(_ symbol: String, _ kind: String? = nil) throws -> LinkMap.Stub {
    let found = map.stubs.filter { $0.symbol == symbol && (kind == nil || $0.kind == kind) }
    return try #require(found.first, "\(found.count) stubs for \(symbol)")
  }

  /// What a stub reads as.
  func text(of stub: LinkMap.Stub) throws -> [String] {
    try machine.text(of: bytes(at: stub.address.rawValue, count: stub.byteCount))
  }

  /// The only slot for a symbol.
  func slot(_ symbol: String, addend: Int64 = 0) throws -> UInt64 {
    try #require(map.slots.first { $0.symbol == symbol && $0.addend == addend }, "\(symbol)").address.rawValue
  }

  var gotBase: UInt64 { get throws { try #require(map.gotBase).rawValue } }

  /// Where the `b` or `bl` at `address` goes to.
  func branchTarget(at address: UInt64) throws -> UInt64 {
    let word = try word(at: address, byteCount: 4)
    try #require(word >> 26 == 18)
    let distance = Int64(bitPattern: (word & 0x3ff_fffc) << 38) >> 38
    return address &+ UInt64(bitPattern: distance)
  }
}

/// The immediates of `addis` and a following instruction that together add a distance.
struct Halves {
  let ha: Int64
  let lo: Int64

  init(_ distance: UInt64) {
    lo = Int64(Int16(truncatingIfNeeded: distance))
    ha = (Int64(bitPattern: distance) - lo) / 0x1_0000
  }
}
