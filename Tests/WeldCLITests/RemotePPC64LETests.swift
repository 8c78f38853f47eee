import Foundation
import Testing

@Suite("weld run --executor: what is peculiar to ppc64le")
struct RemotePPC64LETests {
  private static let folder = Command.root.appending(path: "TestObjects/ppc64le/runs")

  private func runStatically(_ objects: [String], in scratch: Scratch) throws -> Outcome {
    let outcome = try RemoteMachine.ppc64le.runStatically(objects, in: scratch)
    #expect(outcome.status == 0 && !outcome.output.isEmpty)
    return outcome
  }

  /// Expects objects to do that near the C library and far from it.
  private func expect(
    _ expected: Outcome, of objects: [String], archives: [String] = [], in scratch: Scratch
  ) throws {
    let machine = RemoteMachine.ppc64le
    for library in [nil, try machine.distance(in: scratch)] {
      #expect(try machine.run(objects + archives, preloading: library, in: scratch.folder) == expected)
    }
  }

  private func compile(_ names: [String], _ options: String, in scratch: Scratch) throws -> [String] {
    let sources = names.map { Self.folder.appending(path: $0) }
    return try RemoteCompiler(.ppc64le, options).compile(sources, in: scratch)
  }

  /// How the near and the far unit are compiled: with a table of contents, or without.
  static let units = [
    ("-O2", "-O2"), ("-O2 -fPIC", "-O2 -fPIC -mcpu=power10"), ("-O2 -mcpu=power10", "-O2"),
    ("-O1 -mcpu=power10", "-O3 -mcpu=power10"), ("-O0 -mcmodel=large", "-O2 -mlongcall"),
  ]

  @Test(arguments: units)
  func `calls reach over more code than a branch does`(near: String, far: String) throws {
    let scratch = try Scratch()
    let objects =
      try compile(["long_branches.c"], near, in: scratch) + compile(["gap.s"], "", in: scratch)
      + compile(["long_branches_far.c"], far, in: scratch)
    try expect(runStatically(objects, in: scratch), of: objects, in: scratch)
  }

  @Test(arguments: ["-O0", "-O2", "-O2 -fPIC", "-O2 -mcmodel=large", "-O2 -mcpu=power10", "-O2 -mlongcall"])
  func `functions of every kind of entry are called`(options: String) throws {
    let scratch = try Scratch()
    let entries = try compile(["entries.s"], "", in: scratch)
    // GNU ld 2.40 forgets to restore r2 after a call through a register that it turned into a direct one.
    let expected = try runStatically(compile(["entries_main.c"], "-O2", in: scratch) + entries, in: scratch)
    let objects = try compile(["entries_main.c"], options, in: scratch) + entries
    try expect(expected, of: objects, in: scratch)
  }

  /// Objects that need 24,000 bytes of the table of contents each, compiled for the code models in `models`.
  private func contents(_ models: [String], in scratch: Scratch) throws -> [String] {
    var objects = try compile(["contents_main.c"], "-O1 -DPARTS=\(models.count)", in: scratch)
    for (part, model) in models.enumerated() {
      let name = try compile(
        ["contents.c"], "-O0 -fPIC -mcmodel=\(model) -DPART=\(part)", in: scratch)[0]
      let object = "part\(part).o"
      try FileManager.default.moveItem(atPath: scratch.path(name), toPath: scratch.path(object))
      objects.append(object)
    }
    return objects
  }

  @Test(arguments: [
    ["small", "small"], ["medium", "medium", "medium", "medium"], ["medium", "medium", "small", "small"],
    ["large", "medium", "large", "small"],
  ])
  func `the table of contents may be larger than 64 KiB, what the small model needs comes first`(
    models: [String]
  ) throws {
    let scratch = try Scratch()
    let objects = try contents(models, in: scratch)
    try expect(runStatically(objects, in: scratch), of: objects, in: scratch)
  }

  @Test func `more than 64 KiB for the small model say how to compile`() throws {
    let scratch = try Scratch()
    let objects = try contents(["small", "small", "small"], in: scratch)
    let outcome = try RemoteMachine.ppc64le.run(objects, in: scratch.folder)
    #expect(outcome.status == 125 && outcome.output == "")
    #expect(outcome.errors.hasPrefix("weld: error: part2.o: "))
    #expect(outcome.errors.contains("the TOC is too large"))
    #expect(outcome.errors.hasSuffix("compile with -mcmodel=medium\n"))
  }

  @Test(arguments: ["-O2 -mcpu=power8 -mfloat128", "-O0 -mcpu=power8 -mfloat128", "-O2 -mcpu=power9"])
  func `numbers of 128 bits are computed by routines that the processor chooses`(options: String) throws {
    let scratch = try Scratch()
    let objects = try compile(["quadruple.c"], options, in: scratch)
    try expect(
      runStatically(objects, in: scratch), of: objects,
      archives: [RemoteMachine.ppc64le.archive("libgcc.a")], in: scratch)
  }
}
