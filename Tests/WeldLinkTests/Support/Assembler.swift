import WeldBytes
import WeldELF

/// GNU `as`: makes objects from text where text says best what is meant.
enum Assembler {
  /// The object that `source` gives; errors call it `name`.
  static func object(_ name: String, _ source: String) throws -> ObjectFile {
    let folder = try TemporaryFolder()
    try Tool("as")(["--64", "-o", "object.o", "-"], in: folder, input: source + "\n")
    return try ObjectFile(Bytes(folder.read("object.o")), name: name)
  }
}

/// `llvm-mc`: tells what instructions bytes are.
enum Disassembler {
  /// The text of each of `codes`, which are one instruction or a few; several are joined by "; ".
  static func text(of codes: [[UInt8]]) throws -> [String] {
    // A line may be decoded as more or fewer instructions than was meant: marks between them keep count.
    var input = ""
    for (number, code) in codes.enumerated() {
      let mark = Self.mark(number)
      let bytes = code + [0x68] + (0..<4).map { UInt8(truncatingIfNeeded: mark >> ($0 * 8)) }
      input += bytes.map { "0x" + String($0, radix: 16) }.joined(separator: " ") + "\n"
    }
    let output = try Tool("llvm-mc-19")(
      ["--disassemble", "--triple=x86_64", "--mattr=+egpr,+ndd"], in: TemporaryFolder(), input: input)
    var texts: [String] = []
    var found: [String] = []
    for line in output.split(separator: "\n").map({ $0.trimmed }) where line != ".text" {
      if line == "pushq $\(mark(texts.count))" {
        texts.append(found.joined(separator: "; "))
        found = []
      } else {
        found.append(line)
      }
    }
    guard texts.count == codes.count else {
      throw Tool.Failure(description: "\(texts.count) of \(codes.count) codes were disassembled: \(output)")
    }
    return texts
  }

  private static func mark(_ number: Int) -> Int { 0x5eed_0000 + number }
}

extension Substring {
  /// Without comment, without blanks at the ends, and with single ones inside.
  fileprivate var trimmed: String {
    prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" }.joined(separator: " ")
  }
}
