internal import Glibc

/// Passes on the signals that users end programs with, so that another process ends and this one can say how.
public enum ForwardedSignals {
  /// From now on SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 that other processes send to this one go to
  /// `process` instead.
  ///
  /// What a terminal sends, it sends to both: then this process goes on, and sees what becomes of the other one. Signals
  /// that this process ignores stay ignored.
  public static func forward(to process: Int32) {
    unsafe receiver = process
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_sigaction = passOn
    action.sa_flags = SA_RESTART | SA_SIGINFO
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2] {
      var earlier = sigaction()
      // Both calls write to the variables given.
      unsafe sigaction(signal, nil, &earlier)
      let ignores = unsafe unsafeBitCast(earlier.__sigaction_handler.sa_handler, to: Int.self) == 1
      if !ignores { unsafe sigaction(signal, &action, nil) }
    }
  }
}

// Written before any handler is installed.
nonisolated(unsafe) private var receiver: pid_t = 0

/// Only calls what may be called in a signal handler.
private let passOn:
  @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void = {
    signal, information, _ in
    // Above 0, the kernel sent it for itself.
    guard let information = unsafe information, unsafe information.pointee.si_code <= 0 else { return }
    // Nobody is left to end.
    if unsafe kill(receiver, signal) != 0 { _exit(128 + signal) }
  }
