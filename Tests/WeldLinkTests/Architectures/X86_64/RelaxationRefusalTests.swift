import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("AMD64 psABI B.2: instructions that must keep their load from the GOT")
struct RelaxationRefusalTests {
  @Test(arguments: Row.all)
  func `what is not known to be safe to rewrite stays`(row: Row) throws {
    var object = ObjectWriter.x86_64
    let text = object.addText(row.code + [UInt8](repeating: 0x5a, count: 4 + row.immediate))
    let target = object.addAbsoluteSymbol("target", value: Self.S)
    let at = UInt64(row.code.count)
    let addend = Int64(-4 - row.immediate)
    object.relocate(text, at: at, row.type, target, addend)
    let image = try LinkedImage([object.object()])
    try image.map(".text", to: Self.text)
    try image.map(SyntheticSection.got.rawValue, of: "", to: Self.got)
    try image.resolve()
    let displacement = Self.got &+ UInt64(bitPattern: addend) &- (Self.text + at)
    let rest = [UInt8](repeating: 0x5a, count: row.immediate)
    #expect(try image.contents(".text") == row.code + [UInt8](displacement, byteCount: 4) + rest)
    #expect(try image.slots == [Self.S])
  }

  @Test func `the instructions are what their rows say`() throws {
    let rows = Row.all.filter { $0.text != nil }
    let codes = rows.map { $0.code + [UInt8](repeating: 0, count: 4 + $0.immediate) }
    for (row, text) in zip(rows, try Disassembler.text(of: codes)) { #expect(text == row.text) }
  }

  @Test(arguments: RelocationRow.all.filter { $0.type.name.hasSuffix("GOTPCRELX") }, 0..<6)
  func `a field at the start of its section has no instruction before it`(row: RelocationRow, offset: Int)
    throws
  {
    // An instruction that would be rewritten, of which only the last bytes are there.
    let code: [UInt8] =
      switch row.type {
      case .R_X86_64_GOTPCRELX: [0x8b, 0x05]
      case .R_X86_64_REX_GOTPCRELX: [0x48, 0x8b, 0x05]
      case .R_X86_64_CODE_4_GOTPCRELX: [0xd5, 0x48, 0x8b, 0x05]
      default: [0x62, 0xe4, 0xf4, 0x10, 0x8b, 0x05]
      }
    guard offset < code.count else { return }
    let start = Array(code.suffix(offset))
    var object = ObjectWriter.x86_64
    let text = object.addText(start + [0, 0, 0, 0])
    object.relocate(text, at: UInt64(offset), row.type, object.addAbsoluteSymbol("target", value: Self.S), -4)
    let image = try LinkedImage([object.object()])
    try image.map(".text", to: Self.text)
    try image.map(SyntheticSection.got.rawValue, of: "", to: Self.got)
    try image.resolve()
    let displacement = [UInt8](Self.got &- 4 &- (Self.text + UInt64(offset)), byteCount: 4)
    #expect(try image.contents(".text") == start + displacement)
  }

  static let text: UInt64 = 0x40_1000
  static let got: UInt64 = 0x50_3000
  static let S: UInt64 = 0x60_2010

  /// An instruction with the type of a relaxable one; the field follows `code`, and after it an immediate
  /// operand of so many bytes.
  struct Row: Sendable, CustomTestStringConvertible {
    let type: X86_64Relocation
    let code: [UInt8]
    let immediate: Int
    /// As disassembled with an empty field; `nil` for what is no instruction.
    let text: String?

    var testDescription: String { "\(type.name), \(text ?? "\(code)")" }

    init(_ type: X86_64Relocation, _ code: String, immediate: Int = 0, _ text: String?) {
      self.type = type
      self.code = Array(hex: code)
      self.immediate = immediate
      self.text = text
    }

    static let all: [Row] = [
      // Operations that have no form without memory, or one that nobody wrote down.
      Row(.R_X86_64_GOTPCRELX, "ff 35", "pushq (%rip)"),
      Row(.R_X86_64_GOTPCRELX, "ff 0d", "decl (%rip)"),
      Row(.R_X86_64_GOTPCRELX, "8d 05", "leal (%rip), %eax"),
      Row(.R_X86_64_GOTPCRELX, "89 05", "movl %eax, (%rip)"),
      Row(.R_X86_64_GOTPCRELX, "01 05", "addl %eax, (%rip)"),
      Row(.R_X86_64_GOTPCRELX, "3a 05", "cmpb (%rip), %al"),
      Row(.R_X86_64_GOTPCRELX, "84 05", "testb %al, (%rip)"),
      Row(.R_X86_64_GOTPCRELX, "87 05", "xchgl %eax, (%rip)"),
      Row(.R_X86_64_GOTPCRELX, "63 05", "movslq (%rip), %eax"),
      Row(.R_X86_64_REX_GOTPCRELX, "48 8d 05", "leaq (%rip), %rax"),
      Row(.R_X86_64_REX_GOTPCRELX, "48 39 05", "cmpq %rax, (%rip)"),
      Row(.R_X86_64_REX_GOTPCRELX, "48 87 05", "xchgq %rax, (%rip)"),
      Row(.R_X86_64_REX_GOTPCRELX, "48 0f 44 05", "cmoveq (%rip), %rax"),
      Row(.R_X86_64_REX_GOTPCRELX, "48 0f af 05", "imulq (%rip), %rax"),
      Row(.R_X86_64_REX_GOTPCRELX, "48 ff 25", "jmpq *(%rip)"),
      Row(.R_X86_64_REX_GOTPCRELX, "48 81 3d", immediate: 4, "cmpq $0, (%rip)"),
      Row(.R_X86_64_GOTPCRELX, "83 3d", immediate: 1, "cmpl $0, (%rip)"),
      // Operands that are not the slot.
      Row(.R_X86_64_GOTPCRELX, "8b 80", "movl (%rax), %eax"),
      Row(.R_X86_64_GOTPCRELX, "ff 90", "callq *(%rax)"),
      Row(.R_X86_64_GOTPCRELX, "ff a0", "jmpq *(%rax)"),
      Row(.R_X86_64_REX_GOTPCRELX, "48 8b 83", "movq (%rbx), %rax"),
      Row(.R_X86_64_REX_GOTPCRELX, "48 8b 04 25", "movq 0, %rax"),
      // Prefixes that are not what the type says.
      Row(.R_X86_64_REX_GOTPCRELX, "66 8b 05", "movw (%rip), %ax"),
      Row(.R_X86_64_REX_GOTPCRELX, "90 3b 05", "nop; cmpl (%rip), %eax"),
      Row(.R_X86_64_REX_GOTPCRELX, "0f 8b 05", nil),
      Row(.R_X86_64_CODE_4_GOTPCRELX, "90 48 8b 05", "nop; movq (%rip), %rax"),
      Row(.R_X86_64_CODE_4_GOTPCRELX, "d5 c8 af 05", "imulq (%rip), %r16"),
      // REX2 with M0 set selects the opcodes behind 0f.
      Row(.R_X86_64_CODE_4_GOTPCRELX, "d5 c8 8b 05", nil),
      Row(.R_X86_64_CODE_4_GOTPCRELX, "d5 48 89 05", "movq %r16, (%rip)"),
      Row(.R_X86_64_CODE_4_GOTPCRELX, "d5 48 8d 05", "leaq (%rip), %r16"),
      // No instruction of five bytes before the field is known; those of six have EVEX.
      Row(.R_X86_64_CODE_5_GOTPCRELX, "48 0f 38 f0 05", "movbeq (%rip), %rax"),
      Row(.R_X86_64_CODE_5_GOTPCRELX, "90 d5 48 8b 05", "nop; movq (%rip), %r16"),
      Row(.R_X86_64_CODE_5_GOTPCRELX, "90 90 90 ff 15", "nop; nop; nop; callq *(%rip)"),
      Row(.R_X86_64_CODE_6_GOTPCRELX, "62 e4 f4 10 03 05", "addq (%rip), %r16, %r17"),
      Row(.R_X86_64_CODE_6_GOTPCRELX, "62 e4 fc 08 03 05", "{evex} addq (%rip), %r16"),
      Row(.R_X86_64_CODE_6_GOTPCRELX, "62 e4 f4 10 af 05", "imulq (%rip), %r16, %r17"),
      Row(.R_X86_64_CODE_6_GOTPCRELX, "90 90 90 90 ff 15", "nop; nop; nop; nop; callq *(%rip)"),
      // The type that says nothing of what may be done.
      Row(.R_X86_64_GOTPCREL, "8b 05", "movl (%rip), %eax"),
      Row(.R_X86_64_GOTPCREL, "48 8b 05", "movq (%rip), %rax"),
      Row(.R_X86_64_GOTPCREL, "ff 15", "callq *(%rip)"),
    ]
  }
}
