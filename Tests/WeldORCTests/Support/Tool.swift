import Foundation
import Glibc

/// A program that the tests compare Weld with or let make files; `Tests/run` installs them.
struct Tool {
  let name: String

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  init(_ name: String) { self.name = name }

  /// Runs it in `folder`, gives it `input`, and returns what it prints. Throws if it is missing or fails.
  ///
  /// Without Foundation's `Process`, which leaks a few bytes now and then, and then the sanitizer complains.
  @discardableResult
  func callAsFunction(_ arguments: [String], in folder: TemporaryFolder, input: String = "") throws -> String
  {
    // Files instead of pipes: nothing can fill up and wait.
    let number = UUID().uuidString
    let (inputName, outputName) = ("\(number).in", "\(number).out")
    try folder.write(Array(input.utf8), to: inputName)
    try folder.write([], to: outputName)
    defer {
      try? folder.remove(inputName)
      try? folder.remove(outputName)
    }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, folder.path(of: inputName), O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, folder.path(of: outputName), O_WRONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)
    let environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 }
    let status = try withCStrings(["env", "-C", folder.url.path, name] + arguments) { argv in
      try withCStrings(environment.map { "\($0)=\($1)" }) { envp in
        var process: pid_t = 0
        let problem = posix_spawn(&process, "/usr/bin/env", &actions, nil, argv, envp)
        guard problem == 0 else { throw Failure(description: "\(name) cannot be started: errno \(problem)") }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        return status
      }
    }
    let text = String(decoding: try folder.read(outputName), as: UTF8.self)
    guard status == 0 else {
      throw Failure(description: "\(name) \(arguments) ended with status \(status): \(text.prefix(2000))")
    }
    return text
  }

  /// Calls `body` with an array of C strings that ends with a null pointer, as programs are given them.
  private func withCStrings<Result>(
    _ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) throws -> Result
  ) rethrows -> Result {
    let pointers = strings.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    return try body(pointers + [nil])
  }
}

/// A folder that is removed with its last reference.
final class TemporaryFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "weld-tests-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(of name: String) -> String { url.appending(path: name).path }

  func write(_ contents: [UInt8], to name: String) throws {
    try Data(contents).write(to: url.appending(path: name))
  }

  func read(_ name: String) throws -> [UInt8] {
    // `Data(contentsOf:)` leaks where a file is empty.
    let file = try FileHandle(forReadingFrom: url.appending(path: name))
    return Array(try file.readToEnd() ?? Data())
  }

  func remove(_ name: String) throws { try FileManager.default.removeItem(at: url.appending(path: name)) }
}
