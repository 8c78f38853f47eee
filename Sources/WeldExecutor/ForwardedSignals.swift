internal import Glibc

/// Passes on the signals that users end programs with, so that another process ends and this one can say how.
public enum ForwardedSignals {
  /// From now on the signals SIGINT, SIGTERM and SIGHUP that this process gets go to `process` instead.
  public static func forward(to process: Int32) {
    unsafe receiver = process
    var action = sigaction()
    unsafe action.__sigaction_handler.sa_handler = passOn
    action.sa_flags = SA_RESTART
    for signal in [SIGINT, SIGTERM, SIGHUP] { unsafe sigaction(signal, &action, nil) }
  }
}

// Written before any handler is installed.
nonisolated(unsafe) private var receiver: pid_t = 0

/// Only calls what may be called in a signal handler.
private let passOn: @convention(c) (Int32) -> Void = { signal in
  _ = unsafe kill(receiver, signal)
}
