import Foundation
import Testing

@Suite("weld run --executor: what is peculiar to s390x")
struct RemoteS390XTests {
  private static let folder = Command.root.appending(path: "TestObjects/s390x/runs")

  @Test(arguments: ["-O0", "-O2", "-O2 -fPIC", "-O2 -fno-pic", "-O3 -march=z14"])
  func `literal pools, displacements, relative loads and executed instructions refer to what ld says`(
    options: String
  ) throws {
    let scratch = try Scratch()
    let machine = RemoteMachine.s390x
    let objects =
      try RemoteCompiler(machine, options).compile(
        [Self.folder.appending(path: "literals_main.c")], in: scratch)
      + RemoteCompiler(machine, "-march=z10").compile(
        ["literals.s", "displacements.s"].map { Self.folder.appending(path: $0) }, in: scratch)
    let expected = try machine.runStatically(objects, in: scratch)
    #expect(expected.status == 0 && expected.output.hasPrefix("pool: 1 1 1 1 1\n"))
    for library in [nil, try machine.distance(in: scratch)] {
      #expect(try machine.run(objects, preloading: library, in: scratch.folder) == expected)
    }
  }
}
