public import WeldLink
public import WeldMemory

/// Why checks could not be read or evaluated, or what they found.
public enum CheckError: Error, Equatable, Sendable {
  /// A file of checks that cannot be read.
  case file(MemoryError)
  /// A file without a single line that begins with the prefix; `others` are prefixes that its lines have.
  case withoutChecks(file: String, prefix: String, others: [String])
  /// An expression that has no value. `column` counts the bytes of the check's text, from 1.
  case expression(ExpressionProblem, column: Int)
  /// Instructions could not be decoded.
  case decoder(DecoderProblem)
  /// The objects cannot be linked.
  case link(LinkError)
  /// Checks that are false or have no value, in the order in which they were given.
  case failed([CheckResult])
}

/// Why an expression has no value.
public enum ExpressionProblem: Error, Equatable, Sendable {
  /// A check without `=`.
  case withoutEquals
  /// Something else than the language has at this place; `found` is the text there, `nil` at the end.
  case syntax(expected: String, found: String?)
  /// Digits that make no number of 64 bits: too many of them, or 8 and 9 in an octal one.
  case badNumber(String)
  /// Parentheses and loads inside of each other, more than `limit` of them.
  case tooDeep(limit: Int)
  /// A load of another size than 1, 2, 4 or 8 bytes.
  case loadSize(UInt64)
  /// A slice that is no range of bits in 0...63, highest bit first.
  case slice(high: UInt64, low: UInt64)
  /// A name in front of `(` that is no function of the language.
  case unknownFunction(String, suggestions: [String])
  /// A symbol that is not in the map.
  case unknownSymbol(String, suggestions: [String])
  /// A file that is not in the map.
  case unknownFile(String, suggestions: [String])
  /// A section that the file does not have.
  case unknownSection(String, file: String, suggestions: [String])
  /// A file whose code uses no such slot of the GOT; `suggestions` are symbols that have one there.
  case noSlot(symbol: String, file: String, kind: String?, suggestions: [String])
  /// A file, or a section of it, whose code uses no such stub; `suggestions` are symbols that have one there.
  case noStub(symbol: String, file: String, kind: String?, suggestions: [String])
  /// A name that stands for several addresses; `candidates` tell where they are.
  case ambiguous(String, candidates: [String])
  /// An address in none of the sections that are loaded.
  case outsideSections(Address, byteCount: Int)
  /// Bytes that do not lie wholly in the section that they are reached through; `offset` counts from its
  /// start.
  case outsideSection(String, file: String, offset: Int64, byteCount: Int, sectionByteCount: Int)
  /// Bytes that are no instruction.
  case undecodable([UInt8])
  /// An operand that the instruction does not have; those at `immediates` are numbers.
  case operandOutOfRange(Int, count: Int, immediates: [Int], instruction: String)
  /// An operand that is a register or something else than a number; those at `immediates` are numbers.
  case notImmediate(Int, operand: String, immediates: [Int], instruction: String)
}

/// Why instructions could not be decoded.
public enum DecoderProblem: Error, Equatable, Sendable {
  /// No `llvm-mc` on the search path.
  case notFound
  /// The command cannot be started, with the system's `errno`.
  case notStarted(command: String, errno: Int32)
  /// The command gave no answer in time.
  case timedOut(command: String, limit: Duration)
  /// The command wrote more than an answer can have; the limit in bytes.
  case tooMuchOutput(command: String, limit: Int)
  /// The command died of this signal.
  case died(command: String, signal: Int32)
  /// What the command wrote is not the answer of an `llvm-mc`; `message` is its first complaint, if any.
  case unintelligible(command: String, message: String)
  /// A machine whose instructions Weld does not know how to have decoded.
  case unsupportedMachine(String)
}

extension CheckError: CustomStringConvertible {
  /// One line; for ``failed(_:)`` one for each check.
  public var description: String {
    switch self {
    case .file(let error): error.description
    case .withoutChecks(let file, let prefix, let others):
      "\(file): no line is a comment that begins with '\(prefix):'"
        + (others.isEmpty
          ? "; expected at least one, such as `# \(prefix): *{8}pointer = symbol`"
          : "; there are some with " + quoted(others, joinedBy: " and "))
    case .expression(let problem, let column): "column \(column): \(problem)"
    case .decoder(let problem): problem.description
    case .link(let error): error.description
    case .failed(let results): results.map(\.description).joined(separator: "\n")
    }
  }
}

