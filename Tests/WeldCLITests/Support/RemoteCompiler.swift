import Foundation
import Testing

/// One way to compile for a machine.
struct RemoteCompiler: CustomTestStringConvertible, Sendable {
  var machine: RemoteMachine
  var isClang: Bool
  var options: [String]

  init(_ machine: RemoteMachine, clang: Bool = false, _ options: String) {
    self.machine = machine
    isClang = clang
    self.options = options.split(separator: " ").map(String.init)
  }

  var testDescription: String {
    "\(machine.rawValue): \(isClang ? "clang" : "gcc") " + options.joined(separator: " ")
  }

  /// Whether the code reads variables of the C library through the GOT only, and so may lie anywhere.
  ///
  /// Without, executables hold a copy of such a variable; what is linked into a running process cannot have one.
  var readsForeignDataThroughGOT: Bool {
    switch machine {
    case .ppc64le: true
    case .s390x: !options.contains("-fno-pic")
    case .x86_64: options.contains("-fPIC")
    }
  }

  /// Compiles sources of C, C++ or assembly, and returns the names of the objects in `scratch`.
  func compile(_ sources: [URL], in scratch: Scratch) throws -> [String] {
    let compiler = isClang ? ["clang-19", "--target=\(machine.triple)"] : ["\(machine.triple)-gcc"]
    try scratch.tool(
      compiler[0], compiler.dropFirst() + options + ["-w", "-c"] + sources.map(\.path))
    return sources.map { $0.deletingPathExtension().lastPathComponent + ".o" }
  }
}
