internal import Synchronization

/// A part that costs nothing: what has it is borrowed where it is.
///
/// Swift 6.3.1 copies a large value, byte by byte, for each call that borrows it from where it may change, unless the value can
/// only be used by its address. Atomics can, and so whatever has one.
struct InPlace: ~Copyable, Sendable {
  private let atomic = Atomic(false)
}
