internal import WeldBytes
internal import WeldELF

/// Tells whether objects are for a machine that the engine knows.
enum SupportedMachine {
  private struct Check: ArchitectureWork {
    let object: ObjectFile

    func run<A: Architecture>(for _: A.Type) throws(LinkError) -> MachineTraits {
      let found = object.header.byteOrder == A.byteOrder ? A.unsupportedABI(of: object.header) : otherOrder
      if let found {
        throw .unsupportedABI(file: object.name, found: found, expected: String(describing: A.traits.name))
      }
      return A.traits
    }

    private var otherOrder: String {
      "\(object.header.byteOrder == .big ? "big-endian" : "little-endian") \(object.header.machine)"
    }
  }

  private struct Name: ArchitectureWork {
    /// Not empty, since accesses of empty values have no place of their own, and look like races to Thread Sanitizer.
    let machine: Machine

    func run<A: Architecture>(for _: A.Type) throws(LinkError) -> String { String(describing: A.traits.name) }
  }

  /// What a linker for `machine` is asked for, or else what the machine is called.
  static func name(of machine: Machine) -> String {
    var name = Name(machine: machine)
    return (try? name.run(for: machine, file: "")) ?? machine.description
  }

  /// The traits of the machine of `object`.
  ///
  /// - Throws: if the engine does not know the machine, or not in this byte order or this ABI.
  @discardableResult
  static func traits(of object: ObjectFile) throws(LinkError) -> MachineTraits {
    var check = Check(object: object)
    return try check.run(for: object.header.machine, file: object.name)
  }
}
