import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("AMD64: instructions as relocations complete them")
struct InstructionTests {
  @Test func `every relocation that writes is in an instruction here`() {
    #expect(Set(Row.all.map(\.type)) == Set(RelocationRow.stored.map(\.type)))
  }

  @Test(arguments: Row.all)
  func `an instruction is completed`(row: Row) throws {
    // The text is at 0x401000, the symbol, of 0x30 bytes, at 0x402010, its slot, the second one, at 0x403008.
    var object = ObjectWriter.x86_64
    let data = object.addData([UInt8](repeating: 0, count: 0x40))
    let first = object.addData([UInt8](repeating: 0, count: 8), name: ".first")
    let text = object.addText(row.code)
    let other = object.addSymbol("other", in: data)
    let target = object.addSymbol("target", in: data, at: 0x10, size: 0x30)
    object.relocate(first, at: 0, .R_X86_64_GOT64, other)
    object.relocate(text, at: row.offset, row.type, target, row.addend)
    let image = try LinkedImage([object.object()])
    try image.map(".text", to: 0x40_1000)
    try image.map(".data", to: 0x40_2000)
    try image.map(SyntheticSection.got.rawValue, of: "", to: 0x40_3000)
    try image.resolve()
    #expect(try image.contents(".text") == row.completed)
  }

