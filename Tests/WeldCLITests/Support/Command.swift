import Foundation
import Glibc
import Testing

/// What became of a command.
struct Outcome: Equatable {
  /// The exit status, or 128 + N if it died of signal N.
  var status: Int32
  var output: String
  var errors: String
}

/// The repository, and commands run in it.
enum Command {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  static let objects = root.appending(path: "TestObjects/x86_64")

  /// Runs `weld`, as `Tests/run` built it.
  static func weld(
    _ arguments: [String], in folder: URL = objects, input: URL? = nil, environment: [String: String] = [:]
  ) throws -> Outcome {
    let weld = root.appending(path: ".build/release/weld")
    try #require(
      FileManager.default.isExecutableFile(atPath: weld.path),
      "not built; run Tests/run, or first: swift build -c release --product weld")
    return try run(weld.path, arguments, in: folder, input: input, environment: environment)
  }

  /// Runs a program to its end, or stops it after a minute.
  static func run(
    _ path: String, _ arguments: [String], in folder: URL = root, input: URL? = nil,
    environment: [String: String] = [:]
  ) throws -> Outcome {
    let scratch = try Scratch()
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["timeout", "--signal=KILL", "60", path] + arguments
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = try input.map { try FileHandle(forReadingFrom: $0) } ?? FileHandle.nullDevice
    // Files, not pipes, which could fill up.
    process.standardOutput = try scratch.create("output")
    process.standardError = try scratch.create("errors")
    // Threads of a test run have signals blocked, and children inherit that.
    var none = sigset_t()
    var blocked = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, &blocked)
    defer { pthread_sigmask(SIG_SETMASK, &blocked, nil) }
    try process.run()
    process.waitUntilExit()
    let signaled = process.terminationReason == .uncaughtSignal
    return Outcome(
      status: process.terminationStatus + (signaled ? 128 : 0), output: try scratch.text("output"),
      errors: try scratch.text("errors"))
  }
}

/// A folder that is removed with its last reference.
final class Scratch {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "weld-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  /// The path of a file in the folder.
  func path(_ name: String) -> String { folder.appending(path: name).path }

  /// Makes an empty file to write to.
  func create(_ name: String) throws -> FileHandle {
    FileManager.default.createFile(atPath: path(name), contents: nil)
    return try FileHandle(forWritingTo: folder.appending(path: name))
  }

  /// Writes a file.
  func write(_ text: String, to name: String) throws -> String {
    try text.write(toFile: path(name), atomically: true, encoding: .utf8)
    return path(name)
  }

  /// The contents of a file, whatever bytes it has.
  func text(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: folder.appending(path: name)), as: UTF8.self)
  }

  /// Runs a tool in the folder, which must succeed.
  func tool(_ path: String, _ arguments: [String]) throws {
    let outcome = try Command.run(path, arguments, in: folder)
    try #require(outcome.status == 0, "\(path) \(arguments.joined(separator: " ")): \(outcome.errors)")
  }
}
