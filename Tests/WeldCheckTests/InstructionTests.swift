import Testing
import WeldBytes
import WeldCheck
import WeldELF
import WeldLink

@Suite("Instructions: operands and lengths, as llvm-mc tells them")
struct InstructionTests {
  /// An instruction with immediates at the operands `values`, and its text in LLVM 19.
  struct Row: Sendable, CustomTestStringConvertible {
    var machine: Machine
    var bytes: [UInt8]
    var text: String
    var values: [Int: Int64]

    init(_ machine: Machine, _ bytes: [UInt8], _ text: String, _ values: [Int: Int64]) {
      self.machine = machine
      self.bytes = bytes
      self.text = text
      self.values = values
    }

    var testDescription: String { "\(machine): \(text)" }
  }

  static let x86: [Row] = [
    Row(.x86_64, [0xe8, 0x10, 0, 0, 0], "callq 16", [0: 16]),
    Row(.x86_64, [0xe9, 0xfe, 0xff, 0xff, 0xff], "jmp -2", [0: -2]),
    Row(.x86_64, [0x0f, 0x84, 0x10, 0, 0, 0], "je 16", [0: 16, 1: 4]),
    Row(.x86_64, [0x48, 0x8d, 0x05, 0xf0, 0xff, 0xff, 0xff], "leaq -16(%rip), %rax", [2: 1, 4: -16]),
    Row(.x86_64, [0x48, 0x8b, 0x05, 0x10, 0, 0, 0], "movq 16(%rip), %rax", [2: 1, 4: 16]),
    Row(.x86_64, [0x48, 0x3b, 0x05, 0x10, 0, 0, 0], "cmpq 16(%rip), %rax", [2: 1, 4: 16]),
    Row(.x86_64, [0x48, 0x03, 0x05, 0x10, 0, 0, 0], "addq 16(%rip), %rax", [3: 1, 5: 16]),
    Row(.x86_64, [0x48, 0x89, 0x05, 0x10, 0, 0, 0], "movq %rax, 16(%rip)", [1: 1, 3: 16]),
    Row(.x86_64, [0x48, 0xc7, 0x05, 0x10, 0, 0, 0, 5, 0, 0, 0], "movq $5, 16(%rip)", [1: 1, 3: 16, 5: 5]),
    Row(.x86_64, [0xff, 0x25, 0x10, 0, 0, 0], "jmpq *16(%rip)", [1: 1, 3: 16]),
    Row(.x86_64, [0xff, 0x15, 0x10, 0, 0, 0], "callq *16(%rip)", [1: 1, 3: 16]),
    Row(
      .x86_64, [0x48, 0xb8, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11],
      "movabsq $1234605616436508552, %rax", [1: 0x1122_3344_5566_7788]),
    Row(.x86_64, [0xb8, 0x34, 0x12, 0, 0], "movl $4660, %eax", [1: 0x1234]),
    Row(.x86_64, [0x68, 0xff, 0xff, 0xff, 0xff], "pushq $-1", [0: -1]),
    // Prefixes: of an instruction's own, superfluous ones, and ones that LLVM describes apart.
    Row(.x86_64, [0x66, 0x48, 0x8d, 0x3d, 1, 0, 0, 0], "leaq 1(%rip), %rdi", [2: 1, 4: 1]),
    Row(.x86_64, [0x66, 0x66, 0x48, 0xe8, 1, 0, 0, 0], "callq 1", [0: 1]),
    Row(
      .x86_64, [0xf0, 0x48, 0x0f, 0xb1, 0x0d, 1, 0, 0, 0], "lock cmpxchgq %rcx, 1(%rip)", [1: 1, 3: 1]),
  ]

  static let ppc64: [Row] = [
    Row(.ppc64, [0x00, 0x01, 0x00, 0x48], "b .+256", [0: 64]),
    Row(.ppc64, [0xfd, 0xff, 0xff, 0x4b], "bl .-4", [0: -1]),
    Row(.ppc64, [0x10, 0x00, 0x82, 0x41], "bt 2, .+16", [0: 12, 2: 4]),
    Row(.ppc64, [0x00, 0x80, 0x62, 0x38], "addi 3, 2, -32768", [2: -32768]),
    Row(.ppc64, [0x04, 0x00, 0x62, 0x3c], "addis 3, 2, 4", [2: 4]),
    Row(.ppc64, [0x00, 0x80, 0x63, 0x60], "ori 3, 3, 32768", [2: 32768]),
    Row(.ppc64, [0x00, 0x10, 0x62, 0xe8], "ld 3, 4096(2)", [1: 4096]),
    Row(.ppc64, [0x08, 0x00, 0x62, 0x80], "lwz 3, 8(2)", [1: 8]),
    Row(.ppc64, [0xf8, 0xff, 0x61, 0xf8], "std 3, -8(1)", [1: -8]),
    Row(.ppc64, [0x08, 0x00, 0x61, 0x90], "stw 3, 8(1)", [1: 8]),
    Row(.ppc64, [0x10, 0x00, 0x60, 0x3c], "lis 3, 16", [1: 16]),
    Row(.ppc64, [0xff, 0xff, 0x60, 0x38], "li 3, -1", [1: -1]),
    Row(
      .ppc64, [0xff, 0xff, 0x13, 0x06, 0xfc, 0xff, 0x60, 0x38], "paddi 3, 0, -4, 1", [1: 0, 2: -4]),
    Row(.ppc64, [0x00, 0x00, 0x10, 0x04, 0x10, 0x00, 0x60, 0xe4], "pld 3, 16(0), 1", [1: 16, 2: 0]),
  ]

