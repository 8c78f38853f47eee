import WeldExecutor
@testable import WeldCheck

/// Versions of `llvm-mc` that this machine has.
enum Decoders {
  static let installed: [String] = (14...30).map { "llvm-mc-\($0)" }.filter {
    ChildProcess.path(of: $0) != nil
  }
}
