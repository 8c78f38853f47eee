internal import WeldBytes
internal import WeldELF
internal import WeldLink
internal import WeldMemory

extension ImageComparison {
  /// Notes a relocation that differs in substance.
  mutating func note(_ place: Place, in section: LinkMap.Section) {
    let relocation = place.relocation
    let meanings = place.meanings
    let via = relocation.via == .rewritten || relocation.via == .nothing ? "" : "\(relocation.via.rawValue), "
    let code = place.isCode ? codeRange(of: place) : 0..<0
    findings.differences.append(
      Comparison.Difference(
        file: preparation.originals[section.file]?.name ?? section.file, section: originalName(of: section),
        offset: place.range.lowerBound,
        relocation: Comparison.Difference.Relocation(
          offset: relocation.offset, type: relocation.type, symbol: relocation.symbol,
          addend: relocation.addend),
        ours: Array(place.ours[place.range]), theirs: Array(place.theirs[place.range]),
        ourMeaning: via + (meanings.map { text(of: $0.our) } ?? relocation.target.description),
        theirMeaning: meanings.map { text(of: $0.their) } ?? "", ourCode: Array(place.ours[code]),
        theirCode: Array(place.theirs[code])))
  }

  /// Notes each run of differing bytes that no relocation accounts for.
  mutating func noteRest(_ rest: [UInt8], _ theirs: [UInt8], in section: LinkMap.Section) {
    guard rest != section.contents else { return }
    var start: Int?
    for position in 0...rest.count {
      let differs = position < rest.count && rest[position] != section.contents[position]
      if differs, start == nil { start = position }
      guard !differs, let first = start else { continue }
      findings.differences.append(
        Comparison.Difference(
          file: preparation.originals[section.file]?.name ?? section.file, section: originalName(of: section),
          offset: first, relocation: nil, ours: Array(section.contents[first..<position]),
          theirs: Array(theirs[first..<position]), ourMeaning: "", theirMeaning: "", ourCode: [],
          theirCode: []))
      start = nil
    }
  }

  /// The name that the section has in the object.
  private func originalName(of section: LinkMap.Section) -> String {
    guard let index = section.index, let object = preparation.originals[section.file] else {
      return section.name
    }
    return object.sectionName(SectionIndex(rawValue: UInt32(index)))
  }

  /// The instruction at a place and what was changed with it.
  private func codeRange(of place: Place) -> Range<Int> {
    let start = idioms.startOfInstruction(place.theirs, fieldAt: place.offset)
    let instruction = idioms.instruction(at: place.offset, isCode: true, place.range)
    let first = min(start, place.range.lowerBound)
    return max(first, 0)..<min(max(instruction.upperBound, place.range.upperBound), place.ours.count)
  }

  private func text(of meaning: Place.Meaning) -> String {
    switch meaning {
    case .slot(let address, _): "slot \(hexadecimal(address))"
    case .address(let address): hexadecimal(address)
    case .number(let number): "\(number)"
    }
  }
}

/// An address in words.
func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
