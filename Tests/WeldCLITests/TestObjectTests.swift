import Foundation
import Testing

/// A line of `TestObjects/x86_64/runs`, which says how a program must end.
struct RunLine: CustomTestStringConvertible, Sendable {
  var status: Int32
  var expected: String
  var arguments: [String]

  var testDescription: String { arguments.joined(separator: " ") }

  static let all: [RunLine] = {
    let text = (try? String(contentsOf: Command.objects.appending(path: "runs"), encoding: .utf8)) ?? ""
    return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
      let words = line.split(separator: " ").map(String.init)
      return RunLine(status: Int32(words[0]) ?? -1, expected: words[1], arguments: Array(words.dropFirst(2)))
    }
  }()
}

@Suite("weld run: the programs of TestObjects")
struct TestObjectTests {
  @Test func `there are programs to run`() {
    #expect(RunLine.all.count > 60)
  }

  @Test(arguments: RunLine.all)
  func `a program ends as it does when a static linker linked it`(line: RunLine) throws {
    let outcome = try Command.weld(
      ["run", "--argv0", "program"] + line.arguments,
      input: Command.objects.appending(path: "programs/standard_input.txt"), environment: ["WELD_TEST": "yes"]
    )
    let expected =
      line.expected == "-"
      ? "" : try String(contentsOf: Command.objects.appending(path: line.expected), encoding: .utf8)
    #expect(outcome.output == expected)
    #expect(outcome.status == line.status, "\(outcome.errors)")
  }

  @Test func `the objects are what their sources give`() throws {
    let scratch = try Scratch()
    let outcome = try Command.run(
      Command.root.appending(path: "TestObjects/build").path, [scratch.folder.path])
    try #require(outcome.status == 0, "\(outcome.errors)")
    let committed = Command.root.appending(path: "TestObjects")
    let built = try #require(FileManager.default.enumerator(atPath: scratch.folder.path))
    var count = 0
    for case let path as String in built {
      var isFolder: ObjCBool = false
      _ = FileManager.default.fileExists(atPath: scratch.path(path), isDirectory: &isFolder)
      guard !isFolder.boolValue else { continue }
      count += 1
      #expect(
        FileManager.default.contentsEqual(
          atPath: scratch.path(path), andPath: committed.appending(path: path).path),
        "\(path) is out of date; run TestObjects/build")
    }
    #expect(count > 90)
  }

  @Test func `an object of 66,000 sections runs`() throws {
    let scratch = try Scratch()
    let source = try Command.run(
      Command.objects.appending(path: "sections/many_sections").path, [], in: scratch.folder)
    _ = try scratch.write(source.output, to: "many.s")
    try scratch.tool("llvm-mc-19", ["--filetype=obj", "many.s", "-o", "many.o"])
    let outcome = try Command.weld(["run", scratch.path("many.o")])
    #expect(outcome == Outcome(status: 0, output: "66000 functions, sum 2177967000\n", errors: ""))
  }
}
