internal import WeldELF

/// The second stage: looks at every relocation of what takes part, proves that its type and symbol are known,
/// and finds out what must be synthesised.
struct Scan: ArchitectureWork {
  let resolution: Resolution

  func run<A: Architecture>(for _: A.Type) throws(LinkError) -> Synthesis {
    let batch = resolution.batch
    var synthesis = Synthesis(symbolCount: batch.symbolCount)
    synthesis.stubByteCount = A.stubByteCount
    synthesis.stubAlignment = A.stubAlignment
    for symbol in resolution.indirectFunctions where resolution.canonical[symbol] == UInt32(symbol) {
      synthesis.needIndirectStub(symbol)
    }
    let rules = RuleTable(of: A.self)
    var isExternalKnown = [Bool](repeating: false, count: 0)
    for position in batch.objects.indices {
      let object = batch.objects[position]
      for number in batch.firstSection[position]..<batch.firstSection[position + 1] {
        let section = resolution.sections[number]
        guard section.kind != .notLoaded, section.relocationCount > 0 else { continue }
        if section.isZero {
          throw .section(.relocatedZeros, file: object.name, section: batch.sectionName(number))
        }
        try scan(
          section, number - batch.firstSection[position], of: object,
          firstSymbol: batch.firstSymbol[position],
          rules, &synthesis, &isExternalKnown)
      }
    }
    if resolution.linkerDefinitions.contains(where: { $0.definition == .gotBase }) {
      synthesis.usesGOTBase = true
    }
    return synthesis
  }

  private func scan(
    _ section: InputSection, _ index: Int, of object: ObjectFile, firstSymbol: Int, _ rules: RuleTable,
    _ synthesis: inout Synthesis, _ isExternalKnown: inout [Bool]
  ) throws(LinkError) {
    let table = object.relocations(at: section.relocationOffset, count: Int(section.relocationCount))
    let symbolCount = object.symbolCount
    for position in 0..<table.count {
      let relocation = table[position]
      let row = rules[relocation.type]
      if Int(relocation.symbol.rawValue) < symbolCount {
        let symbol = Int(resolution.canonical[firstSymbol &+ Int(relocation.symbol.rawValue)])
        // What the batch defines is in reach of the batch.
        if row.need == .stubIfFar, resolution.classes[symbol] == .defined { continue }
        if row.shape == .nothing { continue }
      }
      if let problem = inspect(
        relocation, rules, section, firstSymbol: firstSymbol, symbolCount: symbolCount, &synthesis,
        &isExternalKnown)
      {
        throw .relocation(problem, at: RelocationWalk.place(of: relocation, in: object, UInt32(index)))
      }
    }
  }

  /// Looks closer at a relocation that may need something, and notes what.
  ///
  /// - Returns: what is wrong with it, if anything.
  @inline(never)
  private func inspect(
    _ relocation: Relocation, _ rules: RuleTable, _ section: InputSection, firstSymbol: Int, symbolCount: Int,
    _ synthesis: inout Synthesis, _ isExternalKnown: inout [Bool]
  ) -> LinkError.RelocationProblem? {
    guard let rule = rules.rule(relocation.type) else { return .unknownType(relocation.type) }
    guard Int(relocation.symbol.rawValue) < symbolCount else {
      return .symbolOutOfRange(index: relocation.symbol.rawValue, count: symbolCount)
    }
    if case .threadLocal(let model) = rule.value { return .threadLocal(model: model.rawValue) }
    if case .refused = rule.value { return .dynamicOnly }
    let symbol = Int(resolution.canonical[firstSymbol &+ Int(relocation.symbol.rawValue)])
    let found = resolution.classes[symbol]
    let need = rule.value.synthesizes
    if need == .gotBase {
      // The symbol is only a name for the GOT.
      synthesis.usesGOTBase = true
      return nil
    }
    if rule.value == .gotRelative || rule.value == .stubGOTRelative || rule.value == .gotSlotOffset {
      synthesis.usesGOTBase = true
    }
    if found.contains(.threadLocal) { return .threadLocal(model: "direct") }
    if found.contains(.discarded) { return section.role == .frames ? nil : .discardedTarget }
    if need == .gotSlot { synthesis.needSlot(symbol) }
    if !found.contains(.defined) { noteExternal(symbol, &synthesis, &isExternalKnown) }
    if need == .stubIfFar, found != .defined, !found.contains(.indirect), mayUseStub(rule) {
      synthesis.needStub(symbol)
    }
    return nil
  }

  /// Whether a stub may stand in for the symbol of a relocation, should the symbol be far away: branches
  /// always, and 32-bit references, which non-PIC code takes the addresses of functions with. A wider field
  /// reaches everything.
  private func mayUseStub(_ rule: Rule) -> Bool {
    rule.value == .branch || rule.value == .stubGOTRelative || rule.field.byteCount == 4
  }

  private func noteExternal(_ symbol: Int, _ synthesis: inout Synthesis, _ isKnown: inout [Bool]) {
    if isKnown.isEmpty { isKnown = [Bool](repeating: false, count: resolution.batch.symbolCount) }
    guard !isKnown[symbol] else { return }
    isKnown[symbol] = true
    synthesis.externals.append(symbol)
  }
}