  static let s390x: [Row] = [
    Row(.s390, [0xc0, 0xe5, 0, 0, 0, 0x10], "brasl %r14, 0x20", [1: 32]),
    Row(.s390, [0xa7, 0xe5, 0, 0x10], "bras %r14, 0x20", [1: 32]),
    Row(.s390, [0xc0, 0x10, 0xff, 0xff, 0xff, 0xff], "larl %r1, 0xfffffffffffffffe", [1: -2]),
    Row(.s390, [0xc4, 0x18, 0, 0, 0, 0x10], "lgrl %r1, 0x20", [1: 32]),
    Row(.s390, [0xc4, 0x1d, 0, 0, 0, 0x10], "lrl %r1, 0x20", [1: 32]),
    Row(.s390, [0xa7, 0xf4, 0, 0x10], "j 0x20", [0: 32]),
    Row(.s390, [0xc0, 0xf4, 0, 0, 0, 0x10], "jg 0x20", [0: 32]),
    Row(.s390, [0xa7, 0x16, 0, 0x10], "brct %r1, 0x20", [2: 32]),
    Row(.s390, [0xa7, 0x17, 0, 0x10], "brctg %r1, 0x20", [2: 32]),
    Row(.s390, [0xe3, 0x12, 0x30, 0x08, 0, 0x04], "lg %r1, 8(%r2,%r3)", [2: 8]),
    Row(.s390, [0xe3, 0x10, 0xff, 0xf8, 0xff, 0x24], "stg %r1, -8(%r15)", [2: -8]),
    Row(.s390, [0x41, 0x10, 0x2f, 0xff], "la %r1, 4095(%r2)", [2: 4095]),
    Row(.s390, [0xe3, 0x10, 0x20, 0, 0x80, 0x71], "lay %r1, -524288(%r2)", [2: -524288]),
    Row(.s390, [0x58, 0x10, 0x20, 0x08], "l %r1, 8(%r2)", [2: 8]),
    Row(.s390, [0x50, 0x10, 0x20, 0x08], "st %r1, 8(%r2)", [2: 8]),
    Row(.s390, [0x92, 0x05, 0x10, 0x08], "mvi 8(%r1), 5", [1: 8, 2: 5]),
    Row(.s390, [0x95, 0x05, 0x10, 0x08], "cli 8(%r1), 5", [1: 8, 2: 5]),
    Row(.s390, [0xa7, 0x19, 0xff, 0xfb], "lghi %r1, -5", [1: -5]),
    Row(.s390, [0xc0, 0x11, 0xff, 0xff, 0xff, 0xfb], "lgfi %r1, -5", [1: -5]),
    Row(.s390, [0xc0, 0x1f, 0xff, 0xff, 0xff, 0xff], "llilf %r1, 4294967295", [1: 0xffff_ffff]),
    Row(.s390, [0xc5, 0x50, 0x10, 0, 0, 0x80], "bprp 5, 0x20, 0x100", [0: 5, 1: 32, 2: 256]),
    Row(.s390, [0x07, 0xfe], "br %r14", [:]),
  ]

  static func map(_ rows: [Row]) -> LinkMap {
    let machine = rows[0].machine
    var map = LinkMap(machine: machine, byteOrder: machine == .s390 ? .big : .little)
    // Instructions follow each other, so that what comes after one must not disturb it.
    let code = map.add(".text", of: "a.o", at: 0x1000, rows.flatMap(\.bytes), protection: [.read, .execute])
    var offset = 0
    for (position, row) in rows.enumerated() {
      map.add(symbol: "i\(position)", in: code, offset: UInt64(offset))
      offset += row.bytes.count
    }
    return map
  }

  @Test func `a decoder is installed`() {
    #expect(!Decoders.installed.isEmpty)
  }

  @Test(arguments: Decoders.installed, [x86, ppc64, s390x])
  func `every version finds the same operands and lengths`(decoder: String, rows: [Row]) {
    var checks: [Check] = []
    for (position, row) in rows.enumerated() {
      checks.append(
        Check("next_pc(i\(position)) = i\(position) + \(row.bytes.count)", file: row.text, line: 0))
      for (index, value) in row.values {
        let value = UInt64(bitPattern: value)
        checks.append(Check("decode_operand(i\(position), \(index)) = \(value)", file: row.text, line: index))
      }
    }
    let checker = Checker(Self.map(rows), disassembler: Disassembler(command: [decoder]))
    #expect(checker.results(of: checks).filter { !$0.holds }.map(\.description) == [])
  }

