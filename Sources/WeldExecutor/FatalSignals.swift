internal import Glibc

/// Turns the death of a linked program by a signal into an exit status.
///
/// A program that is linked into this process dies with it. Shells report such a death as the status 128 + N;
/// other parents see a signal. With this, all of them see the status.
public enum FatalSignals {
  /// Lets the signals that faulty programs die of end this process with the status 128 + N, unless the
  /// program handles them itself. Children that it forks die of them as usual.
  public static func becomeExitStatuses() {
    unsafe mainProcess = getpid()
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_handler = endProcess
    // SA_RESETHAND: a second one on the way out is deadly. SA_ONSTACK: the stack may be what went wrong.
    action.sa_flags = Int32(bitPattern: 0x8000_0000) | SA_ONSTACK
    var stack = unsafe stack_t()
    let byteCount = 1 << 16
    // Kept for as long as the process lives.
    unsafe stack.ss_sp = .allocate(byteCount: byteCount, alignment: 16)
    unsafe stack.ss_size = byteCount
    unsafe sigaltstack(&stack, nil)
    for signal in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS, SIGQUIT] {
      unsafe sigaction(signal, &action, nil)
    }
  }
}

// Written before any handler is installed.
nonisolated(unsafe) private var mainProcess: pid_t = 0

/// Only calls what may be called in a signal handler.
private let endProcess: @convention(c) (Int32) -> Void = { signal in
  if unsafe getpid() == mainProcess { _exit(128 + signal) }
  // The disposition is the default one again.
  raise(signal)
}
