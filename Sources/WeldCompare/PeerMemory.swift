internal import WeldBytes
internal import WeldELF
internal import WeldLink
internal import WeldMemory

/// A loaded section of a file that other linkers get.
struct LoadedSection {
  var file: String
  var name: String
  var byteCount: Int
  /// Whether it has no contents in the file.
  var isZero: Bool
  /// Where its first symbol is, in bytes from its start.
  var firstSymbol: UInt64 = 0
}

/// A symbol that the code of a file reaches through a slot or, perhaps, a stub.
struct IndirectSymbol: Hashable {
  var file: String
  var name: String
  var isBranch: Bool
}

extension Preparation {
  /// The loaded sections of all files that have bytes.
  func loadedSections(with externals: [UInt8]) throws(PeerProblem) -> [LoadedSection] {
    var sections: [LoadedSection] = []
    for file in files + [(Self.externals, externals)] {
      let object = try Self.object(file)
      var firstSymbols: [SectionIndex: UInt64] = [:]
      for index in 1..<max(object.symbolCount, 1) {
        let symbol = object.symbol(at: SymbolIndex(rawValue: UInt32(index)))
        guard case .section(let section) = symbol.place else { continue }
        firstSymbols[section] = min(firstSymbols[section] ?? .max, symbol.value)
      }
      for number in 1..<max(object.sectionCount, 1) {
        let index = SectionIndex(rawValue: UInt32(number))
        let section = object.section(at: index)
        let name = object.name(of: section)
        guard section.flags.contains(.alloc), section.size > 0, section.size < 1 << 30,
          hasSection(name, in: file.name)
        else { continue }
        sections.append(
          LoadedSection(
            file: file.name, name: name, byteCount: Int(section.size), isZero: section.type == .nobits,
            firstSymbol: firstSymbols[index] ?? 0))
      }
    }
    return sections
  }

  /// The symbols that code may reach indirectly.
  func indirectSymbols() throws(PeerProblem) -> [IndirectSymbol] {
    let idioms = machine.idioms
    var symbols: Set<IndirectSymbol> = []
    for file in files {
      let object = try Self.object(file)
      for number in 1..<max(object.sectionCount, 1) {
        let header = object.section(at: SectionIndex(rawValue: UInt32(number)))
        guard header.type == .rela else { continue }
        let table = object.relocations(in: header)
        for entry in 0..<table.count where Int(table[entry].symbol.rawValue) < object.symbolCount {
          let name = object.name(of: object.symbol(at: table[entry].symbol))
          switch idioms.rule(table[entry].type)?.value {
          case .slot: symbols.insert(IndirectSymbol(file: file.name, name: name, isBranch: false))
          case .branch: symbols.insert(IndirectSymbol(file: file.name, name: name, isBranch: true))
          default: break
          }
        }
      }
    }
    return Array(symbols)
  }

  static func object(_ file: (name: String, bytes: [UInt8])) throws(PeerProblem) -> ObjectFile {
    do {
      return try ObjectFile(Bytes(file.bytes), name: file.name)
    } catch {
      throw PeerProblem("\(error)")
    }
  }
}

/// What was read out of a linker that makes no file.
struct PeerMemory {
  let order: ByteOrder
  var places: [SectionPlaces.Entry] = []
  var chunks: [(address: UInt64, bytes: [UInt8])] = []
  /// Slots and stubs.
  var extras: [(address: UInt64, bytes: [UInt8])] = []

  init(order: ByteOrder) { self.order = order }

  func image(gotBase: UInt64, symbols: [String: UInt64]) -> PeerImage {
    return PeerImage(
      chunks: chunks + extras, places: places, symbols: symbols, gotBase: gotBase,
      byteOrder: order)
  }

  /// The slots that stubs at `addresses` read.
  func readByStubs(at addresses: Set<UInt64>, _ idioms: any Idioms.Type) -> Set<UInt64> {
    var slots: Set<UInt64> = []
    for extra in extras where addresses.contains(extra.address) {
      if case .word(let slot) = idioms.step(ofStub: extra.bytes, at: extra.address, gotBase: 0) {
        slots.insert(slot)
      }
    }
    return slots
  }

  /// The addresses outside of sections that relocated fields refer to: those of slots and stubs.
  func referredTo(in preparation: Preparation) -> Set<UInt64> {
    let idioms = preparation.machine.idioms
    let image = image(gotBase: 0, symbols: [:])
    var addresses: Set<UInt64> = []
    for file in preparation.files {
      guard let object = try? Preparation.object(file) else { continue }
      for number in 1..<max(object.sectionCount, 1) {
        let header = object.section(at: SectionIndex(rawValue: UInt32(number)))
        guard header.type == .rela, Int(header.info) < object.sectionCount else { continue }
        let section = object.section(at: SectionIndex(rawValue: header.info))
        guard let place = image.places[file.name]?[object.name(of: section)],
          let bytes = image.bytes(at: place.address, count: place.byteCount)
        else { continue }
        let table = object.relocations(in: header)
        for entry in 0..<table.count {
          let relocation = table[entry]
          guard let rule = idioms.rule(relocation.type), rule.part == .whole,
            let at = Int(exactly: relocation.offset), at <= bytes.count - max(rule.field.byteCount, 1)
          else { continue }
          let value = UInt64(
            bitPattern: rule.field.decode(bytes.integer(at: at, byteCount: rule.field.byteCount, order)))
          let P = place.address &+ relocation.offset
          let A = UInt64(bitPattern: relocation.addend)
          switch rule.value {
          case .slot(_, from: .place): addresses.insert(value &+ P &- (idioms.addendSelectsTarget ? 0 : A))
          case .branch, .pcRelative: addresses.insert(value &+ P &- (idioms.addendSelectsTarget ? 0 : A))
          default: break
          }
        }
      }
    }
    return addresses.filter { !image.isFromObject($0) && $0 != 0 }
  }
}

extension Machine {
  /// LLVM's name of the target.
  var triple: String {
    switch self {
    case .ppc64: "powerpc64le-unknown-linux-gnu"
    case .s390: "s390x-unknown-linux-gnu"
    default: "x86_64-unknown-linux-gnu"
    }
  }
}
