internal import WeldELF

/// Tells whether objects are for a machine that the engine knows.
enum SupportedMachine {
  private struct Check: ArchitectureWork {
    let object: ObjectFile

    func run<A: Architecture>(for _: A.Type) throws(LinkError) {
      guard object.header.byteOrder == A.byteOrder else {
        throw .unsupportedMachine(file: object.name, machine: object.header.machine)
      }
    }
  }

  /// Throws if `object` is for a machine that the engine does not know, or in that machine's other byte
  /// order.
  static func check(_ object: ObjectFile) throws(LinkError) {
    var check = Check(object: object)
    try check.run(for: object.header.machine, file: object.name)
  }
}
