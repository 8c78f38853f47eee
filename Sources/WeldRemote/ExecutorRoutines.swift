internal import WeldBytes
internal import WeldELF
internal import WeldExecutor

/// Code that Weld puts into an executor, since the executor has no service for what it does. It lies anywhere.
struct ExecutorRoutines {
  /// A wrapper function that calls functions one after another.
  ///
  /// Its arguments are words of the target: the address of `malloc`; the size of the result in bytes, more than
  /// 8; and for each call the function and, for each of ``FunctionCall/argumentLimit`` arguments, a mask and a
  /// value. An argument is its value plus the address of the result where the mask has ones. The result begins with
  /// what each function returned, a word each; what follows is for the functions to fill. It is empty if there
  /// is no memory for it.
  let call: [UInt8]
  /// `void report(const struct report *, int status)`: an exit handler (``CallList`` has the structure) that tells
  /// the controller what a program exits with. The C library of GNU passes the status to handlers of
  /// `__cxa_atexit`.
  let report: [UInt8]
  /// A wrapper function that does nothing, with success: an allocation action must have a function.
  let succeed: [UInt8]

  /// `int start(const struct start *)`: see ``ExecutorProcessControl/startRoutine``.
  let start: [UInt8]

  /// The `MAP_` flags of Linux for memory below 2 GiB, on a machine where code may have to lie there; `nil` elsewhere.
  var lowMappingFlags: UInt64?

  /// The routines for `target`; `nil` if Weld does not link for it.
  static func of(_ target: ExecutorTarget) -> ExecutorRoutines? {
    switch (target.machine, target.byteOrder) {
    case (.x86_64, .little): X86_64Routines.routines
    case (.ppc64, .little): PPC64LERoutines.routines
    case (.s390, .big): S390XRoutines.routines
    default: nil
    }
  }
}
