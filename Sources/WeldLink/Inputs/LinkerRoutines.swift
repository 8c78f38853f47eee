internal import WeldBytes
internal import WeldELF

/// Routines that compilers call and expect the linker to make.
enum LinkerRoutines {
  private struct Writing: ArchitectureWork {
    /// Not empty, since accesses of empty values have no place of their own, and look like races to Thread Sanitizer.
    let machine: Machine

    func run<A: Architecture>(for _: A.Type) throws(LinkError) -> ObjectWriter? { A.linkerRoutines() }
  }

  /// Adds an object with the routines to `objects`, if some of them want one.
  static func adding(to objects: [ObjectFile], _ traits: MachineTraits) throws(LinkError) -> [ObjectFile] {
    guard traits.hasLinkerRoutines, objects.contains(where: { $0.wantsLinkerRoutine }) else { return objects }
    var writing = Writing(machine: traits.machine)
    guard let object = try writing.run(for: traits.machine, file: "") else { return objects }
    do {
      return objects + [try ObjectFile(Bytes(object.bytes()), name: SupportObject.name)]
    } catch {
      throw .malformed(error)
    }
  }
}

extension ObjectFile {
  /// Whether the object has an undefined symbol whose name could be that of a routine to save or restore
  /// registers.
  fileprivate var wantsLinkerRoutine: Bool {
    guard let table = symbolTable else { return false }
    let symbols = symbols
    for index in min(table.firstGlobal, table.count)..<table.count where symbols[index].place == .undefined {
      let name = nameBytes(of: symbols[index])
      if name.starts(with: "_save") || name.starts(with: "_rest") { return true }
    }
    return false
  }
}
