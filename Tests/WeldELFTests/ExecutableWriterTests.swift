import Foundation
import Testing
import WeldBytes
import WeldELF

@Suite("Written executables: what other programs make of them")
struct ExecutableToolTests {
  @Test(arguments: TinyProgram.all)
  func `a program runs`(program: TinyProgram) throws {
    let folder = try TemporaryFolder()
    try folder.write(try program.writer().bytes(), to: "program")
    let path = folder.url.appending(path: "program").path
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    // `env` finds the emulator; without one it runs the program itself.
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = (program.emulator.map { [$0] } ?? []) + [path]
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationReason == .exit)
    #expect(process.terminationStatus == 42)
  }

  @Test(arguments: TinyProgram.all)
  func `readelf has nothing to complain about`(program: TinyProgram) throws {
    let output = try output(of: "readelf", ["-aW"], on: try program.writer().bytes())
    #expect(!output.contains("Warning") && !output.contains("Error"))
    #expect(output.contains("EXEC (Executable file)"))
    #expect(output.contains(/Entry point address: +0x401000/))
    #expect(output.contains("abiv2") == (program.machine == .ppc64))
    #expect(output.contains(#/GNU_STACK .* RW /#))
    #expect(output.contains(/0000000000402000 +4 OBJECT +LOCAL +DEFAULT +2 answer/))
    #expect(output.contains(/0000000000401000 +\d+ FUNC +GLOBAL +DEFAULT +1 _start/))
    #expect(output.contains(/0000000000403000 0x40000000 OBJECT +WEAK +DEFAULT +3 nothing/))
    #expect(output.contains(/00007fff00001234 +0 NOTYPE +GLOBAL +DEFAULT +ABS elsewhere/))
  }

  @Test(arguments: TinyProgram.all)
  func `a disassembler shows the code`(program: TinyProgram) throws {
    let output = try output(of: "llvm-objdump-19", ["-d"], on: try program.writer().bytes())
    let lines = output.split(separator: "\n")
    let label = try #require(lines.firstIndex { $0.hasSuffix("<_start>:") })
    for word in program.firstInstruction { #expect(lines[label + 1].contains(word)) }
  }

  @Test func `a debugger knows the symbols`() throws {
    let output = try output(
      of: "gdb", ["-nx", "-batch", "-ex", "info symbol 0x401002", "-ex", "print *(int *)&answer"],
      on: try TinyProgram.all[0].writer().bytes())
    #expect(output.contains("_start + 2 in section .text"))
    #expect(output.contains("$1 = 42"))
  }

  @Test func `more sections than 16 bits can count are counted elsewhere`() throws {
    var writer = ExecutableWriter(machine: .s390, byteOrder: .big)
    for number in 0..<66_000 {
      let address = 0x10_0000 + UInt64(number) * 8
      let section = writer.addSection(
        ".text.\(number)", flags: .executable, address: address, contents: [7, 7])
      writer.addSymbol("f\(number)", at: address, in: section)
    }
    let bytes = try writer.bytes()
    #expect(try ProgramHeader.all(of: bytes, type: ProgramHeader.load).count == 1)
    let file = try ObjectFile(Bytes(bytes), name: "many", accepting: [.executable])
    #expect(file.sectionCount == 66_005)
    #expect(file.sectionName(SectionIndex(rawValue: 66_000)) == ".text.65999")
    let output = try output(of: "readelf", ["-SsW"], on: bytes)
    #expect(!output.contains("Warning") && !output.contains("Error"))
    #expect(output.contains(/NOTYPE +GLOBAL +DEFAULT +66000 f65999/))
  }

  @Test func `a thread-local symbol is an offset in the template`() throws {
    var writer = ExecutableWriter(machine: .x86_64, byteOrder: .little)
    let data = writer.addSection(
      ".tdata", flags: [.write, .tls], address: 0x1010, alignment: 16, contents: [1, 2, 3, 4])
    let zero = writer.addZeroSection(
      ".tbss", flags: [.write, .tls], address: 0x1020, alignment: 16, byteCount: 0x100)
    writer.addSymbol("first", at: 0x1012, in: data, type: .tls)
    writer.addSymbol("second", at: 0x1024, in: zero, type: .tls)
    let output = try output(of: "readelf", ["-aW"], on: try writer.bytes())
    #expect(!output.contains("Warning") && !output.contains("Error"))
    #expect(output.contains(/0000000000000002 +0 TLS +GLOBAL +DEFAULT +1 first/))
    #expect(output.contains(/0000000000000014 +0 TLS +GLOBAL +DEFAULT +2 second/))
  }

  private func output(of tool: String, _ arguments: [String], on file: [UInt8]) throws -> String {
    let folder = try TemporaryFolder()
    try folder.write(file, to: "program")
    // What readelf has to complain about it says on standard error.
    return String(
      decoding: try Tool("sh")(["-c", "\"$0\" \"$@\" 2>&1", tool] + arguments + ["program"], in: folder.url),
      as: UTF8.self)
  }
}

@Suite("Written executables: what is loaded")
struct ExecutableSegmentTests {
  /// A `PT_LOAD` without its place in the file.
  private struct Load: Equatable {
    var address: UInt64
    var byteCount: UInt64
    var flags: UInt32

    init(_ address: UInt64, _ byteCount: UInt64, _ flags: UInt32) {
      self.address = address
      self.byteCount = byteCount
      self.flags = flags
    }
  }

