// Divides text into parts that each have stubs of their own, so that branches reach them.
extension Synthesis {
  /// Decides which stubs each section uses, in the order in which sections are laid out.
  ///
  /// - Parameter reach: how far a branch reaches, in bytes.
  mutating func groupStubs(of resolution: borrowing Resolution, pins: [Int: UInt64], reach: Int) {
    // Bytes of text that share stubs: three quarters of what a branch reaches, which leaves a quarter for the
    // stubs.
    let limit = reach / 4 * 3
    let sections = resolution.sections
    let isPinned = pins.keys.contains { sections[$0].kind == .text }
    let total = sections.reduce(0) { $1.kind == .text ? $0 + $1.byteCount + $1.alignment : $0 }
    guard isPinned || total > limit else { return }
    var groups = [Synthesis.StubGroup()]
    var groupOfSection = [UInt16](repeating: 0, count: sections.count)
    var current = 0
    var byteCount = 0
    // Sections with C identifiers for names are laid out together, behind all others.
    let named = sections.indices.filter {
      sections[$0].kind == .text && sections[$0].role != .plain && pins[$0] == nil
    }
    if !named.isEmpty {
      for number in named { groupOfSection[number] = UInt16(groups.count) }
      groups.append(Synthesis.StubGroup())
    }
    for number in sections.indices
    where sections[number].kind == .text && (sections[number].role == .plain || pins[number] != nil) {
      if pins[number] != nil, groups.count < Int(UInt16.max) {
        groupOfSection[number] = UInt16(groups.count)
        groups.append(Synthesis.StubGroup(lastSection: number))
        continue
      }
      let size = sections[number].byteCount + sections[number].alignment
      if byteCount > 0, byteCount + size > limit, groups.count < Int(UInt16.max) {
        current = groups.count
        groups.append(Synthesis.StubGroup())
        byteCount = 0
      }
      byteCount += size
      groupOfSection[number] = UInt16(current)
      groups[current].lastSection = number
    }
    stubGroups = groups
    self.groupOfSection = groupOfSection
  }
}
