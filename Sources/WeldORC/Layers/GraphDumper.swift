public import WeldLink

/// A plugin that shows graphs as text and changes nothing.
///
/// What `llvm-jitlink` does with `-show-graphs`.
public final class GraphDumper: ObjectLinkingLayer.Plugin {
  /// When a graph is shown.
  public enum Phase: Hashable, Sendable, CaseIterable {
    /// As the object has it.
    case prePrune
    /// Without what nothing needs.
    case postPrune
    /// With addresses of blocks and definitions.
    case postAllocation
    /// As ``postAllocation``; the addresses of external symbols are known, too.
    case preFixup
    /// As ``preFixup``; contents are the final bytes.
    case postFixup
  }

  private let phases: Set<Phase>
  private let show: @Sendable (Phase, String) -> Void

  /// Gives the text of every graph to `show`, in each of `phases`, on the thread that links.
  public init(in phases: Set<Phase> = [.postAllocation], to show: @escaping @Sendable (Phase, String) -> Void)
  {
    self.phases = phases
    self.show = show
  }

  public func modifyPassConfiguration(
    _ responsibility: MaterializationResponsibility, _ graph: LinkGraph,
    _ configuration: inout PassConfiguration
  ) {
    for phase in Phase.allCases where phases.contains(phase) {
      let show = show
      let pass: PassConfiguration.Pass = { graph in show(phase, graph.dump()) }
      switch phase {
      case .prePrune: configuration.prePrune.append(pass)
      case .postPrune: configuration.postPrune.append(pass)
      case .postAllocation: configuration.postAllocation.append(pass)
      case .preFixup: configuration.preFixup.append(pass)
      case .postFixup: configuration.postFixup.append(pass)
      }
    }
  }
}
