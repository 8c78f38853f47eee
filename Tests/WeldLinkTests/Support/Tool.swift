import Foundation

/// A program that the tests compare Weld with or let make files; `Tests/run` installs them.
struct Tool {
  let name: String

  struct Failure: Error, CustomStringConvertible {
    var description: String
  }

  init(_ name: String) { self.name = name }

  /// Runs it in `folder`, gives it `input`, and returns what it prints. Throws if it is missing or fails.
  @discardableResult
  func callAsFunction(_ arguments: [String], in folder: TemporaryFolder, input: String = "") throws -> String {
    // Files instead of pipes: nothing can fill up and wait.
    let output = folder.url.appending(path: "\(UUID().uuidString).txt")
    let source = folder.url.appending(path: "\(UUID().uuidString).txt")
    try Data(input.utf8).write(to: source)
    try Data().write(to: output)
    defer {
      try? FileManager.default.removeItem(at: output)
      try? FileManager.default.removeItem(at: source)
    }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [name] + arguments
    process.currentDirectoryURL = folder.url
    process.environment = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 }
    process.standardInput = try FileHandle(forReadingFrom: source)
    process.standardOutput = try FileHandle(forWritingTo: output)
    process.standardError = process.standardOutput
    try process.run()
    process.waitUntilExit()
    let text = String(decoding: try Data(contentsOf: output), as: UTF8.self)
    guard process.terminationStatus == 0 else {
      throw Failure(
        description: "\(name) \(arguments) exited with \(process.terminationStatus): \(text.prefix(2000))")
    }
    return text
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

  func write(_ contents: [UInt8], to name: String) throws {
    try Data(contents).write(to: url.appending(path: name))
  }

  func read(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: url.appending(path: name))) }
}
