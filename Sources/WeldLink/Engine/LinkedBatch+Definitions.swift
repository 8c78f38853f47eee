internal import WeldBytes
package import WeldELF
package import WeldMemory

// What those who link batches themselves, instead of a `RuntimeDyld`, need of them.
extension LinkedBatch {
  /// A symbol of an object.
  package struct SymbolReference: Hashable {
    /// The object's position in the batch.
    package var object: Int
    /// The symbol's index in the object.
    package var symbol: Int

    package init(object: Int, symbol: Int) {
      self.object = object
      self.symbol = symbol
    }
  }

  /// Resolves, scans and lays out objects, and makes room for them.
  ///
  /// - Parameters:
  ///   - objects: at least one, all for one machine.
  ///   - knownNames: the names of the objects' global symbols, for each object in the order of its symbol table, or none; or
  ///     nothing.
  ///   - overridden: weak and common definitions that stand back behind others, which are looked up.
  ///   - memory: chooses where memory comes from; told whether the code must lie below 2 GiB.
  package convenience init(
    linking objects: [ObjectFile], knownNames: [[KnownName]] = [], overridden: Set<SymbolReference>,
    in memory: (_ wantsLowAddresses: Bool) throws(LinkError) -> any MemoryManager
  ) throws(LinkError) {
    let traits = try SupportedMachine.traits(of: objects[0])
    let all = try LinkerRoutines.adding(to: objects, traits)
    var numbers: Set<Int> = []
    if !overridden.isEmpty {
      let batch = Batch(all, machine: traits.machine)
      for reference in overridden { numbers.insert(batch.first[reference.object].symbol + reference.symbol) }
    }
    try self.init(
      all, traits, options: RuntimeDyld.Options(), after: nil, overridden: numbers, knownNames: knownNames
    ) { synthesis throws(LinkError) in try memory(synthesis.wantsLowAddresses) }
  }

  /// The address of a symbol; known before anything is applied if the batch defines it.
  package func address(of reference: SymbolReference) -> Address {
    refreshAddresses()
    return plan.address(of: reference)
  }

  /// Calls `body` with what finds the addresses of symbols.
  package func withAddresses(_ body: (_ address: (SymbolReference) -> Address) -> Void) {
    refreshAddresses()
    plan.withAddresses(body)
  }

  /// Copies and relocates all sections but those of the objects at the positions `skipped`.
  ///
  /// - Parameter find: finds what the batch does not define.
  package func apply(
    skipping skipped: Set<Int>, looking find: (_ name: String) -> ResolvedSymbol?
  ) throws(LinkError) {
    var externals: [ResolvedSymbol] = []
    externals.reserveCapacity(plan.synthesis.externals.count)
    for number in plan.synthesis.externals {
      externals.append(find(plan.resolution.batch.symbolName(number)) ?? ResolvedSymbol(address: .zero))
    }
    try apply(externals: externals, missingResolver: nil, skipping: skipped)
  }

  /// The memory of the finalized batch, without all that was needed to link it.
  package func takeMemory() -> LinkedMemory? {
    guard let allocation = takeAllocation() else { return nil }
    return LinkedMemory(allocation)
  }

  /// The functions that run before and after the program.
  package var initializers: Initializers {
    Initializers(
      before: runs(plan.layout.initializerSections),
      after: runs(plan.layout.finalizerSections))
  }

  private func runs(_ sections: [Int]) -> [Initializers.Run] {
    plan.layout.runs(sections, plan.resolution)
  }

  /// Those that the object at `position` brings.
  package func initializers(ofObject position: Int) -> Initializers {
    let batch = plan.resolution.batch
    let own = batch.first[position].section..<batch.first[position + 1].section
    return Initializers(
      before: runs(plan.layout.initializerSections.filter(own.contains)),
      after: runs(plan.layout.finalizerSections.filter(own.contains)))
  }
}

extension LinkPlan {
  fileprivate func address(of reference: LinkedBatch.SymbolReference) -> Address {
    let number = resolution.batch.first[reference.object].symbol &+ reference.symbol
    return Address(rawValue: resolution.symbols[Int(resolution.symbols[number].canonical)].address)
  }

  fileprivate func withAddresses(_ body: (_ address: (LinkedBatch.SymbolReference) -> Address) -> Void) {
    body { address(of: $0) }
  }
}

/// The names that linkers define themselves if nobody else does.
package struct LinkerNames {
  /// `nil` if the machine is not one that the engine knows.
  private let gotBaseName: StaticString?
  private let hasLinkerRoutines: Bool

  /// Those for the machine of `object`; none if it is not one that the engine knows.
  package init(for object: ObjectFile) {
    let traits = try? SupportedMachine.traits(of: object)
    gotBaseName = traits?.gotBaseName
    hasLinkerRoutines = traits?.hasLinkerRoutines ?? false
  }

  /// Whether `name` is one of them; some are defined only if there is such a section.
  package func contains(_ name: RawSpan) -> Bool {
    guard let gotBaseName else { return false }
    if name.equals(gotBaseName) { return true }
    guard BatchResolver.mayBeginDefined(name) else { return false }
    if hasLinkerRoutines, name.starts(with: "_save") || name.starts(with: "_rest") { return true }
    return BatchResolver.mayDefine(name)
  }
}

/// The memory of a linked batch; goes back, and with it its unwind tables, when the last reference goes.
package final class LinkedMemory: Sendable {
  private let allocation: FinalizedAllocation

  fileprivate init(_ allocation: consuming FinalizedAllocation) { self.allocation = allocation }
}
