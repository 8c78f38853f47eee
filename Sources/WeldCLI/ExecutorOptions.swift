import ArgumentParser
import Glibc
import Weld

/// The process that a program runs in, if it is not this one.
struct ExecutorOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Run in a process that this command starts: an llvm-jitlink-executor of LLVM 19 and what it needs.",
      discussion: "Split as a shell does; 'filedescs=IN,OUT' is appended.", valueName: "command"))
  var executor: String?

  @Option(
    help: ArgumentHelp(
      "Run in an llvm-jitlink-executor of LLVM 19 that listens there.",
      discussion: "The connection is neither protected nor authenticated.", valueName: "host:port"),
    transform: { text in
      guard let address = NetworkAddress(text) else {
        throw ValidationError("'\(text)' is no HOST:PORT")
      }
      return address
    })
  var connect: NetworkAddress?

  @Option(
    help: ArgumentHelp(
      "How long the executor may take to answer, apart from running the program.", valueName: "seconds"))
  var executorTimeout = 30

  @Option(
    help: ArgumentHelp(
      "How long each step of the program may take in an executor: constructors, main, the exit. (default: no limit)",
      valueName: "seconds"))
  var runTimeout: Int?

  func validate() throws {
    guard executor == nil || connect == nil else {
      throw ValidationError("--executor and --connect exclude each other; expected one of them")
    }
    guard executorTimeout > 0 else {
      throw ValidationError("--executor-timeout \(executorTimeout): expected at least one second")
    }
    if let runTimeout, runTimeout <= 0 {
      throw ValidationError("--run-timeout \(runTimeout): expected at least one second")
    }
    guard runTimeout == nil || executor != nil || connect != nil else {
      throw ValidationError(
        "--run-timeout is for programs in other processes; expected --executor or --connect")
    }
  }

  /// Starts or reaches the executor; `nil` if none is asked for.
  func start() throws(ExecutorError) -> SimpleRemoteEPC? {
    var options = SimpleRemoteEPC.Options()
    options.answerLimit = .seconds(executorTimeout)
    options.callLimit = runTimeout.map { .seconds($0) }
    // A parent that ignores it hands that down, and then the system tells nobody how a process ended.
    signal(SIGCHLD, SIG_DFL)
    if let executor { return try SimpleRemoteEPC(spawning: executor, options: options) }
    if let connect { return try SimpleRemoteEPC(connectingTo: connect, options: options) }
    return nil
  }
}
