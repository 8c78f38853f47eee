internal import WeldBytes
internal import WeldELF

/// Relocations as errors and maps show them, and walks over all of a batch.
enum RelocationWalk {
  /// Everything that tells a reader which relocation is meant.
  static func place(
    of relocation: Relocation, in object: ObjectFile, _ section: UInt32
  ) -> LinkError.RelocationPlace {
    let index = Int(relocation.symbol.rawValue)
    return LinkError.RelocationPlace(
      file: object.name, section: object.sectionName(SectionIndex(rawValue: section)),
      offset: relocation.offset,
      type: object.header.machine.relocationName(relocation.type),
      symbol: index > 0 && index < object.symbolCount ? object.name(of: object.symbols[index]) : "",
      addend: relocation.addend)
  }

  /// The places that refer to each of `symbols`, canonical numbers, in the order of the input.
  static func references(to symbols: Set<Int>, in resolution: borrowing Resolution) -> [Int: [LinkError
    .RelocationPlace]]
  {
    var found: [Int: [LinkError.RelocationPlace]] = [:]
    let batch = resolution.batch
    for position in batch.objects.indices {
      let object = batch.objects[position]
      for number in batch.first[position].section..<batch.first[position + 1].section {
        let section = resolution.sections[number]
        guard section.kind != .notLoaded, section.relocationCount > 0 else { continue }
        let table = object.relocations(at: section.relocationOffset, count: Int(section.relocationCount))
        for index in 0..<table.count {
          let relocation = table[index]
          let symbol = Int(
            resolution.symbols[batch.first[position].symbol + Int(relocation.symbol.rawValue)].canonical)
          guard symbols.contains(symbol) else { continue }
          found[symbol, default: []].append(
            place(of: relocation, in: object, UInt32(number - batch.first[position].section)))
        }
      }
    }
    return found
  }
}
