internal import Glibc

/// `argc` and `argv` of a program, as C has them.
@safe
public final class ProgramArguments: Sendable {
  // Written here and by the program they are for, as C allows it to.
  nonisolated(unsafe) let vector: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
  // The copies, whatever the program has put in the vector since.
  nonisolated(unsafe) private let strings: [UnsafeMutablePointer<CChar>?]
  let count: Int32

  /// Copies `arguments`, the first of which is the program's name.
  public init(_ arguments: [String]) {
    count = Int32(truncatingIfNeeded: arguments.count)
    unsafe strings = arguments.map { unsafe strdup($0) }
    unsafe vector = .allocate(capacity: arguments.count + 1)
    for position in arguments.indices { unsafe (vector + position).initialize(to: strings[position]) }
    unsafe (vector + arguments.count).initialize(to: nil)
  }

  deinit {
    for position in unsafe strings.indices { unsafe free(strings[position]) }
    unsafe vector.deallocate()
  }
}
