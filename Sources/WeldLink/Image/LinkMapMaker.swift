internal import WeldBytes
internal import WeldELF
internal import WeldMemory

extension RuntimeDyld {
  /// What was decided at each relocation, and all bytes, for the addresses that sections have or are mapped
  /// to.
  ///
  /// Needs the addresses of undefined symbols, so ``resolveRelocations()`` comes first. Works on copies: it
  /// takes as long as linking once more, and longer.
  public func linkMap() throws(LinkError) -> LinkMap {
    guard let first = batches.first else {
      throw .wrongOrder("linkMap must come after load and resolveRelocations")
    }
    let batch = first.plan.resolution.batch
    var map = LinkMap(machine: batch.machine, byteOrder: batch.objects[0].header.byteOrder)
    for batch in batches {
      var maker = LinkMapMaker(of: batch, map: map)
      try maker.run(for: map.machine, file: "")
      map = maker.map
    }
    return map
  }
}

/// Adds a batch to a map: applies each of its relocations once more, to copies, and looks at what it does.
private struct LinkMapMaker: ArchitectureWork {
  private let batch: LinkedBatch
  var map: LinkMap
  /// The position in the map of each section of the batch, or -1.
  private var positions: [Int]
  /// The positions of stubs.
  private let stubsByAddress: [UInt64: Int]
  private var seenSlots: Set<SeenSlot> = []
  private var seenStubs: Set<SeenStub> = []

  private struct SeenSlot: Hashable {
    var object: Int
    var slot: Int
  }

  private struct SeenStub: Hashable {
    var section: Int
    var stub: Int
  }

  init(of batch: LinkedBatch, map: LinkMap) {
    self.batch = batch
    self.map = map
    positions = [Int](repeating: -1, count: batch.plan.resolution.batch.sectionCount)
    let stubs = batch.plan.synthesis.stubs.enumerated().map { (batch.plan.placement.address(of: $1), $0) }
    stubsByAddress = Dictionary(stubs) { first, _ in first }
  }

  mutating func run<Target: Architecture>(for _: Target.Type) throws(LinkError) {
    if batch.plan.synthesis.gotByteCount > 0 {
      map.gotBase = Address(rawValue: batch.plan.placement.gotBase)
      if Target.traits.tocSectionName != nil { map.tocBase = map.gotBase }
    }
    let rules = Target.rules
    let input = batch.plan.resolution.batch
    let stubs = try makeStubs(Target.self)
    for position in input.objects.indices {
      for number in input.first[position].section..<input.first[position + 1].section {
        try addSection(number, of: position, rules, Target.self)
      }
    }
    addSynthetic(Target.self, stubs)
    addSymbols()
  }
}

// MARK: - Sections

extension LinkMapMaker {
  private mutating func addSection<Target: Architecture>(
    _ number: Int, of position: Int, _ rules: RuleTable, _: Target.Type
  ) throws(LinkError) {
    let input = batch.plan.resolution.batch
    let object = input.objects[position]
    let index = number - input.first[position].section
    let header = object.section(at: SectionIndex(rawValue: UInt32(index)))
    var section = batch.plan.resolution.sections[number]
    if section.kind == .notLoaded {
      guard index > 0, header.type == .progbits, !header.flags.contains(.alloc), !section.isDiscarded else {
        return
      }
      section.fileOffset = header.fileRange.lowerBound
      section.byteCount = header.fileRange.count
    }
    positions[number] = map.sections.count
    let site = SectionSite(
      object: object, section: section, number: number, index: UInt32(index),
      firstSymbol: input.first[position].symbol, base: section.address)
    var contents: [UInt8] = []
    if !section.isZero {
      contents = [UInt8](
        copying: object.bytes.span.extracting(section.fileOffset..<section.fileOffset + section.byteCount))
    }
    try relocate(&contents, site, object: position, rules, Target.self)
    map.sections.append(
      LinkMap.Section(
        file: object.name, index: index, name: object.name(of: header), address: Address(rawValue: site.base),
        byteCount: section.byteCount, protection: section.kind.protection, contents: contents,
        alignment: section.alignment,
        isThreadLocal: section.kind == .threadLocal || section.kind == .threadLocalZero))
  }

