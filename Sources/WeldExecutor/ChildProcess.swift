internal import Glibc
internal import WeldMemory

/// Another program, run to its end.
///
/// Its input and output are files without a name, so that neither side ever waits for the other to read.
package enum ChildProcess {
  /// What a program wrote and how it ended.
  package struct Output {
    /// What it wrote to its standard output.
    package var output: [UInt8]
    /// What it wrote to its standard error.
    package var errors: [UInt8]
    /// The signal that it died of.
    package var signal: Int32?
    /// Its exit status; 0 if it died of a signal.
    package var status: Int32
  }

  /// Why there is no output.
  package enum Problem: Error, Equatable {
    /// The program cannot be started, with the system's `errno`.
    case notStarted(errno: Int32)
    /// It did not end in time.
    case timedOut(limit: Duration)
    /// It wrote more than this many bytes.
    case tooMuchOutput(limit: Int)
  }

  /// Runs `command`, a program and its arguments, with `input` as its standard input, in `folder`, or else in
  /// this process's.
  ///
  /// A program that takes longer than `timeLimit`, or writes more than `outputLimit` bytes, is killed with
  /// all processes that it started.
  package static func run(
    _ command: [String], input: [UInt8] = [], folder: String? = nil, timeLimit: Duration, outputLimit: Int
  ) throws(Problem) -> Output {
    let files: [UnnamedFile]
    let child: pid_t
    do {
      files = [try UnnamedFile(input), try UnnamedFile(), try UnnamedFile()]
      child = try start(command, files, in: folder)
    } catch {
      throw .notStarted(errno: error.errno)
    }
    let deadline = ContinuousClock.now + timeLimit
    var pause: UInt32 = 500
    while true {
      var status: Int32 = 0
      // The call writes only to `status`.
      let ended = unsafe waitpid(child, &status, WNOHANG)
      // A process that ignores SIGCHLD, or waits for its children elsewhere too, learns only that it is gone.
      if ended == child || ended < 0 && errno == ECHILD {
        // The low bits tell the signal, 0 for a program that ended by itself.
        let signal = status & 0x7f
        return Output(
          output: files[1].bytes, errors: files[2].bytes, signal: signal == 0 ? nil : signal,
          status: status >> 8 & 0xff)
      }
      let isLate = ContinuousClock.now > deadline
      guard !isLate, files[1].byteCount + files[2].byteCount <= outputLimit else {
        kill(-child, SIGKILL)
        // Killed, it ends at once.
        unsafe waitpid(child, &status, 0)
        throw isLate ? .timedOut(limit: timeLimit) : .tooMuchOutput(limit: outputLimit)
      }
      usleep(pause)
      pause = min(pause * 2, 10_000)
    }
  }

  /// Where the search path has the program `name`.
  package static func path(of name: String) -> String? {
    // The text is copied before anybody else can change the environment.
    guard let list = unsafe getenv("PATH") else { return nil }
    let folders = unsafe String(cString: list).split(separator: ":")
    // Each path is a text that ends with a zero byte, for the length of the call.
    return folders.lazy.map { "\($0)/\(name)" }.first { unsafe access($0, X_OK) == 0 }
  }

  /// Starts `command` in a process group of its own, with `files` as its first descriptors.
  private static func start(
    _ command: [String], _ files: [UnnamedFile], in folder: String?
  ) throws(SystemError) -> pid_t {
    // Both are set up here, and given back below.
    var actions = unsafe posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    unsafe posix_spawn_file_actions_init(&actions)
    unsafe posix_spawnattr_init(&attributes)
    // Copies that live until the call has copied them to the new process.
    var arguments = unsafe command.map { unsafe strdup($0) }
    unsafe arguments.append(nil)
    defer {
      for position in unsafe arguments.indices { unsafe free(arguments[position]) }
      unsafe posix_spawnattr_destroy(&attributes)
      unsafe posix_spawn_file_actions_destroy(&actions)
    }
    for (position, file) in files.enumerated() {
      // The action is kept in `actions`.
      unsafe posix_spawn_file_actions_adddup2(&actions, file.descriptor, Int32(position))
    }
    // So is this one, with a copy of the path.
    if let folder { _ = unsafe spawnInFolder(&actions, folder) }
    unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    var child: pid_t = 0
    // All arguments were set up above; the environment is the C library's.
    let failure = unsafe posix_spawnp(&child, command.first ?? "", &actions, &attributes, arguments, environ)
    guard failure == 0 else { throw SystemError(errno: failure) }
    return child
  }
}

/// `posix_spawn_file_actions_addchdir_np`, which the C library has and Swift's view of its headers lacks.
@_extern(c, "posix_spawn_file_actions_addchdir_np")
private func spawnInFolder(
  _ actions: UnsafeMutablePointer<posix_spawn_file_actions_t>, _ path: UnsafePointer<CChar>
) -> Int32

/// A file that is gone once nobody has it open.
private final class UnnamedFile: Sendable {
  /// Not below 3, so that no standard descriptor is in the way.
  let descriptor: Int32

  /// A file with `bytes`, to be read from its start.
  init(_ bytes: [UInt8] = []) throws(SystemError) {
    // The stream is closed here; the descriptor is a second one.
    guard let stream = unsafe tmpfile() else { throw SystemError(errno: errno) }
    defer { unsafe fclose(stream) }
    descriptor = unsafe fcntl(fileno(stream), F_DUPFD_CLOEXEC, 3)
    guard descriptor >= 0 else { throw SystemError(errno: errno) }
    var written = 0
    while written < bytes.count {
      // The call reads only the rest of `bytes`.
      let count = unsafe bytes[written...].withUnsafeBytes { rest in
        unsafe pwrite(descriptor, rest.baseAddress, rest.count, written)
      }
      guard count > 0 else { throw SystemError(errno: errno) }
      written += count
    }
  }

  deinit {
    close(descriptor)
  }

  /// Bytes in the file.
  var byteCount: Int {
    var status = stat()
    // The call writes only to `status`.
    return unsafe fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
  }

  /// The whole of the file, wherever others have read or written last.
  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      // The call writes at most as many bytes as the array has.
      let count = unsafe pread(descriptor, &chunk, chunk.count, bytes.count)
      guard count > 0 else { return bytes }
      bytes.append(contentsOf: chunk[..<count])
    }
  }
}
