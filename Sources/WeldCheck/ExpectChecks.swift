public import WeldLink

/// Links `inputs` and expects every check in the comments of the file at `path` to hold.
///
/// Made for tests, which fail with what it throws:
///
///     @Test func `calls reach their function`() throws {
///       try expectChecks(in: "calls.s", linking: [LinkInput(path: "calls.o")])
///     }
///
/// - Parameters:
///   - path: Usually the assembler source of one of the inputs.
///   - prefix: What the lines with checks begin with: see ``CheckFile``.
///   - inputs: All objects among them are linked, and of archives the members that are needed.
///   - options: How they are linked.
///   - disassembler: Asked about instructions.
/// - Throws: ``CheckError/file(_:)``, ``CheckError/withoutChecks(file:prefix:others:)``,
///   ``CheckError/link(_:)``, and ``CheckError/failed(_:)`` with every check that is false or has no value,
///   which reads as one line for each: `FILE:LINE: false: EXPR: 0x1ff9 != 0x2001`.
public func expectChecks(
  in path: String, prefix: String = CheckFile.defaultPrefix, linking inputs: [LinkInput],
  options: ImageLinker.Options = ImageLinker.Options(), disassembler: Disassembler = Disassembler()
) throws(CheckError) {
  let file = try CheckFile(path: path, prefix: prefix)
  let map: LinkMap
  do {
    map = try ImageLinker.link(inputs, options: options)
  } catch {
    throw .link(error)
  }
  let failed = Checker(map, disassembler: disassembler).results(of: file.checks).filter { !$0.holds }
  guard failed.isEmpty else { throw .failed(failed) }
}