  private mutating func relocate<Target: Architecture>(
    _ contents: inout [UInt8], _ site: SectionSite, object: Int, _ rules: RuleTable, _: Target.Type
  ) throws(LinkError) {
    let owner = site.object
    let table = owner.relocations(
      at: site.section.relocationOffset, count: Int(site.section.relocationCount))
    let isLoaded = site.section.kind != .notLoaded
    var settled: Range<UInt64> = 0..<0
    for entry in 0..<table.count {
      let relocation = table[entry]
      let byteCount = Int(rules[relocation.type].byteCount)
      guard Int(relocation.symbol.rawValue) < site.object.symbolCount,
        let offset = Int(exactly: relocation.offset), offset <= contents.count,
        byteCount <= contents.count - offset
      else { continue }
      // An access that is joined with what computes its address may lie farther on.
      let access = Int(clamping: relocation.addend)
      let isJoined = byteCount == 0 && (0..<1 << 16).contains(access)
      let window = max(offset - 8, 0)..<min(offset + max(isJoined ? access + 4 : 0, 24), contents.count)
      let before = Array(contents[window])
      var outcome = Outcome(via: .nothing, target: 0)
      if !settled.contains(relocation.offset) {
        var span = contents.mutableSpan
        var bytes = MutableRawSpan(_elements: &span)
        do {
          outcome = try batch.plan.apply(table, entry, site, rules, &bytes, Target.self)
          if !outcome.settles.isEmpty { settled = outcome.settles }
        } catch {
          // Of what is not loaded, the bytes that do not fit stay as they are.
          if isLoaded { throw error }
        }
      }
      let changed = Self.change(
        before, Array(contents[window]), keeping: offset - window.lowerBound, byteCount)
      note(relocation, outcome, site, object: object, rules, Target.self)
      map.relocations.append(
        LinkMap.Relocation(
          file: site.object.name, section: map.sections.count, offset: relocation.offset,
          type: relocation.type,
          symbol: site.object.name(of: site.object.symbols[Int(relocation.symbol.rawValue)]),
          addend: relocation.addend, via: via(outcome, relocation, site),
          target: Address(rawValue: outcome.target),
          inputs: inputs(relocation, outcome, site, rules, Target.self),
          changeOffset: window.lowerBound + changed.lowerBound, before: Array(before[changed]),
          after: Array(
            contents[window.lowerBound + changed.lowerBound..<window.lowerBound + changed.upperBound])))
    }
  }

  /// The bytes that differ, and those of the field in any case.
  private static func change(_ before: [UInt8], _ after: [UInt8], keeping offset: Int, _ byteCount: Int)
    -> Range<Int>
  {
    var low = offset
    var high = offset + byteCount
    for position in before.indices where before[position] != after[position] {
      low = min(low, position)
      high = max(high, position + 1)
    }
    return low..<high
  }

  /// Calls what goes to an indirect function by its right name: its address is that of a stub.
  private func via(_ outcome: Outcome, _ relocation: Relocation, _ site: SectionSite) -> LinkMap.Via {
    let symbol = Int(
      batch.plan.resolution.symbols[site.firstSymbol + Int(relocation.symbol.rawValue)].canonical)
    return outcome.via == .direct && batch.plan.resolution.symbols[symbol].classes.contains(.indirect)
      ? .stub : outcome.via
  }
}

// MARK: - Slots and stubs

