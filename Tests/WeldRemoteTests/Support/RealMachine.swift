import Foundation
import WeldBytes
import WeldCheck
import WeldELF
import WeldExecutor
import WeldLink
import WeldMemory
import Testing
import WeldORC
import WeldRemote

/// A machine whose stock executor runs here: natively, or under QEMU in the sysroot of `Tests/install-sysroots`.
enum RealMachine: String, CaseIterable, Sendable, CustomTestStringConvertible {
  case x86_64, ppc64le, s390x

  var testDescription: String { rawValue }

  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// What starts its executor.
  var command: String {
    let name =
      switch self {
      case .x86_64: ""
      case .ppc64le: "ppc64el"
      case .s390x: "s390x"
      }
    guard !name.isEmpty else { return "llvm-jitlink-executor-19" }
    let sysroot = Self.root.appending(path: ".build-sysroots/\(name)").path
    return "qemu-\(rawValue) -L '\(sysroot)' '\(sysroot)/usr/lib/llvm-19/bin/llvm-jitlink-executor'"
  }

  func start() throws -> SimpleRemoteEPC { try SimpleRemoteEPC(spawning: command) }

  private var compiler: String {
    switch self {
    case .x86_64: "gcc"
    case .ppc64le: "powerpc64le-linux-gnu-gcc"
    case .s390x: "s390x-linux-gnu-gcc"
    }
  }

  struct CompilerError: Error {
    var messages: String
  }

  /// The object that the machine's compiler makes of `source`, which is C or another language of GCC's.
  func compile(_ source: String, flags: [String] = [], language: String = "c") throws -> ObjectFile {
    let file = FileManager.default.temporaryDirectory.appending(path: "weld-\(UUID().uuidString).o")
    defer { try? FileManager.default.removeItem(at: file) }
    let command = [compiler, "-O2", "-fPIC", "-x", language, "-c", "-", "-o", file.path] + flags
    let output = try ChildProcess.run(
      command, input: Array(source.utf8), timeLimit: .seconds(60), outputLimit: 1 << 20)
    guard output.status == 0, output.signal == nil else {
      throw CompilerError(messages: String(decoding: output.errors, as: UTF8.self))
    }
    return try ObjectFile(Bytes([UInt8](Data(contentsOf: file))), name: "test.o")
  }

  /// What `source` becomes in the memory of `executor`.
  func link(
    _ source: String, flags: [String] = [], symbols: [String: Address] = [:], on executor: SimpleRemoteEPC
  ) throws -> RuntimeDyld {
    let linker = RuntimeDyld(
      memory: RemoteMemory(executor),
      lookup: Symbols(
        absolute: symbols, libraries: try LibrarySymbols(libraries: [], includingProcess: true, in: executor))
    )
    try linker.load(compile(source, flags: flags))
    try linker.finalize()
    return linker
  }

  /// Symbols at addresses, and those of libraries.
  struct Symbols: SymbolLookup {
    var absolute: [String: Address]
    var libraries: LibrarySymbols

    func lookup(_ names: [String]) throws(ExecutorError) -> [ResolvedSymbol?] {
      zip(names, try libraries.lookup(names)).map { name, found in
        absolute[name].map { ResolvedSymbol(address: $0, isFunction: true) } ?? found
      }
    }
  }
}
