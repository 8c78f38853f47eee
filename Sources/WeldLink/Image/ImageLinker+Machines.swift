public import WeldBytes
public import WeldELF

extension ImageLinker {
  private struct Question: ArchitectureWork {
    let byteOrder: ByteOrder

    func run<A: Architecture>(for _: A.Type) throws(LinkError) -> Bool { byteOrder == A.byteOrder }
  }

  /// Whether objects for `machine` in `byteOrder` can be linked.
  public static func canLink(_ machine: Machine, _ byteOrder: ByteOrder) -> Bool {
    var question = Question(byteOrder: byteOrder)
    // The only error is that the machine is unknown.
    return (try? question.run(for: machine, file: "")) ?? false
  }
}
