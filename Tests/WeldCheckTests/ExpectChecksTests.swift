import Foundation
import Testing
import WeldBytes
import WeldCheck
import WeldELF
import WeldLink
import WeldMemory

@Suite("Checks in tests")
struct ExpectChecksTests {
  /// `call: call callee`, `callee: ret` and, in `.data`, `pointer: .quad callee + 4`.
  static func input() throws -> LinkInput {
    var object = ObjectWriter(machine: .x86_64, byteOrder: .little)
    let text = object.addSection(
      ".text", flags: [.alloc, .executable], alignment: 16, contents: [0xe8, 0, 0, 0, 0, 0xc3])
    let data = object.addSection(
      ".data", flags: [.alloc, .write], alignment: 8, contents: [UInt8](repeating: 0, count: 8))
    _ = object.addSymbol("call", in: text, size: 5, type: .function)
    let callee = object.addSymbol("callee", in: text, at: 5, size: 1, type: .function)
    _ = object.addSymbol("pointer", in: data, size: 8, type: .object)
    object.addRelocation(X86_64Relocation.R_X86_64_PLT32.rawValue, in: text, at: 1, to: callee, addend: -4)
    object.addRelocation(X86_64Relocation.R_X86_64_64.rawValue, in: data, at: 0, to: callee, addend: 4)
    return try LinkInput(Bytes(object.bytes()), name: "folder/calls.o")
  }

  /// Calls `body` with the path of a file with `text`.
  static func withFile(_ text: String, _ body: (String) throws -> Void) throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).s")
    try Data(text.utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    try body(file.path())
  }

  @Test func `checks that hold pass`() throws {
    let text = """
      # weld-check: decode_operand(call, 0) = callee - next_pc(call)
      # weld-check: *{8}pointer = \\
      # weld-check:   callee + 4
      # weld-check: section_addr(calls.o, .text) = call
      """
    try Self.withFile(text) { path in try expectChecks(in: path, linking: [Self.input()]) }
  }

  @Test func `all that do not hold are told`() throws {
    let text = """
      # my-check: (callee - call) = 6
      # my-check: callee - call = 5
      # weld-check: 1 = 2
      # my-check: caller = call
      """
    try Self.withFile(text) { path in
      let problem = ExpressionProblem.unknownSymbol("caller", suggestions: ["callee", "call"])
      let results = [
        CheckResult(
          Check("(callee - call) = 6", file: path, line: 1), .isFalse(left: 5, right: 6)),
        CheckResult(
          Check("caller = call", file: path, line: 4), .hasNoValue(.expression(problem, column: 1))),
      ]
      #expect(throws: CheckError.failed(results)) {
        try expectChecks(in: path, prefix: "my-check", linking: [Self.input()])
      }
    }
  }

  @Test func `a failed link is an error`() throws {
    try Self.withFile("# weld-check: 1 = 1") { path in
      let error = LinkError.duplicateDefinition(
        symbol: "call", first: "folder/calls.o", second: "folder/calls.o")
      #expect(throws: CheckError.link(error)) {
        try expectChecks(in: path, linking: [Self.input(), Self.input()])
      }
    }
  }

  @Test func `a file that cannot be read, or has no checks, is an error`() throws {
    #expect(throws: CheckError.file(.unreadable(path: "/nonexistent/x.s", errno: 2))) {
      try expectChecks(in: "/nonexistent/x.s", linking: [])
    }
    try Self.withFile("nop") { path in
      #expect(throws: CheckError.withoutChecks(file: path, prefix: "weld-check", others: [])) {
        try expectChecks(in: path, linking: [])
      }
    }
  }

  @Test func `failed checks read as one line each`() {
    let error = CheckError.failed([
      CheckResult(Check("f = 8193", file: "x.s", line: 41), .isFalse(left: 0x1ff9, right: 0x2001)),
      CheckResult(
        Check("f + 'g' = 1", file: "x.s", line: 42),
        .hasNoValue(.expression(.syntax(expected: "a symbol", found: "'"), column: 5))),
    ])
    #expect(
      error.description == """
        x.s:41: false: f = 8193: 0x1ff9 != 0x2001
        x.s:42: cannot be evaluated: f + 'g' = 1: column 5: expected a symbol, found '''
        """)
  }
}