  @Test(arguments: [x86, ppc64, s390x])
  func `texts are those of LLVM 19`(rows: [Row]) throws {
    let decoder = Disassembler(command: ["llvm-mc-19"])
    #expect(try decoder.text(of: rows.map(\.bytes), machine: rows[0].machine) == rows.map(\.text))
  }

  @Test(arguments: [x86, ppc64, s390x])
  func `other operands are errors that show the instruction`(rows: [Row]) {
    var checks: [Check] = []
    var expected: [(index: Int, row: Row)] = []
    for (position, row) in rows.enumerated() {
      for index in 0..<12 where row.values[index] == nil {
        checks.append(Check("1 + decode_operand(i\(position), \(index)) = 0", file: row.text, line: index))
        expected.append((index, row))
      }
    }
    let checker = Checker(Self.map(rows), disassembler: Disassembler(command: ["llvm-mc-19"]))
    for (result, (index, row)) in zip(checker.results(of: checks), expected) {
      let immediates = row.values.keys.sorted()
      let isExpected =
        switch result.outcome {
        case .hasNoValue(.expression(.notImmediate(index, "a register", immediates, row.text), 5)): true
        case .hasNoValue(.expression(.operandOutOfRange(index, let count, immediates, row.text), 5)):
          count <= index && immediates.allSatisfy { $0 < count }
        default: false
        }
      #expect(isExpected, "\(result)")
    }
  }

  @Test func `what is asked is counted from the symbol`() throws {
    let map = Self.map(Self.s390x)
    // `i0` has 6 bytes.
    #expect(try map.value(of: "decode_operand(i0 + 6, 1)") == 32)
    #expect(try map.value(of: "decode_operand( i0+0x6 , 1 )[4:4]") == 0)
    #expect(try map.value(of: "next_pc(i0 + 6)") == 0x100a)
    #expect(try map.value(of: "*{2}next_pc(i0)") == 0xa7e5)
    #expect(try map.value(of: "*{2}(next_pc(i0 + 6) + 2)[63:0]") == 0xffff)
  }

  @Test func `errors of names and places are those of any expression`() {
    let map = Self.map(Self.s390x)
    let byteCount = Self.s390x.flatMap(\.bytes).count
    #expect(throws: CheckError.expression(.unknownSymbol("i99", suggestions: ["i19", "i9"]), column: 21)) {
      try map.value(of: "1 + decode_operand( i99, 1)")
    }
    let outside = ExpressionProblem.outsideSection(
      ".text", file: "a.o", offset: Int64(byteCount), byteCount: 1, sectionByteCount: byteCount)
    #expect(throws: CheckError.expression(outside, column: 9)) {
      try map.value(of: "next_pc(i0 + \(byteCount))")
    }
  }

  @Test(arguments: Decoders.installed)
  func `bytes that are no instruction are an error, and disturb no other`(decoder: String) {
    let codes: [(Machine, ByteOrder, [UInt8])] = [
      (.x86_64, .little, [0x06, 0x06]), (.x86_64, .little, [0xe8, 0, 0]), (.x86_64, .little, [0xf0]),
      (.ppc64, .little, [0, 0, 0, 0]), (.ppc64, .little, [0, 0, 0x10]),
      (.ppc64, .little, [0, 0, 0x10, 0x04, 0, 0]), (.s390, .big, [0, 0]), (.s390, .big, [0xc0, 0xe5, 0, 0]),
    ]
    for (machine, order, bytes) in codes {
      var map = LinkMap(machine: machine, byteOrder: order)
      let row = (Self.x86 + Self.ppc64 + Self.s390x).first { $0.machine == machine }
      map.add(symbol: "good", in: map.add(".text", of: "a.o", at: 0, row?.bytes ?? []))
      map.add(symbol: "bad", in: map.add(".text", of: "b.o", at: 0, bytes))
      let checks = [
        "next_pc(bad) = 0", "next_pc(good) = good + \(row?.bytes.count ?? 0)", "next_pc(bad) = 1",
      ]
      .map { Check($0, file: "x.s", line: 1) }
      let results = Checker(map, disassembler: Disassembler(command: [decoder])).results(of: checks)
      let error = CheckError.expression(.undecodable(bytes), column: 9)
      #expect(results[0].outcome == .hasNoValue(error))
      #expect(results[1].holds)
      #expect(results[2].outcome == .hasNoValue(error))
    }
  }

  @Test func `zero-fill memory is decoded as zeros`() throws {
    var map = LinkMap(machine: .x86_64, byteOrder: .little)
    map.add(symbol: "zeros", in: map.add(".bss", of: "a.o", at: 0x1000, byteCount: 32))
    // add %al, (%rax)
    #expect(try map.value(of: "next_pc(zeros)") == 0x1002)
  }
}
