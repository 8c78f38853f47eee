import Testing
import WeldBytes
import WeldELF

/// A program of a few instructions that exits with the sum of two words: 42 in data, 0 in zero-fill memory.
struct TinyProgram: CustomTestStringConvertible, Sendable {
  var machine: Machine
  var byteOrder: ByteOrder
  /// The program that runs it, if this machine does not.
  var emulator: String?
  var code: [UInt8]
  /// Words of the first instruction as a disassembler shows it.
  var firstInstruction: [String]

  var testDescription: String { machine.description }

  static let textAddress: UInt64 = 0x40_1000
  static let dataAddress: UInt64 = 0x40_2000
  static let zeroAddress: UInt64 = 0x40_3000

  static let all = [
    TinyProgram(
      machine: .x86_64, byteOrder: .little, emulator: nil,
      code: [
        0x8b, 0x3c, 0x25, 0x00, 0x20, 0x40, 0x00,  // mov 0x402000, %edi
        0x03, 0x3c, 0x25, 0x00, 0x30, 0x40, 0x00,  // add 0x403000, %edi
        0xb8, 0x3c, 0x00, 0x00, 0x00,  // mov $60, %eax
        0x0f, 0x05,  // syscall
      ], firstInstruction: ["mov", "0x402000"]),
    TinyProgram(
      machine: .ppc64, byteOrder: .little, emulator: "qemu-ppc64le",
      code: [
        0x40, 0x00, 0x80, 0x3c,  // lis r4, 0x40
        0x00, 0x20, 0x64, 0x80,  // lwz r3, 0x2000(r4)
        0x00, 0x30, 0xa4, 0x80,  // lwz r5, 0x3000(r4)
        0x14, 0x2a, 0x63, 0x7c,  // add r3, r3, r5
        0x01, 0x00, 0x00, 0x38,  // li r0, 1
        0x02, 0x00, 0x00, 0x44,  // sc
      ], firstInstruction: ["lis", "4, 64"]),
    TinyProgram(
      machine: .s390, byteOrder: .big, emulator: "qemu-s390x",
      code: [
        0xc0, 0x10, 0x00, 0x00, 0x08, 0x00,  // larl %r1, 0x402000
        0x58, 0x20, 0x10, 0x00,  // l %r2, 0(%r1)
        0xc0, 0x10, 0x00, 0x00, 0x0f, 0xfb,  // larl %r1, 0x403000
        0x5a, 0x20, 0x10, 0x00,  // a %r2, 0(%r1)
        0x0a, 0x01,  // svc 1
      ], firstInstruction: ["larl", "%r1", "402000"]),
  ]

  /// The program, with a section for each kind of memory, and each kind of symbol.
  func writer() -> ExecutableWriter {
    var writer = ExecutableWriter(machine: machine, byteOrder: byteOrder)
    writer.entry = Self.textAddress
    let text = writer.addSection(
      ".text", flags: .executable, address: Self.textAddress, alignment: 16, contents: code)
    let data = writer.addSection(
      ".data", flags: .write, address: Self.dataAddress, alignment: 4,
      contents: byteOrder == .little ? [42, 0, 0, 0] : [0, 0, 0, 42])
    let zero = writer.addZeroSection(".bss", address: Self.zeroAddress, byteCount: 1 << 30)
    writer.addSymbol("_start", at: Self.textAddress, in: text, size: UInt64(code.count), type: .function)
    writer.addSymbol("answer", at: Self.dataAddress, in: data, size: 4, type: .object, binding: .local)
    writer.addSymbol("nothing", at: Self.zeroAddress, in: zero, size: 1 << 30, type: .object, binding: .weak)
    writer.addSymbol("elsewhere", at: 0x7fff_0000_1234, in: nil)
    return writer
  }
}
