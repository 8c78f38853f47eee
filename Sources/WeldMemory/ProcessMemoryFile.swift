internal import Glibc
internal import Synchronization

/// The file of a process's memory, through which it writes to pages that it only reads and executes.
///
/// The system writes to them as it does for a debugger: a private page is copied first, if others have it too, and its
/// protection stays as it is. Nothing is ever writable and executable at once, and no mapping changes. A system may refuse:
/// `/proc` need not be there, and since Linux 6.12 `proc_mem.force_override` can forbid it.
///
/// The file is opened when it is first needed, and again in a child: a descriptor stands for the memory of the process
/// that opened it.
final class ProcessMemoryFile: Sendable {
  /// That of the process.
  static let shared = ProcessMemoryFile(path: "/proc/self/mem")

  private let path: String
  /// The descriptor in the lower half, and in the upper one the generation of the process that opened it; 0 before that.
  private let opened = Atomic<UInt64>(0)

  /// The file at `path`, which need not exist.
  init(path: String) { self.path = path }

  deinit {
    let opened = opened.load(ordering: .relaxed)
    // In a child the descriptor may be another file's by now.
    if opened >> 32 == UInt64(ProcessGeneration().tag) { close(Self.descriptor(of: opened)) }
  }

  /// Whether the file can be opened by this process, or is open.
  var isOpen: Bool {
    do throws(MemoryError) {
      _ = try descriptor()
      return true
    } catch {
      return false
    }
  }

  /// Writes `bytes` to `address`, in pages that this process has.
  func write(_ bytes: RawSpan, at address: Int) throws(MemoryError) {
    let descriptor = try descriptor()
    var written = 0
    while written < bytes.byteCount {
      let count = unsafe bytes.extracting(droppingFirst: written).withUnsafeBytes { rest in
        // The system looks at the address.
        unsafe pwrite(descriptor, rest.baseAddress, rest.count, off_t(address + written))
      }
      if count > 0 {
        written += count
      } else if count == 0 || errno != EINTR {
        throw .system(call: "pwrite", errno: count == 0 ? EIO : errno)
      }
    }
  }

  private func descriptor() throws(MemoryError) -> Int32 {
    let generation = UInt64(ProcessGeneration().tag)
    let opened = opened.load(ordering: .acquiring)
    guard opened >> 32 != generation else { return Self.descriptor(of: opened) }
    return try open(generation: generation, replacing: opened)
  }

  private func open(generation: UInt64, replacing old: UInt64) throws(MemoryError) -> Int32 {
    Self.closeInChildren
    let new = unsafe Glibc.open(path, O_RDWR | O_CLOEXEC)
    guard new >= 0 else { throw .system(call: "open", errno: errno) }
    let exchange = opened.compareExchange(
      expected: old, desired: generation << 32 | UInt64(new), ordering: .acquiringAndReleasing)
    guard !exchange.exchanged else { return new }
    // Another thread was faster.
    close(new)
    return Self.descriptor(of: exchange.original)
  }

  private static func descriptor(of opened: UInt64) -> Int32 { Int32(truncatingIfNeeded: opened) }

  /// Closes the descriptor in children as soon as they are there: they could write to their parent's memory with it, even
  /// after they have given up all rights to. Children that are made without the C library keep it, and do not use it.
  private static let closeInChildren: Void = {
    _ = pthread_atfork(nil, nil) {
      let inherited = ProcessMemoryFile.shared.opened.exchange(0, ordering: .relaxed)
      if inherited != 0 { close(ProcessMemoryFile.descriptor(of: inherited)) }
    }
  }()
}
