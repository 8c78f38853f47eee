internal import WeldELF

/// What must be known of a machine to have its instructions decoded by `llvm-mc`.
struct InstructionSet {
  /// LLVM's name of the target.
  var triple: String
  /// Processors to decode for, the one with most instructions first; an older `llvm-mc` may not know it.
  /// `nil` is whatever the target has.
  var processors: [String?]
  /// Instructions that no compiler writes, each of which is decoded as one: they part the answer.
  var marker: [[UInt8]]
  /// How many bytes the first instruction in `bytes` may have; empty if there are too few bytes for any.
  var byteCounts: @Sendable (_ bytes: [UInt8]) -> Range<Int>
  /// Bytes that the longest instruction has.
  var longestByteCount: Int

  /// `nil` for a machine that Weld does not know.
  init?(of machine: Machine) {
    switch machine {
    case .x86_64:
      triple = "x86_64-unknown-linux-gnu"
      processors = [nil]
      marker = [[0x49, 0xbb] + text]  // movabs $0x72616d2d646c6577, %r11
      byteCounts = { 1..<min($0.count, 15) + 1 }
      longestByteCount = 15
    case .ppc64:
      triple = "powerpc64le-unknown-linux-gnu"
      processors = ["pwr10", "pwr9", nil]
      // ori 1, 1, of two letters each.
      marker = stride(from: 0, to: 8, by: 2).map { [text[$0], text[$0 + 1], 0x21, 0x60] }
      // Instructions with the primary opcode 1 have a second word: Power ISA 3.1, section 1.6.
      byteCounts = { exactly($0.count > 3 && $0[3] >> 2 == 1 ? 8 : 4, of: $0) }
      longestByteCount = 8
    case .s390:
      triple = "s390x-unknown-linux-gnu"
      processors = ["z16", "arch14", "arch13", nil]
      // llihf and llilf of %r0, with four letters each.
      marker = [[0xc0, 0x0e] + text[..<4], [0xc0, 0x0f] + text[4...]]
      // z/Architecture Principles of Operation, "Instruction Formats": the first two bits tell.
      byteCounts = { exactly([2, 4, 4, 6][Int(($0.first ?? 0) >> 6)], of: $0) }
      longestByteCount = 6
    default: return nil
    }
  }
}

private let text = Array("weld-mar".utf8)

private func exactly(_ byteCount: Int, of bytes: [UInt8]) -> Range<Int> {
  bytes.count < byteCount ? byteCount..<byteCount : byteCount..<byteCount + 1
}
