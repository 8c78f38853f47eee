import Foundation
import Testing

/// The program of `Tests/Programs/Chapters`, whose output is the same on every machine, however it is compiled.
enum Chapters {
  static let arguments = ["--", "first", "second"]
  static let environment = ["WELD_TEST": "yes"]

  static let sources: [URL] = {
    let folder = Command.root.appending(path: "Tests/Programs/Chapters")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasSuffix(".c") }.sorted().map { folder.appending(path: $0) }
  }()

  /// Compiles some of the sources, and returns the names of the objects. Nothing is fused: that would round otherwise.
  static func compile(
    _ sources: [URL] = sources, with way: RemoteCompiler, in scratch: Scratch
  ) throws -> [String] {
    var compiler = way
    compiler.options.append("-ffp-contract=off")
    return try compiler.compile(sources, in: scratch)
  }

  /// What the program does when GNU `ld` linked it for a machine.
  static func expected(on machine: RemoteMachine) throws -> Outcome {
    try #require(results[machine]).get()
  }

  private static let results = Dictionary(
    uniqueKeysWithValues: RemoteMachine.allCases.map { machine in
      (
        machine,
        Result<Outcome, any Error> {
          let scratch = try Scratch()
          let objects = try compile(with: RemoteCompiler(machine, "-O1"), in: scratch)
          return try machine.runStatically(
            objects, libraries: ["-pthread"], arguments: ["first", "second"], in: scratch,
            environment: environment)
        }
      )
    })

  /// Expects the objects to print, when they run on `machine`, what `ld`'s program prints.
  static func expect(
    _ objects: [String], on machine: RemoteMachine, far isFar: Bool, in scratch: Scratch
  ) throws {
    let library = isFar ? try machine.distance(in: scratch) : nil
    let found = try machine.run(
      objects + arguments, preloading: library, in: scratch.folder, environment: environment)
    let expected = try expected(on: machine)
    #expect(found.output == expected.output)
    #expect(found.status == expected.status, "\(found.errors)")
  }
}
