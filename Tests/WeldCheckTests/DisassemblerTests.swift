import Glibc
import Testing
import WeldCheck
import WeldELF
import WeldLink

@Suite("The decoder's process")
struct DisassemblerTests {
  static let call: [UInt8] = [0xe8, 0, 0, 0, 0]

  /// Says what a shell makes of `script`, which gets the question on its standard input.
  static func shell(_ script: String, timeLimit: Duration = .seconds(30)) -> Disassembler {
    Disassembler(command: ["sh", "-c", script, "sh"], timeLimit: timeLimit)
  }

  @Test func `one is found on the path`() throws {
    #expect(try Disassembler().text(of: [Self.call], machine: .x86_64) == ["callq 0"])
  }

  @Test func `none on the path is an error that tells what to install`() async {
    // In a process of its own, since the path is the whole process's.
    await #expect(processExitsWith: .success) {
      setenv("PATH", "/nonexistent:/dev", 1)
      let error = #expect(throws: CheckError.decoder(.notFound)) {
        try Disassembler().text(of: [Self.call], machine: .x86_64)
      }
      #expect("\(error, default: "")".contains("apt-get install llvm"))
    }
  }

  @Test func `several instructions are separated`() throws {
    let codes: [[UInt8]] = [
      Self.call + [0x90, 0xf0, 0x48, 0x0f, 0xb1, 0x0d, 1, 0, 0, 0, 0xc3], [], [0x90], [0x90, 0x06], [0x06],
    ]
    #expect(
      try Disassembler().text(of: codes, machine: .x86_64) == [
        "callq 0; nop; lock cmpxchgq %rcx, 1(%rip); retq", "", "nop",
        "nop; not an instruction, in .byte 0x90, 0x6",
        ".byte 0x6",
      ])
  }

  @Test func `the newest instructions are known`() throws {
    let decoder = Disassembler(command: ["llvm-mc-19"])
    // APX: 32 registers, and results apart from the operands.
    let codes: [[UInt8]] = [
      [0xd5, 0x48, 0x8b, 0x05, 1, 0, 0, 0], [0x62, 0xf4, 0xec, 0x18, 0x03, 0x05, 1, 0, 0, 0],
    ]
    #expect(
      try decoder.text(of: codes, machine: .x86_64) == ["movq 1(%rip), %r16", "addq 1(%rip), %rax, %rdx"])
  }

  @Test(arguments: [.x86_64, .ppc64, .s390] as [Machine])
  func `any number of questions takes one process`(machine: Machine) throws {
    let rows = (InstructionTests.x86 + InstructionTests.ppc64 + InstructionTests.s390x)
      .filter { $0.machine == machine }
    let marker = "/tmp/weld-check-\(UInt64.random(in: .min ... .max))"
    defer { rmdir(marker) }
    // The folder can be made once only.
    let decoder = Self.shell("mkdir \(marker) && exec llvm-mc-19 \"$@\"")
    let texts = try decoder.text(of: (0..<1000).map { rows[$0 % rows.count].bytes }, machine: machine)
    #expect(texts == (0..<1000).map { rows[$0 % rows.count].text })

    rmdir(marker)
    let checks = rows.indices.map { Check("next_pc(i\($0)) = 0", file: "x.s", line: $0) }
    let results = Checker(InstructionTests.map(rows), disassembler: decoder).results(of: checks)
    #expect(
      results.allSatisfy { if case .isFalse(0x1002..., 0) = $0.outcome { true } else { false } })
  }

  @Test func `nothing is started for nothing`() throws {
    let absent = Disassembler(command: ["/nonexistent/llvm-mc"])
    #expect(try absent.text(of: [], machine: .x86_64) == [])
    var map = LinkMap(machine: .x86_64, byteOrder: .little)
    map.add(symbol: "f", in: map.add(".text", of: "a.o", at: 0x1000, Self.call))
    #expect(try map.value(of: "f", disassembler: absent) == 0x1000)
    // Only what needs an instruction fails.
    let checks = ["f = 0x1000", "next_pc(f) = 0x1005"].map { Check($0, file: "x.s", line: 1) }
    let problem = DecoderProblem.notStarted(command: "/nonexistent/llvm-mc", errno: 2)
    #expect(
      Checker(map, disassembler: absent).results(of: checks).map(\.outcome) == [
        .holds(0x1000), .hasNoValue(.decoder(problem)),
      ])
    #expect(
      problem.description
        == "/nonexistent/llvm-mc: cannot be started: No such file or directory; "
        + "expected an llvm-mc of LLVM 14 or newer")
  }

  @Test(arguments: [
    ("cat", ""), ("exit 0", ""), ("echo >&2; echo no such target >&2; exit 1", "no such target"),
    ("head -c 1000000 /dev/urandom", ""), ("llvm-mc-19 \"$@\" | head -n 3", ""),
    // An answer with an instruction too many, one with a marker too many.
    ("llvm-mc-19 \"$@\"; echo 'nop # <MCInst #1 NOP>'", ""),
    ("llvm-mc-19 \"$@\"; llvm-mc-19 \"$@\" <<-E\n[0x49 0xbb 0x77 0x65 0x6c 0x64 0x2d 0x6d 0x61 0x72]\nE", ""),
  ])
  func `an answer that is none is an error`(script: String, message: String) {
    #expect(throws: CheckError.decoder(.unintelligible(command: "sh", message: message))) {
      try Self.shell(script).text(of: [Self.call], machine: .x86_64)
    }
  }

  @Test func `a decoder that hangs is killed with its children`() {
    let limit = Duration.milliseconds(200)
    let clock = ContinuousClock()
    let time = clock.measure {
      #expect(throws: CheckError.decoder(.timedOut(command: "sh", limit: limit))) {
        try Self.shell("sleep 1000 & sleep 1000", timeLimit: limit).text(of: [Self.call], machine: .x86_64)
      }
    }
    #expect(time < .seconds(20))
  }

  @Test func `a decoder that does not stop writing is killed`() {
    let limit = 1 << 24 + 1 << 12
    #expect(throws: CheckError.decoder(.tooMuchOutput(command: "sh", limit: limit))) {
      try Self.shell("yes").text(of: [Self.call], machine: .x86_64)
    }
  }

  @Test func `a decoder that dies is an error`() {
    #expect(throws: CheckError.decoder(.died(command: "sh", signal: 11))) {
      try Self.shell("kill -SEGV $$").text(of: [Self.call], machine: .x86_64)
    }
  }

  @Test func `a machine that is not decoded is an error`() {
    let error = CheckError.decoder(.unsupportedMachine("aarch64"))
    #expect(throws: error) { try Disassembler().text(of: [[0, 0, 0, 0]], machine: .aarch64) }
    var map = LinkMap(machine: .aarch64, byteOrder: .little)
    map.add(symbol: "f", in: map.add(".text", of: "a.o", at: 0x1000, Self.call))
    #expect(throws: error) { try map.value(of: "next_pc(f)") }
  }

  @Test func `an older llvm-mc is asked for an older processor`() throws {
    // Refuses the newest processor as LLVM does, with the instructions that it has.
    let script = """
      for argument in "$@"; do
        case $argument in --mcpu=z16) echo "'z16' is not a recognized processor for this target" >&2 ;; esac
        [ "$argument" = --mcpu=arch14 ] && exec llvm-mc-19 "$@"
      done
      echo wrong >&2
      """
    #expect(
      try Self.shell(script).text(of: [[0xb2, 0x8f, 0x50, 0x00]], machine: .s390) == ["qpaci 0(%r5)"])
  }
}
