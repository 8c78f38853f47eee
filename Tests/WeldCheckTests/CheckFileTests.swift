import Testing
import WeldCheck
import WeldLink
import WeldMemory

@Suite("Checks in the comments of a file")
struct CheckFileTests {
  @Test(arguments: ["#", "//", ";", "@", "!", "*", "|"])
  func `every opener of a comment counts`(opener: String) throws {
    let lines = [
      "\(opener) weld-check: a = 1", "\(opener)weld-check:b = 2", " \t\(opener)  \tweld-check:  c = 3  ",
    ]
    let file = try CheckFile(lines.joined(separator: "\n"), name: "x.s")
    #expect(
      file.checks == [
        Check("a = 1", file: "x.s", line: 1), Check("b = 2", file: "x.s", line: 2),
        Check("c = 3", file: "x.s", line: 3),
      ])
  }

  @Test(arguments: [
    "weld-check: a = 1",  // No comment.
    "nop # weld-check: a = 1",  // Not the first on its line.
    "# weld-check-extra: a = 1", "# xweld-check: a = 1", "# weld-check : a = 1", "# weld-check a = 1",
    "## weld-check: a = 1", "/ weld-check: a = 1", "# see weld-check: a = 1", "#", "# :", "",
  ])
  func `other lines do not`(line: String) throws {
    let file = try CheckFile("\(line)\n# weld-check: b = 2", name: "x.s")
    #expect(file.checks == [Check("b = 2", file: "x.s", line: 2)])
  }

  @Test func `a prefix matches whole`() throws {
    let text = "# jitlink-check: a = 1\n# jitlink-check-rv32: b = 2\n# jitlink-check-rv64: c = 3\n"
    for (prefix, expected) in [("jitlink-check", "a = 1"), ("jitlink-check-rv32", "b = 2")] {
      #expect(try CheckFile(text, name: "x.s", prefix: prefix).checks.map(\.text) == [expected])
    }
  }

  @Test func `a backslash continues in the next line with the prefix`() throws {
    let text = """
      # weld-check: decode_operand(f, 0) = \\
      nop
      # weld-check:   g - \\  \t
      # another-check: x = 1
      # weld-check: next_pc(f)
      # weld-check: y = 2
      """
    #expect(
      try CheckFile(text, name: "x.s").checks == [
        Check("decode_operand(f, 0) = g - next_pc(f)", file: "x.s", line: 1),
        Check("y = 2", file: "x.s", line: 6),
      ])
  }

  @Test func `a backslash in the last line stays, and is an error when it is evaluated`() throws {
    let file = try CheckFile("\n# weld-check: 1 = 1 \\\n", name: "x.s")
    #expect(file.checks == [Check("1 = 1 \\", file: "x.s", line: 2)])
    let results = Checker(LinkMap(machine: .x86_64, byteOrder: .little)).results(of: file.checks)
    #expect(
      results.map(\.outcome) == [
        .hasNoValue(.expression(.syntax(expected: "an operator", found: "\\"), column: 7))
      ])
  }

  @Test func `lines may end with CR LF`() throws {
    let file = try CheckFile(
      "# weld-check: a = \\\r\n# weld-check: 1\r\n\r\n# weld-check: b = 2\r\n", name: "x.s")
    #expect(
      file.checks == [Check("a = 1", file: "x.s", line: 1), Check("b = 2", file: "x.s", line: 4)])
  }

  @Test func `a file without checks is an error that tells what it has`() {
    let text = "# rtdyld-check: a = 1\nnop\n# rtdyld-check: b = 1\n# note: c = 1\n"
    let error = CheckError.withoutChecks(file: "x.s", prefix: "weld-check", others: ["rtdyld-check"])
    #expect(throws: error) { try CheckFile(text, name: "x.s") }
    #expect(
      error.description
        == "x.s: no line is a comment that begins with 'weld-check:'; there are some with 'rtdyld-check'")
    #expect(throws: CheckError.withoutChecks(file: "x.s", prefix: "p", others: [])) {
      try CheckFile("", name: "x.s", prefix: "p")
    }
  }

  @Test func `a file that cannot be read is an error`() {
    #expect(throws: CheckError.file(.unreadable(path: "/nonexistent/x.s", errno: 2))) {
      try CheckFile(path: "/nonexistent/x.s")
    }
  }

  @Test func `bytes that are no text do not matter`() throws {
    let bytes: [UInt8] = [0xff, 0xfe, 0x0a] + Array("# weld-check: a = 1".utf8)
    let file = try CheckFile(String(decoding: bytes, as: UTF8.self), name: "x.s")
    #expect(file.checks == [Check("a = 1", file: "x.s", line: 2)])
  }
}
