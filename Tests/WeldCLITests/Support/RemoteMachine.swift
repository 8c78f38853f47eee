import Foundation
import Testing

/// A machine on which programs are run by LLVM's executor: this one, or one that QEMU emulates.
enum RemoteMachine: String, CaseIterable, CustomTestStringConvertible, Sendable {
  case x86_64, ppc64le, s390x

  /// Those that QEMU emulates.
  static let emulated: [RemoteMachine] = [.ppc64le, .s390x]

  var testDescription: String { rawValue }

  /// What the names of GNU's tools and of Debian's folders for it begin with.
  var triple: String { self == .ppc64le ? "powerpc64le-linux-gnu" : "\(rawValue)-linux-gnu" }

  /// Where its C library and everything else lies that `Tests/install-sysroots` unpacked; none for this machine.
  private var sysroot: String? {
    switch self {
    case .x86_64: nil
    case .ppc64le: Command.root.appending(path: ".build-sysroots/ppc64el").path
    case .s390x: Command.root.appending(path: ".build-sysroots/s390x").path
    }
  }

  /// The path of a static library of Debian's, or of the compiler.
  func archive(_ name: String) -> String {
    let libraries = name == "libgcc.a" ? "/usr/lib/gcc/\(triple)/12/" : "/usr/lib/\(triple)/"
    return (sysroot ?? "") + libraries + name
  }

  /// The options with which a compiler finds the headers of those libraries.
  func headers(_ flags: [String]) -> [String] {
    guard let sysroot else { return flags }
    return ["--sysroot=\(sysroot)"] + flags.map { $0.replacing("-I/usr/", with: "-I\(sysroot)/usr/") }
  }

  /// The emulator with all that it can do, for programs that were linked statically; nothing for this machine.
  var emulator: [String] {
    switch self {
    case .x86_64: []
    case .ppc64le: ["qemu-ppc64le", "-cpu", "power10"]
    case .s390x: ["qemu-s390x", "-cpu", "max"]
    }
  }

  /// What `--executor` is given. `library` is loaded into the executor before anything else.
  func executor(preloading library: String? = nil, arguments: [String] = []) -> String {
    var words: [String]
    if let sysroot {
      words = emulator + (library.map { ["-E", "LD_PRELOAD=\($0)"] } ?? []) + ["-L", sysroot]
      words.append(sysroot + "/usr/lib/llvm-19/bin/llvm-jitlink-executor")
    } else {
      words = (library.map { ["env", "LD_PRELOAD=\($0)"] } ?? []) + ["llvm-jitlink-executor-19"]
    }
    return (words + arguments).map { "'\($0)'" }.joined(separator: " ")
  }

  /// Makes a library to preload, which keeps an executor's memory out of reach of its libraries.
  func distance(in scratch: Scratch) throws -> String {
    let source = Command.root.appending(path: "Tests/Programs/Other/distance.c").path
    try scratch.tool("\(triple)-gcc", ["-shared", "-fPIC", source, "-o", "distance.so"])
    return scratch.path("distance.so")
  }

  /// Runs objects on this machine, with `weld run --executor`.
  func run(
    _ arguments: [String], preloading library: String? = nil, in folder: URL, input: URL? = nil,
    environment: [String: String] = [:]
  ) throws -> Outcome {
    try Command.weld(
      ["run", "--executor", executor(preloading: library)] + arguments, in: folder, input: input,
      environment: environment)
  }

  /// Links objects with GNU `ld` and the C library into a program, runs it, and says what became of it.
  func runStatically(
    _ objects: [String], libraries: [String] = [], arguments: [String] = [], in scratch: Scratch,
    environment: [String: String] = [:]
  ) throws -> Outcome {
    try scratch.tool("\(triple)-g++", headers(["-static"]) + objects + libraries + ["-o", "program"])
    let command = emulator + [scratch.path("program")] + arguments
    return try Command.run(
      command[0], Array(command.dropFirst()), in: scratch.folder, environment: environment)
  }
}
