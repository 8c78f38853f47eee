internal import Glibc
internal import Synchronization
internal import WeldMemory

/// A process that was started to be an executor.
final class ExecutorChild: Sendable {
  private let process: pid_t
  private let ending = Mutex<ExecutorError.Loss?>(nil)

  private init(_ process: pid_t) { self.process = process }

  /// What the system calls it.
  var processIdentifier: Int32 { process }

  /// Starts `command`, to which `filedescs=IN,OUT` is appended.
  ///
  /// - Parameter command: a program and its arguments as a shell's user writes them: quoted where needed, and with
  ///   variables and patterns expanded, but no commands.
  /// - Returns: the process, and what speaks to it.
  static func start(_ command: String) throws(ExecutorError) -> (ExecutorChild, Channel) {
    let words = try ShellWords.split(command)
    let toChild = try pipe(for: command)
    let fromChild = try pipe(for: command)
    // Two that every shell can name, so that an executor may be a script.
    let (input, output): (Int32, Int32) = (3, 4)
    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    // Copies that live until the call has copied them to the new process.
    var arguments = unsafe (words + ["filedescs=\(input),\(output)"]).map { unsafe strdup($0) }
    unsafe arguments.append(nil)
    defer {
      for position in unsafe arguments.indices { unsafe free(arguments[position]) }
      unsafe posix_spawn_file_actions_destroy(&actions)
    }
    // The ends are not below 10, so neither copy hides the other.
    unsafe posix_spawn_file_actions_adddup2(&actions, toChild.reader.number, input)
    unsafe posix_spawn_file_actions_adddup2(&actions, fromChild.writer.number, output)
    var process: pid_t = 0
    // All arguments were set up above; the environment is the C library's.
    let failure = withExtendedLifetime((toChild, fromChild)) {
      unsafe posix_spawnp(&process, words[0], &actions, nil, arguments, environ)
    }
    guard failure == 0 else { throw .notStarted(command: command, reason: systemMessage(failure)) }
    let child = ExecutorChild(process)
    do {
      let channel = try Channel(
        input: fromChild.reader.take(), output: toChild.writer.take(), process: process)
      return (child, channel)
    } catch {
      _ = child.end(within: .zero)
      throw error
    }
  }

  /// A pipe whose ends are not below 10.
  private static func pipe(for command: String) throws(ExecutorError) -> Pipe {
    let (low, failure) = Pipe.make()
    guard let low else { throw .notStarted(command: command, reason: systemMessage(failure)) }
    let (high, reason) = low.moved()
    guard let high else { throw .notStarted(command: command, reason: systemMessage(reason)) }
    return high
  }

  /// Waits until the process has ended, and ends it if it takes longer than `limit`.
  ///
  /// - Returns: how it ended; `nil` if it had to be ended, or if somebody else waited for it.
  func end(within limit: Duration) -> ExecutorError.Loss? {
    ending.withLock { ending in
      if let ending { return ending == .closed ? nil : ending }
      let found = wait(atMost: limit)
      if found == nil {
        kill(process, SIGKILL)
        var status: Int32 = 0
        // Killed, it ends at once. The call writes only to `status`.
        while unsafe waitpid(process, &status, 0) < 0, errno == EINTR {}
      }
      ending = found ?? .closed
      return found
    }
  }

  private func wait(atMost limit: Duration) -> ExecutorError.Loss? {
    let deadline = ContinuousClock.now + limit
    var pause: UInt32 = 100
    while true {
      var status: Int32 = 0
      // The call writes only to `status`.
      let ended = unsafe waitpid(process, &status, WNOHANG)
      if ended == process {
        // The low bits tell the signal, 0 for a process that ended by itself.
        let signal = status & 0x7f
        return signal == 0 ? .exited(status: status >> 8 & 0xff) : .killed(signal: signal)
      }
      // A process that ignores SIGCHLD, or waits for its children elsewhere too, learns only that it is gone.
      if ended < 0, errno == ECHILD { return .disconnected }
      guard ContinuousClock.now < deadline else { return nil }
      usleep(pause)
      pause = min(pause * 2, 10_000)
    }
  }
}

/// The words of a command line, as a shell splits it.
enum ShellWords {
  /// Splits `command`, which must have at least one word.
  static func split(_ command: String) throws(ExecutorError) -> [String] {
    var expansion = unsafe wordexp_t()
    // The call fills `expansion`, which is given back below.
    let failure = unsafe wordexp(command, &expansion, Int32(WRDE_NOCMD))
    defer { if failure == 0 || Int(failure) == WRDE_NOSPACE { unsafe wordfree(&expansion) } }
    guard failure == 0 else { throw .notStarted(command: command, reason: reason(failure)) }
    var words: [String] = []
    for position in 0..<Int(unsafe expansion.we_wordc) {
      // There are as many texts as the count says.
      if let word = unsafe expansion.we_wordv[position] { words.append(unsafe String(cString: word)) }
    }
    guard !words.isEmpty else { throw .notStarted(command: command, reason: "it has no words") }
    return words
  }

  private static func reason(_ failure: Int32) -> String {
    switch Int(failure) {
    case WRDE_BADCHAR: "one of |&;<>(){} or a line break stands there without quotes"
    case WRDE_CMDSUB: "it contains another command; expected a program and its arguments"
    case WRDE_SYNTAX: "a quote is not closed"
    default: "it cannot be split into words"
    }
  }
}
