internal import WeldELF
internal import WeldMemory

/// The address of every symbol of a batch: what binding gives.
struct SymbolAddresses: Sendable {
  /// `S`, by the number of the symbol.
  var values: [UInt64]
  /// Whether the addresses of undefined symbols are known.
  private(set) var isBound = false
  /// Undefined symbols that were found to be functions, by their canonical numbers.
  var externalFunctions: Set<Int> = []
  /// What each indirect function's resolver is, in the order of the slots for their results.
  var indirectFunctions: [FinalizeWork.IndirectFunction] = []

  /// Computes the addresses of what the batch and the linker define, under canonical numbers.
  init(
    of resolution: Resolution, _ layout: Layout, _ synthesis: Synthesis, indirectStub: StubKind,
    at placement: Placement
  ) {
    let batch = resolution.batch
    values = [UInt64](repeating: 0, count: batch.symbolCount)
    for position in batch.objects.indices {
      let firstSymbol = batch.firstSymbol[position]
      let firstSection = batch.firstSection[position]
      let symbols = batch.objects[position].symbols
      for index in 0..<symbols.count {
        let symbol = symbols[index]
        switch symbol.place {
        case .section(let section):
          values[firstSymbol &+ index] =
            placement.sectionAddresses[firstSection &+ Int(section.rawValue)] &+ symbol.value
        case .absolute: values[firstSymbol &+ index] = symbol.value
        case .undefined, .common, .largeCommon: continue
        }
      }
    }
    for common in layout.commons {
      let start =
        common.kind == .zero
        ? placement.commonAddress &- UInt64(layout.commonPosition)
        : placement.kindAddresses[Int(common.kind.rawValue)]
      values[common.symbol] = start &+ UInt64(common.position)
    }
    for (symbol, definition) in resolution.linkerDefinitions {
      values[symbol] = Self.address(of: definition, layout, placement)
    }
    for slot in synthesis.slots where slot.isResolved {
      indirectFunctions.append(
        FinalizeWork.IndirectFunction(
          resolver: Address(rawValue: values[slot.symbol]),
          slot: Address(rawValue: placement.gotAddress &+ UInt64(slot.offset))))
    }
    for symbol in resolution.indirectFunctions where resolution.canonical[symbol] == UInt32(symbol) {
      guard let stub = synthesis.stub(of: symbol, addend: 0, indirectStub, group: 0) else { continue }
      values[symbol] = placement.address(of: synthesis.stubs[stub])
    }
  }

  /// Takes the addresses of undefined symbols, in the order of `synthesis.externals`, and gives every mention
  /// of a name the address of the canonical one.
  mutating func bind(_ externals: [ResolvedSymbol], of resolution: Resolution, _ synthesis: Synthesis) {
    isBound = true
    for (symbol, found) in zip(synthesis.externals, externals) {
      values[symbol] = found.address.rawValue
      if found.isFunction { externalFunctions.insert(symbol) }
    }
    let batch = resolution.batch
    for position in batch.objects.indices {
      guard let table = batch.objects[position].symbolTable else { continue }
      let firstSymbol = batch.firstSymbol[position]
      for number in firstSymbol &+ table.firstGlobal..<firstSymbol &+ table.count {
        values[number] = values[Int(resolution.canonical[number])]
      }
    }
  }

  private static func address(
    of definition: LinkerDefinition, _ layout: Layout, _ placement: Placement
  ) -> UInt64 {
    func bounds(_ block: Layout.Block?) -> (start: UInt64, end: UInt64) {
      // An array that nothing is in begins and ends somewhere in the batch.
      guard let block else { return (placement.gotAddress, placement.gotAddress) }
      return placement.bounds(of: block, layout)
    }
    switch definition {
    case .gotBase: return placement.gotBase
    case .sectionStart(let name): return bounds(layout.identifiers[name]).start
    case .sectionEnd(let name): return bounds(layout.identifiers[name]).end
    case .arrayStart(let role): return bounds(layout.arrays[role]).start
    case .arrayEnd(let role): return bounds(layout.arrays[role]).end
    case .start(let kind): return placement.kindAddresses[Int(kind.rawValue)]
    case .end(let kind):
      return placement.kindAddresses[Int(kind.rawValue)] &+ UInt64(layout.byteCounts[Int(kind.rawValue)])
    }
  }
}
