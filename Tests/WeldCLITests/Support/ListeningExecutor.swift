import Foundation
import Glibc
import Testing

/// An executor that listens on a port of this machine, and ends with the first connection.
final class ListeningExecutor {
  let address: String
  private let process = Process()
  private let scratch: Scratch

  init(on machine: RemoteMachine, environment: [String: String] = [:]) throws {
    scratch = try Scratch()
    let port = try Self.freePort()
    address = "127.0.0.1:\(port)"
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "exec " + machine.executor(arguments: ["listen=\(address)"])]
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try scratch.create("output")
    process.standardError = try scratch.create("errors")
    try process.run()
    try waitUntilListening(on: port)
  }

  deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

  /// Waits for the executor to end by itself, and returns how it did.
  func finish() throws -> Outcome {
    for _ in 0..<1000 where process.isRunning { usleep(10_000) }
    try #require(!process.isRunning, "the executor goes on after the connection was closed")
    process.waitUntilExit()
    let signaled = process.terminationReason == .uncaughtSignal
    return Outcome(
      status: process.terminationStatus + (signaled ? 128 : 0), output: try scratch.text("output"),
      errors: try scratch.text("errors"))
  }

  /// A port that nobody listens on.
  static func freePort() throws -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let status = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, size) == 0 ? getsockname(descriptor, address, &size) : -1
      }
    }
    try #require(status == 0)
    return Int(UInt16(bigEndian: address.sin_port))
  }

  /// Without connecting: the executor accepts only one connection.
  private func waitUntilListening(on port: Int) throws {
    let hexadecimal = String(port, radix: 16, uppercase: true)
    let place = ":" + String(repeating: "0", count: 4 - hexadecimal.count) + hexadecimal
    for _ in 0..<1000 where process.isRunning {
      let sockets = try String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)
      let isListening = sockets.split(separator: "\n").contains { line in
        let fields = line.split(separator: " ")
        return fields[1].hasSuffix(place) && fields[3] == "0A"
      }
      if isListening { return }
      usleep(10_000)
    }
    let errors = try scratch.text("errors")
    try #require(Bool(false), "the executor does not listen: \(errors)")
  }
}