  private func loads(_ writer: ExecutableWriter) throws -> [Load] {
    try ProgramHeader.all(of: try writer.bytes(), type: ProgramHeader.load).map {
      Load($0.address, $0.byteCount, $0.flags)
    }
  }

  private func writer() -> ExecutableWriter { ExecutableWriter(machine: .x86_64, byteOrder: .little) }

  @Test func `sections that permit the same share a segment, in any order`() throws {
    var writer = writer()
    _ = writer.addSection(".data.b", flags: .write, address: 0x3010, contents: [2])
    _ = writer.addSection(".text", flags: .executable, address: 0x1004, contents: [1, 2, 3])
    _ = writer.addSection(".data.a", flags: .write, address: 0x2ff8, contents: [1])
    #expect(try loads(writer) == [Load(0x1004, 3, 5), Load(0x2ff8, 0x19, 6)])
  }

  @Test func `a page that several sections lie on permits what any of them needs, others do not`() throws {
    var writer = writer()
    _ = writer.addSection(
      ".text", flags: .executable, address: 0x1000, contents: [UInt8](repeating: 1, count: 0x1800))
    _ = writer.addSection(
      ".data", flags: .write, address: 0x2900, contents: [UInt8](repeating: 2, count: 0x1000))
    _ = writer.addSection(".rodata", flags: [], address: 0x3a00, contents: [3])
    #expect(
      try loads(writer) == [Load(0x1000, 0x1000, 5), Load(0x2000, 0x1000, 7), Load(0x3000, 0xa01, 6)])
  }

  @Test func `zeros take no room in the file, wherever they are`() throws {
    var writer = writer()
    _ = writer.addSection(".data.a", flags: .write, address: 0x1000, contents: [1])
    _ = writer.addZeroSection(".bss", address: 0x1010, byteCount: 1 << 40)
    _ = writer.addSection(".data.b", flags: .write, address: 0x100_0000_1010, contents: [2])
    _ = writer.addZeroSection(".bss.end", address: 0x100_0000_1011, byteCount: 0x7_0000)
    let bytes = try writer.bytes()
    #expect(bytes.count < 0x4000)
    #expect(
      try loads(writer) == [Load(0x1000, 0x100_0000_0000, 6), Load(0x100_0000_1000, 0x7_0011, 6)])
  }

  @Test func `larger pages keep sections together`() throws {
    var writer = ExecutableWriter(machine: .ppc64, byteOrder: .little, pageByteCount: 0x1_0000)
    _ = writer.addSection(".text", flags: .executable, address: 0x1000, contents: [1])
    _ = writer.addSection(".data", flags: .write, address: 0x2000, contents: [1])
    #expect(try loads(writer) == [Load(0x1000, 0x1001, 7)])
  }

  @Test func `an address of 0 and an empty section are allowed`() throws {
    var writer = writer()
    _ = writer.addSection(".text", flags: .executable, address: 0, contents: [1])
    _ = writer.addSection(".empty", flags: .write, address: 0, contents: [])
    #expect(try loads(writer) == [Load(0, 1, 5)])
    #expect(try loads(self.writer()) == [])
  }

  @Test func `sections must not overlap`() throws {
    var writer = writer()
    _ = writer.addZeroSection("b", address: 0x1008, byteCount: 8)
    _ = writer.addSection("a", flags: [], address: 0x1001, contents: [UInt8](repeating: 1, count: 8))
    let error = ExecutableError.overlap(
      ExecutableError.Place(section: "a", address: 0x1001, byteCount: 8),
      ExecutableError.Place(section: "b", address: 0x1008, byteCount: 8))
    #expect(throws: error) { try writer.bytes() }
    #expect(
      error.description
        == "section 'a' of 8 bytes at 0x1001 and section 'b' of 8 bytes at 0x1008 overlap; place one of them elsewhere"
    )
  }

  @Test(arguments: [(.max, 1), (.max - 0xfff, 1), (0x1000, .max)] as [(UInt64, UInt64)])
  func `sections end a page before the address space`(address: UInt64, byteCount: UInt64) throws {
    var writer = writer()
    _ = writer.addZeroSection("far", address: address, byteCount: byteCount)
    let place = ExecutableError.Place(section: "far", address: address, byteCount: byteCount)
    #expect(throws: ExecutableError.outsideAddressSpace(place)) { try writer.bytes() }
    var last = self.writer()
    _ = last.addSection("last", flags: [], address: .max - 0x1000, contents: [1])
    #expect(try loads(last) == [Load(.max - 0x1000, 1, 4)])
  }

  @Test func `thread-local sections are a template, and its zeros take no memory`() throws {
    var writer = writer()
    _ = writer.addSection(
      ".tdata", flags: [.write, .tls], address: 0x1010, alignment: 16, contents: [1, 2, 3, 4])
    _ = writer.addZeroSection(
      ".tbss", flags: [.write, .tls], address: 0x1020, alignment: 32, byteCount: 0x100)
    _ = writer.addSection(".data", flags: .write, address: 0x1020, contents: [9])
    let bytes = try writer.bytes()
    #expect(try loads(writer) == [Load(0x1010, 0x11, 6)])
    let template = try #require(try ProgramHeader.all(of: bytes, type: ProgramHeader.threadLocal).first)
    #expect(template.address == 0x1010 && template.alignment == 32)
    #expect(template.storedByteCount == 4 && template.byteCount == 0x110)
    #expect(Array(bytes[Int(template.offset)...].prefix(4)) == [1, 2, 3, 4])
  }
}
