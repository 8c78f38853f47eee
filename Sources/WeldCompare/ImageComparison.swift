internal import WeldBytes
internal import WeldELF
internal import WeldLink
internal import WeldMemory

/// Compares Weld's image with another linker's, section by section.
struct ImageComparison {
  let preparation: Preparation
  private let peer: PeerImage
  private let relaxes: Bool
  let idioms: any Idioms.Type
  /// Weld's image with and without rewriting; made when it is needed.
  private var images: [Bool: Images] = [:]
  var findings = Comparison.Findings()

  init(_ preparation: Preparation, _ peer: PeerImage, _ options: Comparison.Options) {
    self.preparation = preparation
    self.peer = peer
    relaxes = options.weldRelaxes ?? options.relaxes
    idioms = preparation.machine.idioms
  }

  private mutating func images(relaxed: Bool) throws(LinkError) -> Images {
    if let images = images[relaxed] { return images }
    let made = Images(
      ours: try WeldImage(preparation, at: peer, relaxes: relaxed), theirs: peer, idioms: idioms)
    images[relaxed] = made
    return made
  }

  /// Compares all sections.
  mutating func run() throws(LinkError) -> Comparison.Findings {
    let map = try images(relaxed: relaxes).ours.map
    for (position, section) in map.sections.enumerated() {
      guard section.index != nil, !section.protection.isEmpty, preparation.originals[section.file] != nil,
        section.byteCount > 0
      else { continue }
      if let reason = reasonToLeaveOut(section) {
        findings.leftOut[reason, default: 0] += 1
      } else if !section.contents.isEmpty {
        try compare(section, at: position)
      }
    }
    return findings
  }

  private func reasonToLeaveOut(_ section: LinkMap.Section) -> Comparison.LeftOut? {
    if section.name == ".eh_frame" { return .frames }
    guard preparation.sectionNames[section.file]?.contains(section.name) ?? false else { return .namesake }
    guard let place = peer.places[section.file]?[section.name] else { return .dropped }
    return place.byteCount == section.byteCount ? nil : .changed
  }

  private mutating func compare(_ section: LinkMap.Section, at position: Int) throws(LinkError) {
    let images = try images(relaxed: relaxes)
    let relocations = images.ours.relocations[position] ?? []
    findings.sectionCount += 1
    findings.fieldCount += relocations.count { !images.ours.map.relocations[$0].after.isEmpty }
    let theirs =
      peer.bytes(at: section.address.rawValue, count: section.byteCount)
      ?? [UInt8](repeating: 0, count: section.byteCount)
    guard theirs != section.contents else { return }
    /// The other linker's bytes, with Weld's where the difference is explained or told.
    var rest = theirs
    let halves = halves(of: theirs, section, relocations.map { images.ours.map.relocations[$0] })
    for number in relocations {
      let relocation = images.ours.map.relocations[number]
      let changed = relocation.changedBytes
      let isCode = section.protection.contains(.execute)
      let instruction = idioms.instruction(at: Int(relocation.offset), isCode: isCode, changed)
        .clamped(to: 0..<rest.count)
      guard rest[instruction] != section.contents[instruction] else { continue }
      let place = place(relocation, images, section, theirs, halves)
      if let explained = try explain(place, number, position) {
        findings.explanations[explained.reason, default: 0] += 1
        rest.replaceSubrange(explained.bytes, with: section.contents[explained.bytes])
      } else if rest[changed] != section.contents[changed] {
        note(place, in: section)
        rest.replaceSubrange(changed, with: section.contents[changed])
      }
    }
    noteRest(rest, theirs, in: section)
  }

  private func place(
    _ relocation: LinkMap.Relocation, _ images: Images, _ section: LinkMap.Section, _ theirs: [UInt8],
    _ halves: Halves
  ) -> Place {
    Place(
      relocation: relocation, rule: idioms.rule(relocation.type) ?? .marker(),
      address: section.address.rawValue, isCode: section.protection.contains(.execute),
      ours: section.contents, theirs: theirs, halves: halves, images: images)
  }

  /// Puts together what the other program computes in two instructions.
  private func halves(
    of theirs: [UInt8], _ section: LinkMap.Section, _ relocations: [LinkMap.Relocation]
  ) -> Halves {
    var halves = Halves()
    for relocation in relocations {
      guard let rule = idioms.rule(relocation.type), rule.part != .whole else { continue }
      let offset = Int(relocation.offset)
      let field = idioms.field(
        of: rule, in: theirs, at: offset, isCode: section.protection.contains(.execute))
      guard offset <= theirs.count - max(field.byteCount, 4) else { continue }
      let bits = theirs.integer(at: offset, byteCount: field.byteCount, idioms.byteOrder)
      let instruction = theirs.integer(at: offset, byteCount: 4, idioms.byteOrder)
      halves.note(
        relocation, rule, field.decode(bits), isNothing: instruction == UInt64(PPC64LEIdioms.nop))
    }
    return halves
  }

  /// Why the bytes at a place differ, if they mean the same.
  private mutating func explain(
    _ place: Place, _ number: Int, _ position: Int
  ) throws(LinkError) -> Explained? {
    if let explained = idioms.explain(place) ?? place.explainValue() { return explained }
    let other = try images(relaxed: !relaxes)
    let relocation = other.ours.map.relocations[number]
    let section = other.ours.map.sections[position]
    let changed = Self.union(place.range, relocation.changedBytes)
    guard section.contents[changed] != place.ours[changed] else { return nil }
    let instruction = Self.union(changed, idioms.instruction(at: place.offset, isCode: place.isCode, changed))
      .clamped(to: 0..<place.theirs.count)
    let reason: Explanation = relaxes ? .notRewritten : .rewritten
    if section.contents[instruction] == place.theirs[instruction] { return (reason, instruction) }
    let second = self.place(relocation, other, section, place.theirs, place.halves)
    if let explained = idioms.explain(second) ?? second.explainValue() {
      let all = Self.union(changed, explained.bytes)
      let isSame = all.allSatisfy {
        explained.bytes.contains($0) || place.theirs[$0] == section.contents[$0]
      }
      if isSame { return (reason, all) }
    }
    return section.contents[changed] == place.theirs[changed] ? (reason, changed) : nil
  }

  private static func union(_ left: Range<Int>, _ right: Range<Int>) -> Range<Int> {
    min(left.lowerBound, right.lowerBound)..<max(left.upperBound, right.upperBound)
  }
}