  @Test func `the completed instructions are what their rows say`() throws {
    let rows = Row.all.filter { $0.text != nil }
    let texts = try Disassembler.text(of: rows.map(\.completed))
    for (row, text) in zip(rows, texts) { #expect(text == row.text) }
  }

  struct Row: Sendable, CustomTestStringConvertible {
    let type: X86_64Relocation
    /// The instruction, `..` where the field is.
    let code: [UInt8]
    /// Where the field is, in bytes from the instruction's start.
    let offset: UInt64
    let addend: Int64
    /// The instruction in the end.
    let completed: [UInt8]
    /// The same as the disassembler has it; `nil` for data.
    let text: String?

    var testDescription: String { "\(type.name): \(text ?? "data")" }

    init(_ type: X86_64Relocation, _ addend: Int64, _ code: String, _ completed: String, _ text: String?) {
      self.type = type
      self.addend = addend
      // What the field held before must not matter.
      self.code = Array(hex: code.split(separator: " ").map { $0 == ".." ? "5a" : $0 }.joined(separator: " "))
      offset = UInt64(code.split(separator: " ").firstIndex(of: "..") ?? 0)
      self.completed = Array(hex: completed)
      self.text = text
    }

    static let all: [Row] = [
      // movabs $target+0x10, %rax: S + A = 0x402010 + 0x10
      Row(
        .R_X86_64_64, 0x10, "48 b8 .. .. .. .. .. .. .. ..", "48 b8 20 20 40 00 00 00 00 00",
        "movabsq $4202528, %rax"),
      // lea target(%rip), %rdi: S + A - P = 0x402010 - 4 - 0x401003
      Row(.R_X86_64_PC32, -4, "48 8d 3d .. .. .. ..", "48 8d 3d 09 10 00 00", "leaq 4105(%rip), %rdi"),
      // mov $target@GOT, %eax: G + A = 8
      Row(.R_X86_64_GOT32, 0, "b8 .. .. .. ..", "b8 08 00 00 00", "movl $8, %eax"),
      // call target@PLT: L + A - P = 0x402010 - 4 - 0x401001
      Row(.R_X86_64_PLT32, -4, "e8 .. .. .. ..", "e8 0b 10 00 00", "callq 4107"),
      // push target@GOTPCREL(%rip): G + GOT + A - P = 8 + 0x403000 - 4 - 0x401002
      Row(.R_X86_64_GOTPCREL, -4, "ff 35 .. .. .. ..", "ff 35 02 20 00 00", "pushq 8194(%rip)"),
      // mov $target, %eax: S + A
      Row(.R_X86_64_32, 0, "b8 .. .. .. ..", "b8 10 20 40 00", "movl $4202512, %eax"),
      // mov $target, %rax: S + A
      Row(.R_X86_64_32S, 0, "48 c7 c0 .. .. .. ..", "48 c7 c0 10 20 40 00", "movq $4202512, %rax"),
      // mov $target-0x400000, %ax
      Row(.R_X86_64_16, -0x40_0000, "66 b8 .. ..", "66 b8 10 20", "movw $8208, %ax"),
      // .word target - .: S + A - P = 0x402010 - 0x401000
      Row(.R_X86_64_PC16, 0, ".. ..", "10 10", nil),
      // mov $target-0x402000, %al
      Row(.R_X86_64_8, -0x40_2000, "b0 ..", "b0 10", "movb $16, %al"),
      // jmp target-0x1000: S + A - P = 0x402010 - 0x1001 - 0x401001
      Row(.R_X86_64_PC8, -0x1001, "eb ..", "eb 0e", "jmp 14"),
      // movabs $target-., %rax, from the instruction's start: S + A - P = 0x402010 + 2 - 0x401002
      Row(
        .R_X86_64_PC64, 2, "48 b8 .. .. .. .. .. .. .. ..", "48 b8 10 10 00 00 00 00 00 00",
        "movabsq $4112, %rax"),
      // movabs $target@GOTOFF, %rax: S + A - GOT = 0x402010 - 0x403000
      Row(
        .R_X86_64_GOTOFF64, 0, "48 b8 .. .. .. .. .. .. .. ..", "48 b8 10 f0 ff ff ff ff ff ff",
        "movabsq $-4080, %rax"),
      // lea _GLOBAL_OFFSET_TABLE_(%rip), %rbx: GOT + A - P = 0x403000 - 4 - 0x401003, whatever the symbol
      Row(.R_X86_64_GOTPC32, -4, "48 8d 1d .. .. .. ..", "48 8d 1d f9 1f 00 00", "leaq 8185(%rip), %rbx"),
      // movabs $target@GOT, %rax: G + A
      Row(
        .R_X86_64_GOT64, 0, "48 b8 .. .. .. .. .. .. .. ..", "48 b8 08 00 00 00 00 00 00 00",
        "movabsq $8, %rax"),
      // movabs $target@GOTPCREL, %rax, from the instruction's start: 8 + 0x403000 + 2 - 0x401002
      Row(
        .R_X86_64_GOTPCREL64, 2, "48 b8 .. .. .. .. .. .. .. ..", "48 b8 08 20 00 00 00 00 00 00",
        "movabsq $8200, %rax"),
      // movabs $_GLOBAL_OFFSET_TABLE_-., %r11, from the instruction's start: 0x403000 + 2 - 0x401002
      Row(
        .R_X86_64_GOTPC64, 2, "49 bb .. .. .. .. .. .. .. ..", "49 bb 00 20 00 00 00 00 00 00",
        "movabsq $8192, %r11"),
      // movabs $target@GOTPLT, %rax: as GOT64
      Row(
        .R_X86_64_GOTPLT64, 0, "48 b8 .. .. .. .. .. .. .. ..", "48 b8 08 00 00 00 00 00 00 00",
        "movabsq $8, %rax"),
      // movabs $target@PLTOFF, %rax: L + A - GOT
      Row(
        .R_X86_64_PLTOFF64, 0, "48 b8 .. .. .. .. .. .. .. ..", "48 b8 10 f0 ff ff ff ff ff ff",
        "movabsq $-4080, %rax"),
      // mov $target@SIZE, %eax: Z + A
      Row(.R_X86_64_SIZE32, 0, "b8 .. .. .. ..", "b8 30 00 00 00", "movl $48, %eax"),
      // movabs $target@SIZE-1, %rax
      Row(
        .R_X86_64_SIZE64, -1, "48 b8 .. .. .. .. .. .. .. ..", "48 b8 2f 00 00 00 00 00 00 00",
        "movabsq $47, %rax"),
      // bnd jmp target: S + A - P = 0x402010 - 4 - 0x401002
      Row(.R_X86_64_PC32_BND, -4, "f2 e9 .. .. .. ..", "f2 e9 0a 10 00 00", "repne jmp 4106"),
      // bnd call target@PLT
      Row(.R_X86_64_PLT32_BND, -4, "f2 e8 .. .. .. ..", "f2 e8 0a 10 00 00", "repne callq 4106"),
      // mov target@GOTPCREL(%rip), %eax, which becomes lea target(%rip), %eax: 0x402010 - 4 - 0x401002
      Row(.R_X86_64_GOTPCRELX, -4, "8b 05 .. .. .. ..", "8d 05 0a 10 00 00", "leal 4106(%rip), %eax"),
      // mov target@GOTPCREL(%rip), %rax, likewise
      Row(
        .R_X86_64_REX_GOTPCRELX, -4, "48 8b 05 .. .. .. ..", "48 8d 05 09 10 00 00", "leaq 4105(%rip), %rax"),
      // mov target@GOTPCREL(%rip), %r16, likewise
      Row(
        .R_X86_64_CODE_4_GOTPCRELX, -4, "d5 48 8b 05 .. .. .. ..", "d5 48 8d 05 08 10 00 00",
        "leaq 4104(%rip), %r16"),
      // movbe target@GOTPCREL(%rip), %rax, which stays: 8 + 0x403000 - 4 - 0x401005
      Row(
        .R_X86_64_CODE_5_GOTPCRELX, -4, "48 0f 38 f0 05 .. .. .. ..", "48 0f 38 f0 05 ff 1f 00 00",
        "movbeq 8191(%rip), %rax"),
      // add target@GOTPCREL(%rip), %r16, %r17, which stays: 8 + 0x403000 - 4 - 0x401006
      Row(
        .R_X86_64_CODE_6_GOTPCRELX, -4, "62 e4 f4 10 03 05 .. .. .. ..", "62 e4 f4 10 03 05 fe 1f 00 00",
        "addq 8190(%rip), %r16, %r17"),
    ]
  }
}
