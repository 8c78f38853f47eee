internal import WeldELF
package import WeldMemory

/// Where a graph lies in a batch.
struct GraphMemory {
  let batch: LinkedBatch
  /// The position of the graph's object in the batch.
  let position: Int
  /// Whether the working memory holds final bytes.
  var isFixedUp = false

  /// The final bytes of a section of the object.
  func contents(ofSection index: Int) -> [UInt8] {
    batch.contents(ofSection: batch.number(ofSection: index, of: position)) ?? []
  }

  /// Replaces the final bytes of a section; as many as it has.
  func store(_ bytes: [UInt8], inSection index: Int) {
    batch.store(bytes, inSection: batch.number(ofSection: index, of: position))
  }
}

// What the graph learns of its link, step by step.
extension LinkGraph {
  /// Takes the addresses that the blocks and symbols of the graph have in `batch`, whose object at `position` is the
  /// one that ``writeObject()`` wrote.
  package func attach(to batch: LinkedBatch, at position: Int) {
    state.memory = GraphMemory(batch: batch, position: position)
    for block in blocks { block.address = batch.address(ofSection: block.index, of: position) }
    for symbol in symbols where !symbol.isExternal {
      guard symbol.block.map({ $0.address != nil }) ?? true else { continue }
      symbol.address = batch.address(of: LinkedBatch.SymbolReference(object: position, symbol: symbol.index))
    }
  }

  /// Takes the addresses of external symbols: those of other objects of the batch, and else what `find` knows.
  package func bind(looking find: (_ name: String) -> ResolvedSymbol?) {
    guard let memory = state.memory else { return }
    for symbol in symbols where symbol.isExternal {
      let reference = LinkedBatch.SymbolReference(object: memory.position, symbol: symbol.index)
      symbol.address =
        memory.batch.isDefined(reference) ? memory.batch.address(of: reference) : find(symbol.name)?.address
    }
  }

  /// Brings what was changed since memory was allocated to the batch.
  ///
  /// - Throws: `LinkError.graph` if sections, symbols or sizes were changed, or if edges need what there is no room for.
  package func update() throws(LinkError) {
    guard state.isChanged, let memory = state.memory else { return }
    try memory.batch.replaceObject(at: memory.position, with: try writeObject())
  }

  /// From now on contents are those of the working memory.
  package func noteFixups() { state.memory?.isFixedUp = true }

  /// Forgets the batch.
  package func detach() { state.memory = nil }
}
