/// What `llvm-mc --disassemble --show-inst` wrote.
///
/// It takes a line for each run of bytes, and writes for each instruction its text and, in comments, its
/// parts:
///
///     lg      %r1, 8(%r15)                    # <MCInst #1497 LG
///                                             #  <MCOperand Reg:140>
///                                             #  <MCOperand Imm:8>>
///
/// Nothing tells which instruction comes from which line, so a marker goes in front of every line and after
/// the last. What the marker looks like, the answer itself shows: it begins with one.
struct DecoderAnswer {
  private var instructions: [Instruction] = []
  /// The numbers of the lines, from 1, that have bytes which are no instruction.
  private var damagedLines: Set<Int> = []
  /// Whether the processor that was asked for is one that this `llvm-mc` knows.
  private(set) var knowsProcessor = true
  /// The first error.
  private(set) var complaint = ""

  /// What to ask in order to have each of `codes` decoded.
  static func question(_ codes: [[UInt8]], marker: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    let markerLine = line(marker)
    for code in codes {
      text += markerLine
      text += line(code)
    }
    return text + markerLine
  }

  /// `[0xc0 0xe5]`: the brackets make it one block, in which a mistake ends the decoding.
  private static func line(_ code: [UInt8]) -> [UInt8] {
    Array("[\(code.map { "0x" + String($0, radix: 16) }.joined(separator: " "))]\n".utf8)
  }

  init(output: [UInt8], errors: [UInt8]) {
    for line in errors.split(separator: UInt8(ascii: "\n")) {
      read(complaint: String(decoding: line.prefix(300), as: UTF8.self))
    }
    var text: [UInt8] = []
    for line in output.split(separator: UInt8(ascii: "\n")) { read(line, &text) }
  }

  private mutating func read(complaint line: String) {
    if line.contains("is not a recognized processor") { knowsProcessor = false }
    // `<stdin>:3:2: warning: invalid instruction encoding`
    if line.contains("invalid instruction encoding") {
      let fields = line.split(separator: ":", maxSplits: 2)
      if fields.count > 1, let number = Int(fields[1]) { damagedLines.insert(number) }
    } else if complaint.isEmpty {
      complaint = line
    }
  }

  /// Reads a line; `text` is that of the instruction whose description is awaited.
  private mutating func read(_ line: ArraySlice<UInt8>, _ text: inout [UInt8]) {
    let comment = line.firstIndex(of: UInt8(ascii: "#")) ?? line.endIndex
    let words = line[..<comment].split(whereSeparator: isBlank)
    if !words.isEmpty { text = Array(words.joined(separator: CollectionOfOne(UInt8(ascii: " ")))) }
    var part = line[comment...].drop { $0 == UInt8(ascii: "#") || isBlank($0) }
    while part.last == UInt8(ascii: ">") { part.removeLast() }
    if part.starts(with: "<MCInst ".utf8) {
      let name = part.split(separator: UInt8(ascii: " ")).last ?? []
      instructions.append(
        Instruction(name: String(decoding: name, as: UTF8.self), text: String(decoding: text, as: UTF8.self)))
    } else if part.starts(with: "<MCOperand ".utf8), !instructions.isEmpty {
      let operand = String(decoding: part.dropFirst("<MCOperand ".utf8.count), as: UTF8.self)
      instructions[instructions.count - 1].operands.append(self.operand(operand))
    }
  }

  /// `Imm:8`, `Reg:140`, `Expr:…`.
  private func operand(_ text: String) -> Instruction.Operand {
    if text.hasPrefix("Imm:"), let value = Int64(text.dropFirst("Imm:".count)) { return .immediate(value) }
    return .other(text.hasPrefix("Reg:") ? "a register" : text)
  }

  /// What the `count` lines that were asked about were decoded to, when the marker is `markerLength`
  /// instructions; `nil` if this is no answer to them.
  func blocks(count: Int, markerLength: Int) -> [DecodedBlock]? {
    let marker = instructions.prefix(markerLength)
    var blocks: [DecodedBlock] = []
    var position = marker.count
    while position < instructions.count {
      // The question has a marker in every odd line.
      var block = DecodedBlock(isWhole: !damagedLines.contains(2 * blocks.count + 2))
      while position < instructions.count, !instructions[position...].starts(with: marker) {
        block.instructions.append(instructions[position])
        position += 1
      }
      // Only the last marker ends the answer.
      guard position < instructions.count else { return nil }
      position += marker.count
      blocks.append(block)
    }
    return blocks.count == count ? blocks : nil
  }
}