extension ExpressionProblem: CustomStringConvertible {
  public var description: String {
    switch self {
    case .withoutEquals: "no '='; expected `expression = expression`"
    case .syntax(let expected, let found):
      "expected \(expected), found " + (found.map { "'\($0)'" } ?? "the end")
    case .badNumber(let text):
      "'\(text)' is no number of 64 bits (a leading 0 makes it octal, a leading 0x hexadecimal)"
    case .tooDeep(let limit): "more than \(limit) parentheses and loads inside of each other"
    case .loadSize(let size): "a load of \(size) bytes; expected 1, 2, 4 or 8"
    case .slice(let high, let low):
      "[\(high):\(low)] is no slice; expected [high:low] with 63 >= high >= low"
    case .unknownFunction(let name, let suggestions): "unknown function '\(name)'" + didYouMean(suggestions)
    case .unknownSymbol(let name, let suggestions): "unknown symbol '\(name)'" + didYouMean(suggestions)
    case .unknownFile(let name, let suggestions): "unknown file '\(name)'" + didYouMean(suggestions)
    case .unknownSection(let name, let file, let suggestions):
      "no section '\(name)' in \(file)" + didYouMean(suggestions)
    case .noSlot(let symbol, let file, let kind, let suggestions):
      "the code of \(file) uses no GOT slot \(ofKind(kind))for '\(symbol)'" + didYouMean(suggestions)
    case .noStub(let symbol, let file, let kind, let suggestions):
      "the code of \(file) uses no stub \(ofKind(kind))for '\(symbol)'" + didYouMean(suggestions)
    case .ambiguous(let name, let candidates):
      "'\(name)' is ambiguous: " + candidates.joined(separator: ", ")
    case .outsideSections(let address, let byteCount):
      "no loaded section has the \(byteCount) bytes at \(address)"
    case .outsideSection(let section, let file, let offset, let byteCount, let sectionByteCount):
      "\(byteCount) bytes at offset \(offset) do not lie in section '\(section)'"
        + "\(file.isEmpty ? "" : " of \(file)"), which has \(sectionByteCount) bytes"
    case .undecodable(let bytes): "not an instruction: \(hexadecimal(bytes))"
    case .operandOutOfRange(let index, let count, let immediates, let instruction):
      "no operand \(index) in '\(instruction)', which has \(count)" + whereNumbersAre(immediates)
    case .notImmediate(let index, let operand, let immediates, let instruction):
      "operand \(index) of '\(instruction)' is no number but \(operand)" + whereNumbersAre(immediates)
    }
  }
}

extension DecoderProblem: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notFound:
      "instructions cannot be decoded: no llvm-mc on the PATH; install LLVM's tools "
        + "(Debian: `apt-get install llvm`), or name an llvm-mc with --disassembler"
    case .notStarted(let command, let errno):
      "\(command): cannot be started: \(systemMessage(errno)); expected an llvm-mc of LLVM 14 or newer"
    case .timedOut(let command, let limit): "\(command): no answer within \(limit); expected an llvm-mc"
    case .tooMuchOutput(let command, let limit):
      "\(command): wrote more than \(limit) bytes; expected an llvm-mc"
    case .died(let command, let signal): "\(command): died of signal \(signal)"
    case .unintelligible(let command, let message):
      "\(command): did not answer as llvm-mc does" + (message.isEmpty ? "" : ": \(message)")
    case .unsupportedMachine(let machine):
      "instructions of \(machine) cannot be decoded; expected x86_64, ppc64le or s390x"
    }
  }
}

private func didYouMean(_ suggestions: [String]) -> String {
  suggestions.isEmpty ? "" : "; did you mean \(quoted(suggestions, joinedBy: " or "))?"
}

private func quoted(_ names: [String], joinedBy separator: String) -> String {
  names.map { "'\($0)'" }.joined(separator: separator)
}

private func ofKind(_ kind: String?) -> String {
  kind.map { "of kind '\($0)' " } ?? ""
}

private func whereNumbersAre(_ indices: [Int]) -> String {
  let list = indices.map(String.init).joined(separator: ", ")
  return list.isEmpty ? "; none is a number" : "; numbers are at \(list)"
}

/// `e8 00 00`.
func hexadecimal(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
}
