import Foundation
import Testing

@Suite("weld run --executor: programs on archives that nobody here made")
struct RemoteProgramTests {
  static let programs = [
    "sql.c", "compress.c", "lua.c", "digest.c", "xz.c", "bignum.c", "containers.cpp",
  ]

  @Test(arguments: RemoteMachine.allCases, programs)
  func `a program prints what it prints when ld linked it`(machine: RemoteMachine, file: String) throws {
    let program = try RealProgram(file: file)
    let archives = program.archiveNames.map(machine.archive)
    let scratch = try Scratch()
    var compiler = RemoteCompiler(machine, "")
    compiler.options = machine.headers(program.flags)
    let objects = try compiler.compile([RealProgram.folder.appending(path: file)], in: scratch)
    let expected = try machine.runStatically(
      objects + archives, libraries: program.libraries, in: scratch)
    let found = try machine.run(
      ["--argv0", scratch.path("program")] + objects + archives, in: scratch.folder)
    #expect(!expected.output.isEmpty)
    #expect(found == expected)
  }
}

extension RealProgram {
  /// The names of the archives that it is linked with.
  fileprivate var archiveNames: [String] { archives.map { URL(filePath: $0).lastPathComponent } }
}
