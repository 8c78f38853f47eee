internal import WeldBytes
internal import WeldELF
internal import WeldLink
internal import WeldMemory

/// An object that is linked under the eyes of plugins.
///
/// Unchecked: one thread has it after the other, as the batch that it is part of.
final class GraphLink: @unchecked Sendable {
  private let responsibility: MaterializationResponsibility
  private let plugins: [any ObjectLinkingLayer.Plugin]
  private let graph: LinkGraph
  private let configuration: PassConfiguration

  private init(
    _ responsibility: MaterializationResponsibility, _ plugins: [any ObjectLinkingLayer.Plugin],
    _ graph: LinkGraph, _ configuration: PassConfiguration
  ) {
    self.responsibility = responsibility
    self.plugins = plugins
    self.graph = graph
    self.configuration = configuration
  }

  /// Runs the passes that come before memory is allocated. The object and its symbols are then those of the graph.
  ///
  /// - Returns: `nil` if it has failed.
  static func prepare(
    _ submission: ObjectLinkingLayer.Submission, _ plugins: [any ObjectLinkingLayer.Plugin],
    _ core: SessionCore
  ) -> ObjectLinkingLayer.Submission? {
    let responsibility = submission.responsibility
    do {
      let graph = try LinkGraph(submission.object)
      var configuration = PassConfiguration()
      for plugin in plugins { plugin.modifyPassConfiguration(responsibility, graph, &configuration) }
      let link = GraphLink(responsibility, plugins, graph, configuration)
      let object = try link.prepare()
      let symbols = ObjectSymbols(of: object, names: core.names)
      try link.proveDefined(symbols)
      return ObjectLinkingLayer.Submission(
        responsibility: responsibility, pending: PendingObject(object, symbols), graph: link)
    } catch {
      let error = OrcError(error)
      for plugin in plugins { plugin.notifyFailed(responsibility, error) }
      responsibility.failMaterialization(error)
      return nil
    }
  }

  private func prepare() throws -> ObjectFile {
    for pass in configuration.prePrune { try pass(graph) }
    let owed = Set(responsibility.symbols.keys.map { $0.text })
    graph.markLive { $0.scope != .local && owed.contains($0.name) }
    graph.prune()
    for pass in configuration.postPrune { try pass(graph) }
    // Sections and symbols must be where those who look for addresses expect them.
    return try configuration.needsAddresses ? graph.writeObject() : graph.object()
  }

  /// What is owed and was taken out of the graph would be waited for, if the object refers to it.
  private func proveDefined(_ symbols: ObjectSymbols) throws(OrcError) {
    let defined = Set(symbols.definitions.map(\.name))
    let missing = responsibility.symbols.filter {
      !$0.value.contains(.materializationSideEffectsOnly) && !defined.contains($0.key)
    }
    let dylib = responsibility.dylib.name
    guard missing.isEmpty else {
      throw .missingDefinitions(
        missing.keys.map(\.text).sorted().map { OrcError.Symbol(name: $0, dylib: dylib) })
    }
  }

  /// Memory is allocated.
  func noteAllocation(in batch: LinkedBatch, at position: Int) throws(OrcError) {
    guard configuration.needsAddresses else { return }
    graph.attach(to: batch, at: position)
    try run(configuration.postAllocation)
  }

  func notifyLoaded() { for plugin in plugins { plugin.notifyLoaded(responsibility) } }

  /// All addresses are known.
  func prepareFixups(looking find: (_ name: String) -> ResolvedSymbol?) throws(OrcError) {
    guard configuration.needsAddresses else { return }
    graph.bind(looking: find)
    try run(configuration.preFixup)
  }

  /// What passes changed goes to the batch.
  func update() throws(OrcError) {
    do throws(LinkError) {
      try graph.update()
    } catch {
      throw .link(error)
    }
  }

  /// The bytes are final, unless a pass changes them.
  func noteFixups() throws(OrcError) {
    guard configuration.needsAddresses else { return }
    graph.noteFixups()
    try run(configuration.postFixup)
    // The batch is not needed any longer.
    graph.detach()
  }

  func notifyEmitted() throws(OrcError) {
    var errors: [OrcError] = []
    for plugin in plugins {
      do throws(OrcError) {
        try plugin.notifyEmitted(responsibility)
      } catch {
        errors.append(error)
      }
    }
    if let error = OrcError.joined(errors) { throw error }
  }

  func notifyFailed(_ error: OrcError) {
    graph.detach()
    for plugin in plugins { plugin.notifyFailed(responsibility, error) }
  }

  private func run(_ passes: [PassConfiguration.Pass]) throws(OrcError) {
    do {
      for pass in passes { try pass(graph) }
    } catch {
      throw OrcError(error)
    }
  }
}

extension ObjectLinkingLayer.Member {
  /// The member fails.
  func fail(_ error: OrcError) {
    submission.graph?.notifyFailed(error)
    responsibility.failMaterialization(error)
  }
}

// What the layer calls at each step; nothing happens to members without plugins.
extension ObjectLinkingLayer.Batch {
  /// Memory is allocated.
  func noteAllocation() {
    forEachGraph { graph, position throws(OrcError) in
      try graph.noteAllocation(in: linked, at: position)
    }
  }

  /// Everything that members need has an address.
  func prepareFixups(looking find: (_ name: String) -> ResolvedSymbol?) {
    forEachGraph { graph, _ throws(OrcError) in try graph.prepareFixups(looking: find) }
    // Afterwards, since addresses are computed again once an object was replaced.
    forEachGraph { graph, _ throws(OrcError) in try graph.update() }
  }

  /// The bytes are written.
  func noteFixups() { forEachGraph { graph, _ throws(OrcError) in try graph.noteFixups() } }

  private func forEachGraph(_ body: (GraphLink, Int) throws(OrcError) -> Void) {
    guard hasGraphs else { return }
    for position in members.indices where !failed.contains(position) {
      guard let graph = members[position].submission.graph else { continue }
      do throws(OrcError) {
        try body(graph, position)
      } catch {
        fail(position, error)
      }
    }
  }
}
