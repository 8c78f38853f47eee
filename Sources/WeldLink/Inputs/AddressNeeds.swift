public import WeldELF

/// What objects expect of the addresses they are linked at.
public enum AddressNeeds {
  /// Whether some object holds addresses of its own code or data in 32 bits, as code compiled without `-fPIC`
  /// and `-fPIE` does, and so must lie below 2 GiB.
  public static func wantsLowAddresses(_ objects: [ObjectFile]) throws(LinkError) -> Bool {
    guard let first = objects.first else { return false }
    try SupportedMachine.traits(of: first)
    var search = Search(objects: objects)
    return try search.run(for: first.header.machine, file: first.name)
  }

  /// Bytes of address space that suffice to link `objects` as one batch: an upper bound.
  public static func windowByteCount(for objects: [ObjectFile]) -> Int {
    // Segments begin on pages of their own, large allocations at huge ones.
    var total: UInt64 = 8 << 20
    func add(_ byteCount: UInt64) {
      let (sum, overflow) = total.addingReportingOverflow(byteCount)
      total = overflow ? .max : sum
    }
    for object in objects {
      for number in 0..<object.sectionCount {
        let section = object.section(at: SectionIndex(rawValue: UInt32(number)))
        // A slot and a stub take less than the 24 bytes of a relocation.
        if section.type == .rela { add(section.size) }
        guard section.flags.contains(.alloc) else { continue }
        add(section.size)
        add(section.alignment)
      }
      let symbols = object.symbols
      for index in 0..<symbols.count
      where symbols[index].place == .common || symbols[index].place == .largeCommon {
        add(symbols[index].size)
        add(symbols[index].value)
      }
    }
    // What does not fit in an address space is for the memory manager to refuse.
    return Int(clamping: min(total, 1 << 62))
  }

  private struct Search: ArchitectureWork {
    let objects: [ObjectFile]

    func run<A: Architecture>(for _: A.Type) throws(LinkError) -> Bool {
      let rules = A.rules
      return objects.contains { object in
        (1..<max(object.sectionCount, 1)).contains { number in
          let table = object.section(at: SectionIndex(rawValue: UInt32(number)))
          guard table.type == .rela,
            object.section(at: SectionIndex(rawValue: table.info)).flags.contains(.alloc)
          else { return false }
          let relocations = object.relocations(in: table)
          for index in 0..<relocations.count {
            let relocation = relocations[index]
            let row = rules[relocation.type]
            guard row.shape == .absolute, row.byteCount == 4,
              Int(relocation.symbol.rawValue) < object.symbolCount
            else { continue }
            let symbol = object.symbols[Int(relocation.symbol.rawValue)]
            switch symbol.place {
            case .absolute: continue
            case .undefined where symbol.binding == .weak || relocation.symbol == .undefined: continue
            default: return true
            }
          }
          return false
        }
      }
    }
  }
}
