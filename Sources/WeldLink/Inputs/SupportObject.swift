internal import Synchronization
internal import WeldBytes
public import WeldELF

/// What the linker itself supplies to programs.
public enum SupportObject {
  private struct Writing: ArchitectureWork {
    /// Not empty, since accesses of empty values have no place of their own, and look like races to Thread Sanitizer.
    let machine: Machine

    func run<A: Architecture>(for _: A.Type) throws(LinkError) -> ObjectWriter { A.supportObject() }
  }

  /// An object for `machine` with `atexit`, `at_quick_exit`, `pthread_atfork` and `__dso_handle`, which no
  /// shared library exports. All are weak, so that a definition of the program's own prevails, and hidden.
  public static func make(for machine: Machine) throws(LinkError) -> ObjectFile {
    if let known = made.withLock({ $0[machine] }) { return known }
    var writing = Writing(machine: machine)
    let writer = try writing.run(for: machine, file: name)
    let object: ObjectFile
    do {
      object = try ObjectFile(Bytes(writer.bytes()), name: name)
    } catch {
      throw .malformed(error)
    }
    made.withLock { $0[machine] = object }
    return object
  }

  /// What was made before: it never changes, and hosts make many JITs.
  private static let made = Mutex<[Machine: ObjectFile]>([:])

  static let name = "<weld>"
}