extension LinkMapMaker {
  /// Notes the slot or the stub that a relocation asked for.
  private mutating func note<Target: Architecture>(
    _ relocation: Relocation, _ outcome: Outcome, _ site: SectionSite, object: Int, _ rules: RuleTable,
    _: Target.Type
  ) {
    let symbol = Int(
      batch.plan.resolution.symbols[site.firstSymbol + Int(relocation.symbol.rawValue)].canonical)
    let addend = Target.addendSelectsTarget ? UInt64(bitPattern: relocation.addend) : 0
    if let rule = rules.rule(relocation.type), case .slot(let kind, _) = rule.value,
      let position = batch.plan.synthesis.slot(of: symbol, addend: kind == .module ? 0 : addend, kind)
    {
      noteSlot(position, usedBy: site, object: object)
    }
    noteWord(relocation, site, symbol, rules)
    guard via(outcome, relocation, site) == .stub,
      let position = stubsByAddress[outcome.target],
      seenStubs.insert(SeenStub(section: site.number, stub: position)).inserted
    else { return }
    let stub = batch.plan.synthesis.stubs[position]
    if stub.slot >= 0 { noteSlot(stub.slot, usedBy: site, object: object) }
    map.stubs.append(
      LinkMap.Stub(
        file: site.object.name,
        section: site.object.sectionName(SectionIndex(rawValue: site.index)),
        symbol: batch.plan.resolution.batch.symbolName(symbol), kind: stub.kind.name,
        address: Address(rawValue: outcome.target), byteCount: stub.kind.byteCount,
        target: Address(rawValue: batch.plan.resolution.symbols[symbol].address &+ stub.addend)))
  }

  private mutating func noteSlot(_ position: Int, usedBy site: SectionSite, object: Int) {
    guard seenSlots.insert(SeenSlot(object: object, slot: position)).inserted else { return }
    let slot = batch.plan.synthesis.slots[position]
    map.slots.append(
      LinkMap.Slot(
        file: site.object.name,
        symbol: slot.kind == .module ? "" : batch.plan.resolution.batch.symbolName(slot.symbol),
        addend: Int64(bitPattern: slot.addend), kind: slot.kind,
        address: Address(rawValue: batch.plan.placement.address(of: slot))))
  }

  /// Notes a word of a `.toc` section that holds an address: a slot that the compiler made.
  private mutating func noteWord(
    _ relocation: Relocation, _ site: SectionSite, _ symbol: Int, _ rules: RuleTable
  ) {
    guard site.section.role == .toc, let rule = rules.rule(relocation.type), rule.value == .absolute,
      rule.field.byteCount == 8
    else { return }
    map.slots.append(
      LinkMap.Slot(
        file: site.object.name, symbol: batch.plan.resolution.batch.symbolName(symbol),
        addend: relocation.addend,
        kind: .address, address: Address(rawValue: site.base &+ relocation.offset)))
  }

  /// The bytes of each group of stubs. Which of them cannot be written is known from then on.
  private mutating func makeStubs<Target: Architecture>(_: Target.Type) throws(LinkError) -> [[UInt8]] {
    var starts: [Int] = []
    var end = 0
    for group in batch.plan.synthesis.stubGroups {
      starts.append(end)
      end += group.byteCount
    }
    var stubs = [UInt8](repeating: 0, count: end)
    do {
      var span = stubs.mutableSpan
      var bytes = MutableRawSpan(_elements: &span)
      batch.plan.unreachableStubs = try batch.plan.writeStubs(Target.self, to: &bytes) { starts[$1] }
    }
    return zip(starts, batch.plan.synthesis.stubGroups).map { Array(stubs[$0..<$0 + $1.byteCount]) }
  }

