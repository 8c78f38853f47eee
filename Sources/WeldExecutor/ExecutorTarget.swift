public import WeldBytes
public import WeldELF
internal import WeldMemory

/// What an executor is made for.
public struct ExecutorTarget: Hashable, Sendable {
  /// As compilers spell it.
  public var triple: String
  /// The machine whose objects it runs.
  public var machine: Machine
  /// How it stores integers.
  public var byteOrder: ByteOrder
  /// Bytes in a page of its memory.
  public var pageSize: Int

  /// A target of these properties.
  public init(triple: String, machine: Machine, byteOrder: ByteOrder, pageSize: Int) {
    self.triple = triple
    self.machine = machine
    self.byteOrder = byteOrder
    self.pageSize = pageSize
  }

  /// That of this process.
  public static let host: ExecutorTarget = {
    let machine = Machine.host ?? Machine(rawValue: 0)
    let name = TargetTriple.architecturesByName.first { $0.machine == machine }?.text ?? "unknown"
    return ExecutorTarget(
      triple: "\(name)-unknown-linux-gnu", machine: machine, byteOrder: 1.littleEndian == 1 ? .little : .big,
      pageSize: SystemMemory.pageSize)
  }()
}
