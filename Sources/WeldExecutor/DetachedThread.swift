internal import Glibc

/// Threads that nobody waits for. Those of Dispatch are limited in number, and may all be waiting for what is to be
/// done on another one.
package enum DetachedThread {
  /// Runs `work` on a thread of its own; whether there is one.
  package static func start(_ work: @escaping @Sendable () -> Void) -> Bool {
    var attributes = pthread_attr_t()
    var thread = pthread_t()
    let box = unsafe Unmanaged.passRetained(Work(work)).toOpaque()
    // Both are set up here. The thread takes the box over.
    unsafe pthread_attr_init(&attributes)
    unsafe pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // As large as that of the main thread: linkers and compilers may run there.
    unsafe pthread_attr_setstacksize(&attributes, 8 << 20)
    let failure = unsafe pthread_create(&thread, &attributes, run, box)
    unsafe pthread_attr_destroy(&attributes)
    guard failure == 0 else {
      unsafe Unmanaged<Work>.fromOpaque(box).release()
      return false
    }
    return true
  }

  private final class Work: Sendable {
    let work: @Sendable () -> Void
    init(_ work: @escaping @Sendable () -> Void) { self.work = work }
  }

  private static let run: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { box in
    guard let box = unsafe box else { return nil }
    // Retained by who started the thread.
    unsafe Unmanaged<Work>.fromOpaque(box).takeRetainedValue().work()
    return nil
  }
}