  private mutating func addSynthetic<Target: Architecture>(_: Target.Type, _ stubs: [[UInt8]]) {
    var got = [UInt8](repeating: 0, count: batch.plan.synthesis.gotByteCount)
    do {
      var span = got.mutableSpan
      var bytes = MutableRawSpan(_elements: &span)
      batch.plan.writeSlots(Target.self, to: &bytes, from: 0)
    }
    var added: [(SyntheticSection, UInt64, Int, Protection, [UInt8])] = [
      (.got, batch.plan.placement.gotAddress, got.count, .read, got)
    ]
    for (group, contents) in stubs.enumerated() {
      added.append(
        (.stubs, batch.plan.placement.stubAddresses[group], contents.count, [.read, .execute], contents))
    }
    let commons = batch.plan.layout.byteCounts[.zero] - batch.plan.layout.commonPosition
    added.append((.common, batch.plan.placement.commonAddress, commons, [.read, .write], []))
    let large = batch.plan.layout.commons.filter { $0.kind == .largeZero }
    if let first = large.map(\.position).min() {
      added.append(
        (
          .common, batch.plan.placement.kindAddresses[.largeZero] &+ UInt64(first),
          batch.plan.layout.byteCounts[.largeZero] - first,
          [.read, .write], []
        ))
    }
    for (section, address, byteCount, protection, contents) in added where byteCount > 0 {
      map.sections.append(
        LinkMap.Section(
          file: "", index: nil, name: section.rawValue, address: Address(rawValue: address),
          byteCount: byteCount,
          protection: protection, contents: contents))
    }
  }
}

// MARK: - Symbols

extension LinkMapMaker {
  private mutating func addSymbols() {
    let input = batch.plan.resolution.batch
    let commons = map.sections.indices.filter {
      map.sections[$0].name == SyntheticSection.common.rawValue && map.sections[$0].index == nil
    }
    let linkerMade = Set(batch.plan.resolution.linkerDefinitions.map(\.symbol))
    let externals = Set(batch.plan.synthesis.externals)
    for position in input.objects.indices {
      let object = input.objects[position]
      let symbols = object.symbols
      for index in 0..<symbols.count {
        let symbol = symbols[index]
        let number = input.first[position].symbol + index
        guard batch.plan.resolution.symbols[number].canonical == UInt32(number), symbol.type != .file,
          symbol.type != .section,
          symbol.nameOffset != 0
        else { continue }
        var section: Int?
        var file = object.name
        switch symbol.place {
        case .section(let index):
          let found = positions[input.first[position].section + Int(index.rawValue)]
          guard found >= 0 else { continue }
          section = found
        case .common, .largeCommon:
          let address = batch.plan.resolution.symbols[number].address
          section = commons.first {
            address &- map.sections[$0].address.rawValue < UInt64(map.sections[$0].byteCount)
          }
        case .absolute: break
        case .undefined:
          guard linkerMade.contains(number) || externals.contains(number) else { continue }
          file = ""
        }
        map.symbols.append(
          LinkMap.Symbol(
            name: object.name(of: symbol), file: file, section: section,
            address: Address(rawValue: batch.plan.resolution.symbols[number].address), byteCount: symbol.size,
            binding: symbol.binding,
            type: symbol.type, other: symbol.other))
      }
    }
  }
}

// MARK: - Formulas

extension LinkMapMaker {
  /// What went into the formula of a relocation.
  private func inputs<Target: Architecture>(
    _ relocation: Relocation, _ outcome: Outcome, _ site: SectionSite, _ rules: RuleTable, _: Target.Type
  ) -> [LinkMap.Relocation.Input] {
    guard let rule = rules.rule(relocation.type), outcome.via != .nothing else { return [] }
    let symbol = Int(
      batch.plan.resolution.symbols[site.firstSymbol + Int(relocation.symbol.rawValue)].canonical)
    let values: [String: UInt64] = [
      "S": batch.plan.resolution.symbols[site.firstSymbol + Int(relocation.symbol.rawValue)].address,
      "A": UInt64(bitPattern: relocation.addend), "P": site.base &+ relocation.offset, "G": outcome.target,
      "L": outcome.target, "Z": batch.plan.resolution.batch.symbol(symbol).size,
      "GOT": batch.plan.placement.gotBase,
      "TP": batch.plan.threadLocals.threadPointer, "DTP": batch.plan.threadLocals.moduleBase,
    ]
    let letters = outcome.via == .rewritten ? ["S", "A", "P"] : rule.value.letters
    return letters.compactMap { letter in
      values[letter].map { LinkMap.Relocation.Input(letter, $0) }
    }
  }
}
