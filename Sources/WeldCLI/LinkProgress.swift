import Glibc
import Synchronization

/// How far a long link is, on one line of a terminal.
final class LinkProgress: Sendable {
  /// After how many objects the line changes.
  private static let step = 64

  private let state = Mutex(State())

  private struct State {
    var count = 0
    var hasEnded = false
  }

  /// `nil` if nobody looks, or wants to.
  init?(isQuiet: Bool) {
    guard !isQuiet, isatty(STDERR_FILENO) == 1 else { return nil }
  }

  /// One more object is being linked.
  func count() {
    state.withLock { state in
      state.count += 1
      guard !state.hasEnded, state.count.isMultiple(of: Self.step) else { return }
      Diagnostics.put("\rweld: linking, \(state.count) objects")
    }
  }

  /// Removes the line.
  func end() {
    state.withLock { state in
      if !state.hasEnded, state.count >= Self.step { Diagnostics.put("\r\u{1b}[K") }
      state.hasEnded = true
    }
  }
}
