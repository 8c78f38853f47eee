internal import WeldBytes
internal import WeldMemory

/// The checks in a file's comments, usually an assembler source's.
///
/// A line is one of a check if its first character that is not blank opens a comment (`#`, `//`, `;`, `@`,
/// `!`, `*` or `|`) and is followed, perhaps after blanks, by the prefix and a colon. The rest of the line is
/// the check's text; if it ends with `\`, the text goes on in the next such line.
///
///     # weld-check: decode_operand(call, 0) = \
///     # weld-check:   callee - next_pc(call)
public struct CheckFile: Equatable, Sendable {
  /// The prefix of Weld's own checks.
  public static let defaultPrefix = "weld-check"

  /// The checks, at least one, in the order of the file.
  public let checks: [Check]

  /// Reads the file at `path`, which is also what the checks call it.
  ///
  /// - Throws: ``CheckError/file(_:)``, ``CheckError/withoutChecks(file:prefix:others:)``.
  public init(path: String, prefix: String = defaultPrefix) throws(CheckError) {
    let bytes: Bytes
    do {
      bytes = try MappedFile.open(path)
    } catch {
      throw .file(error)
    }
    let text = String(decoding: bytes.span)
    try self.init(text, name: path, prefix: prefix)
  }

  /// Finds the checks in `text`, the contents of a file that they call `name`.
  ///
  /// - Throws: ``CheckError/withoutChecks(file:prefix:others:)``.
  public init(_ text: String, name: String, prefix: String = defaultPrefix) throws(CheckError) {
    var checks: [Check] = []
    var others: [String] = []
    var unfinished: Check?
    for (index, bytes) in text.utf8.split(separator: newline, omittingEmptySubsequences: false).enumerated() {
      guard let comment = Comment(bytes) else { continue }
      guard comment.prefix.elementsEqual(prefix.utf8) else {
        let other = String(decoding: comment.prefix, as: UTF8.self)
        if other.contains("-check"), !others.contains(other) { others.append(other) }
        continue
      }
      var check = unfinished ?? Check("", file: name, line: index + 1)
      let goesOn = comment.text.last == backslash
      let part = trimmed(goesOn ? comment.text.dropLast() : comment.text)
      check.text += (check.text.isEmpty ? "" : " ") + String(decoding: part, as: UTF8.self)
      unfinished = goesOn ? check : nil
      if !goesOn { checks.append(check) }
    }
    // Kept as it stands, so that its evaluation complains.
    if let unfinished {
      checks.append(Check(unfinished.text + " \\", file: unfinished.file, line: unfinished.line))
    }
    guard !checks.isEmpty else { throw .withoutChecks(file: name, prefix: prefix, others: others) }
    self.checks = checks
  }
}

/// A line that is a comment of the form `# prefix: text`.
private struct Comment {
  /// What stands between the opener and the colon.
  var prefix: Substring.UTF8View
  /// What follows the colon, without blanks around it.
  var text: Substring.UTF8View

  init?(_ bytes: Substring.UTF8View) {
    let line = trimmed(bytes)
    guard let opener = openers.first(where: { line.starts(with: $0.utf8) }) else { return nil }
    let rest = line.dropFirst(opener.utf8.count).drop(while: isBlank)
    guard let colon = rest.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    prefix = rest[..<colon]
    text = trimmed(rest[rest.index(after: colon)...])
    // Sentences may have colons, too.
    guard !prefix.contains(where: isBlank) else { return nil }
  }
}

private let openers = ["#", "//", ";", "@", "!", "*", "|"]
private let newline = UInt8(ascii: "\n")
private let backslash = UInt8(ascii: "\\")

/// Whether `byte` is a space, a tab or the carriage return of a line's end.
func isBlank(_ byte: UInt8) -> Bool {
  byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
}

private func trimmed(_ bytes: Substring.UTF8View) -> Substring.UTF8View {
  var rest = bytes.drop(while: isBlank)
  while let last = rest.last, isBlank(last) { rest.removeLast() }
  return rest
}
