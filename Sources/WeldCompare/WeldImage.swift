internal import WeldBytes
internal import WeldELF
internal import WeldLink
internal import WeldMemory

/// What Weld makes of the objects at another linker's addresses.
struct WeldImage {
  let map: LinkMap
  /// The positions in the map of the relocations of each section.
  private(set) var relocations: [Int: [Int]] = [:]
  /// Where stubs lead to, by their addresses.
  private(set) var stubTargets: [UInt64: UInt64] = [:]
  private let got: LinkMap.Section?
  private let stubs: [LinkMap.Section]
  /// Where what has no place in the other program begins.
  private let start: Address

  /// Links what was prepared, with every section where the other linker put it.
  init(_ preparation: Preparation, at peer: PeerImage, relaxes: Bool) throws(LinkError) {
    var options = ImageLinker.Options()
    start = Address(rawValue: (peer.end &+ 0x20_ffff) & ~0xffff)
    options.baseAddress = start
    options.relaxes = relaxes
    for (file, sections) in peer.places {
      for (section, place) in sections where section != ".eh_frame" && section != Preparation.rootSection {
        options.sectionAddresses.append(
          SectionAddress(file: file, section: section, address: Address(rawValue: place.address)))
      }
    }
    let idioms = preparation.machine.idioms
    if peer.gotBase != 0 {
      options.absoluteSymbols[idioms.gotBaseName] = Address(rawValue: peer.gotBase)
      // Slots must be in reach of the base. That others lie there too does not matter: nothing runs.
      options.sectionAddresses.append(
        SectionAddress(
          file: "", section: SyntheticSection.got.rawValue,
          address: Address(rawValue: peer.gotBase &- idioms.gotBias)))
    }
    var inputs: [LinkInput] = []
    for file in preparation.files { inputs.append(try LinkInput(Bytes(file.bytes), name: file.name)) }
    let made = preparation.linkerMade.subtracting([idioms.gotBaseName])
    let addresses = peer.symbols.filter { made.contains($0.key) }
    inputs.append(
      try LinkInput(Bytes(preparation.externals(at: addresses)), name: Preparation.externals))
    map = try ImageLinker.link(inputs, options: options)
    for (position, relocation) in map.relocations.enumerated() {
      relocations[relocation.section, default: []].append(position)
    }
    for stub in map.stubs { stubTargets[stub.address.rawValue] = stub.target.rawValue }
    stubs = map.sections.filter { $0.index == nil && $0.name == SyntheticSection.stubs.rawValue }
    got = map.sections.first { $0.index == nil && $0.name == SyntheticSection.got.rawValue }
  }

  /// Code of Weld's own that follows the sections of the objects, from `address` on.
  func stubCode(at address: UInt64) -> [UInt8]? {
    for stubs in stubs where stubs.address >= start {
      guard let start = Int(exactly: address &- stubs.address.rawValue), start < stubs.contents.count else {
        continue
      }
      return Array(stubs.contents[start...].prefix(48))
    }
    return nil
  }

  /// Bytes of the GOT.
  func slotBytes(at address: UInt64, count: Int) -> [UInt8]? {
    guard let got, let start = Int(exactly: address &- got.address.rawValue),
      start >= 0, start <= got.contents.count - count
    else { return nil }
    return Array(got.contents[start..<start + count])
  }
}
