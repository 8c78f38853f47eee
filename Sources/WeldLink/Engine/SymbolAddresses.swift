internal import WeldBytes
internal import WeldELF
internal import WeldMemory

/// What binding gives, beside ``BatchSymbol/address``.
struct SymbolAddresses: ~Copyable, Sendable {
  /// Whether the addresses of undefined symbols are known.
  private(set) var isBound = false
  /// Undefined symbols that were found to be functions, by their canonical numbers.
  var externalFunctions: Set<Int> = []
  /// What each indirect function's resolver is, in the order of the slots for their results.
  var indirectFunctions: [FinalizeWork.IndirectFunction] = []

  /// Computes the addresses of what the batch and the linker define, under canonical numbers.
  init(
    of resolution: inout Resolution, _ layout: borrowing Layout, _ synthesis: borrowing Synthesis,
    at placement: borrowing Placement
  ) {
    for position in resolution.batch.objects.indices {
      let (firstSymbol, firstSection) = (
        resolution.batch.first[position].symbol, resolution.batch.first[position].section
      )
      let object = resolution.batch.objects[position]
      let symbols = object.symbols
      for index in 0..<symbols.count {
        let symbol = symbols[index]
        switch symbol.place {
        case .section(let section):
          resolution.symbols[firstSymbol &+ index].address =
            resolution.sections[firstSection &+ Int(section.rawValue)].address &+ symbol.value
        case .absolute: resolution.symbols[firstSymbol &+ index].address = symbol.value
        case .undefined, .common, .largeCommon: resolution.symbols[firstSymbol &+ index].address = 0
        }
      }
    }
    for common in layout.commons {
      let start =
        common.kind == .zero
        ? placement.commonAddress &- UInt64(layout.commonPosition)
        : placement.kindAddresses[common.kind]
      resolution.symbols[common.symbol].address = start &+ UInt64(common.position)
    }
    for (symbol, definition) in resolution.linkerDefinitions {
      resolution.symbols[symbol].address = Self.address(of: definition, resolution, layout, placement)
    }
    for slot in synthesis.slots where slot.isResolved {
      indirectFunctions.append(
        FinalizeWork.IndirectFunction(
          resolver: Address(rawValue: resolution.symbols[slot.symbol].address),
          slot: Address(rawValue: placement.gotAddress &+ UInt64(slot.offset))))
    }
    for (symbol, stub) in synthesis.indirectFunctions {
      resolution.symbols[symbol].address = placement.address(of: synthesis.stubs[stub])
    }
  }

  /// Takes the addresses of undefined symbols, in the order of `synthesis.externals`, and gives every mention
  /// of a name the address of the canonical one.
  mutating func bind(
    _ externals: [ResolvedSymbol], of resolution: inout Resolution, _ synthesis: borrowing Synthesis
  ) {
    isBound = true
    for (symbol, found) in zip(synthesis.externals, externals) {
      resolution.symbols[symbol].address = found.address.rawValue
      if found.isFunction { externalFunctions.insert(symbol) }
    }
    for position in resolution.batch.objects.indices {
      for number in resolution.batch.globals(ofObject: position) {
        resolution.symbols[number].address =
          resolution.symbols[Int(resolution.symbols[number].canonical)].address
      }
    }
  }

  private static func address(
    of definition: LinkerDefinition, _ resolution: borrowing Resolution, _ layout: borrowing Layout,
    _ placement: borrowing Placement
  ) -> UInt64 {
    let block: Layout.Block?
    let isEnd: Bool
    switch definition {
    case .gotBase: return placement.gotBase
    case .start(let kind): return placement.kindAddresses[kind]
    case .end(let kind): return placement.kindAddresses[kind] &+ UInt64(layout.byteCounts[kind])
    case .sectionStart(let name): (block, isEnd) = (layout.identifiers[name], false)
    case .sectionEnd(let name): (block, isEnd) = (layout.identifiers[name], true)
    case .arrayStart(let role): (block, isEnd) = (layout.arrays[role], false)
    case .arrayEnd(let role): (block, isEnd) = (layout.arrays[role], true)
    }
    // An array that nothing is in begins and ends somewhere in the batch.
    guard let block else { return placement.gotAddress }
    let bounds = resolution.bounds(of: block)
    return isEnd ? bounds.end : bounds.start
  }
}
