/// What is done with a graph on its way into memory, phase by phase. A pass that throws fails the link of its object.
///
/// LLVM's `PassConfiguration`.
public struct PassConfiguration {
  /// Looks at a graph, or changes it.
  public typealias Pass = (LinkGraph) throws -> Void

  /// With the graph as it was made of the object.
  public var prePrune: [Pass] = []
  /// Once what nothing needs is gone. The graph may still grow.
  public var postPrune: [Pass] = []
  /// Blocks and defined symbols have addresses. From here on only contents and edges may be changed, and no edge may
  /// need a GOT slot or a stub that there is none of.
  public var postAllocation: [Pass] = []
  /// External symbols have addresses, too.
  public var preFixup: [Pass] = []
  /// Contents are the final bytes, and can still be changed.
  public var postFixup: [Pass] = []

  /// No passes.
  public init() {}

  /// Whether some pass needs to know where the graph lies.
  package var needsAddresses: Bool {
    !postAllocation.isEmpty || !preFixup.isEmpty || !postFixup.isEmpty
  }
}
