import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("What becomes of sections")
struct SectionTests {
  static let plain = [UInt8](repeating: 1, count: 8)
  /// An empty common record.
  static let frames: [UInt8] = [4, 0, 0, 0, 0, 0, 0, 0]

  /// An object with one section of eight bytes.
  private func object(
    _ name: String, type: SectionType = .progbits, _ flags: SectionFlags, contents: [UInt8] = plain
  ) throws -> ObjectFile {
    var object = ObjectWriter.x86_64
    _ = object.addSection(name, type: type, flags: flags, contents: contents)
    return try object.object()
  }

  struct Row: Sendable {
    var name: String
    var type: SectionType = .progbits
    var flags: SectionFlags
    /// What may be done with it; `nil` if it is no part of memory.
    var protection: Protection?
    var contents = plain
  }

  static let rows = [
    Row(name: ".text", flags: [.alloc, .executable], protection: [.read, .execute]),
    Row(name: ".ltext", flags: [.alloc, .executable, .large], protection: [.read, .execute]),
    Row(name: ".rodata", flags: [.alloc], protection: .read),
    Row(name: ".rodata.str1.1", flags: [.alloc, .merge, .strings], protection: .read),
    Row(name: ".lrodata", flags: [.alloc, .large], protection: .read),
    Row(name: ".eh_frame", type: .unwind, flags: [.alloc], protection: .read, contents: frames),
    Row(name: ".eh_frame", flags: [.alloc, .write], protection: .read, contents: frames),
    Row(name: ".gcc_except_table", flags: [.alloc], protection: .read),
    Row(name: ".note.ABI-tag", type: .note, flags: [.alloc], protection: .read),
    Row(name: ".data", flags: [.alloc, .write], protection: [.read, .write]),
    Row(name: ".data.rel.ro", flags: [.alloc, .write], protection: .read),
    Row(name: ".data.rel.ro.local", flags: [.alloc, .write], protection: .read),
    Row(name: ".init_array", type: .initArray, flags: [.alloc, .write], protection: .read),
    Row(name: ".ctors", flags: [.alloc, .write], protection: .read),
    Row(name: ".ldata", flags: [.alloc, .write, .large], protection: [.read, .write]),
    Row(name: "my_section", flags: [.alloc, .write, .retain], protection: [.read, .write]),
    // Not part of memory, or not of this one.
    Row(name: ".comment", flags: [.merge, .strings], protection: nil),
    Row(name: ".debug_info", flags: [.compressed], protection: nil),
    Row(name: ".note.GNU-stack", flags: [], protection: nil),
    Row(name: ".note.GNU-stack", flags: [.executable], protection: nil),
    Row(name: ".note.gnu.property", type: .note, flags: [.alloc], protection: nil),
    Row(name: ".llvm_addrsig", type: .addressSignificance, flags: [.exclude], protection: nil),
    Row(name: ".excluded", flags: [.alloc, .exclude], protection: nil),
    Row(name: ".excluded", flags: [.alloc, .write, .executable, .exclude], protection: nil),
    Row(name: ".tdata", flags: [.alloc, .write, .tls], protection: nil),
  ]

  @Test(arguments: rows)
  func `flags, and names where these leave it open, tell where a section goes`(row: Row) throws {
    let image = try LinkedImage([object(row.name, type: row.type, row.flags, contents: row.contents)])
    let sections = try image.linker.sections()
    #expect(sections.map(\.protection) == (row.protection.map { [$0] } ?? []))
    #expect(sections.allSatisfy { $0.name == row.name && $0.byteCount == 8 && $0.file == "a.o" })
    try image.resolve()
    for section in sections {
      #expect(try image.linker.contents(of: section.id) == row.contents)
    }
  }

  @Test func `what is larger than the reach of code comes last`() throws {
    let names = [".ldata", ".lrodata", ".ltext", ".data", ".rodata", ".text"]
    let flags: [SectionFlags] = [
      [.alloc, .write, .large], [.alloc, .large], [.alloc, .executable, .large], [.alloc, .write], [.alloc],
      [.alloc, .executable],
    ]
    var objects = try zip(names, flags).map { try object($0, $1) }
    var zeros = ObjectWriter.x86_64
    _ = zeros.addZeroSection(".lbss", flags: [.alloc, .write, .large], byteCount: 1 << 40)
    _ = zeros.addZeroSection(".bss", byteCount: 64)
    objects.append(try zeros.object())
    let image = try LinkedImage(objects)
    let ordered = try image.linker.sections().sorted { $0.address < $1.address }.map(\.name)
    #expect(ordered == [".text", ".rodata", ".data", ".bss", ".ltext", ".lrodata", ".ldata", ".lbss"])
  }

  @Test func `alignment is honoured, and bytes stay apart`() throws {
    var object = ObjectWriter.x86_64
    for (number, alignment) in ([1, 4096, 2, 64, 1, 65536, 8] as [UInt64]).enumerated() {
      _ = object.addSection(
        ".rodata.\(number)", flags: [.alloc], alignment: alignment,
        contents: [UInt8](repeating: UInt8(number + 1), count: 5))
    }
    let image = try LinkedImage([object.object()])
    try image.resolve()
    var end: UInt64 = 0
    for (number, alignment) in ([1, 4096, 2, 64, 1, 65536, 8] as [UInt64]).enumerated() {
      let section = try image.section(".rodata.\(number)")
      #expect(section.address.rawValue % alignment == 0)
      #expect(section.address.rawValue >= end)
      end = section.address.rawValue + 5
      #expect(try image.linker.contents(of: section.id) == [UInt8](repeating: UInt8(number + 1), count: 5))
    }
  }

  @Test func `code that is writable is refused`() throws {
    let image = try LinkedImage([object(".text.self_modifying", [.alloc, .write, .executable])])
    let error = LinkError.section(.writableAndExecutable, file: "a.o", section: ".text.self_modifying")
    #expect(throws: error) { try image.linker.sections() }
  }

  @Test(arguments: [1 << 47, 1 << 62, UInt64.max])
  func `a section larger than memory is refused`(byteCount: UInt64) throws {
    var object = ObjectWriter.x86_64
    _ = object.addZeroSection(".bss", byteCount: byteCount)
    let image = try LinkedImage([object.object()])
    #expect(throws: LinkError.section(.tooLarge(byteCount: byteCount), file: "a.o", section: ".bss")) {
      try image.linker.sections()
    }
  }

  @Test(arguments: [1 << 47, 1 << 63] as [UInt64])
  func `an alignment that memory cannot have is refused`(alignment: UInt64) throws {
    var object = ObjectWriter.x86_64
    _ = object.addZeroSection(".bss", alignment: alignment, byteCount: 8)
    let problem = LinkError.SectionProblem.alignmentTooLarge(alignment)
    #expect(throws: LinkError.section(problem, file: "a.o", section: ".bss")) {
      try LinkedImage([object.object()]).resolve()
    }
    var common = ObjectWriter.x86_64
    let data = common.addData([UInt8](repeating: 0, count: 8))
    common.relocate(
      data, at: 0, .R_X86_64_64, common.addCommonSymbol("symbol", size: 8, alignment: alignment))
    #expect(throws: LinkError.section(problem, file: "a.o", section: "symbol")) {
      try LinkedImage([common.object()]).resolve()
    }
  }

  @Test func `zeros that are relocated are refused`() throws {
    var object = ObjectWriter.x86_64
    let zeros = object.addZeroSection(".bss", byteCount: 8)
    object.relocate(zeros, at: 0, .R_X86_64_64, object.addSymbol("symbol", in: zeros))
    #expect(throws: LinkError.section(.relocatedZeros, file: "a.o", section: ".bss")) {
      try LinkedImage([object.object()]).resolve()
    }
  }

  @Test func `relocations in the compact form are refused`() throws {
    var object = ObjectWriter.x86_64
    let data = object.addData([UInt8](repeating: 0, count: 8))
    object.relocate(data, at: 0, .R_X86_64_64, object.addSymbol("symbol", in: data))
    // SHT_CREL
    let compact = try object.object().changingHeader(of: ".rela.data", (4, 4, 0x4000_0014), (56, 8, 1))
    #expect(throws: LinkError.section(.compactRelocations, file: "a.o", section: ".data")) {
      try LinkedImage([compact]).resolve()
    }
  }

  @Test func `sections that are too large together are refused`() throws {
    let objects = try (0..<4).map { number in
      var object = ObjectWriter.x86_64
      _ = object.addZeroSection(".bss", byteCount: 1 << 46)
      _ = object.addZeroSection(".lbss", flags: [.alloc, .write, .large], byteCount: 1 << 46)
      return try object.object("\(number).o")
    }
    #expect { try LinkedImage(objects).resolve() } throws: { error in
      if case .memory? = error as? LinkError { true } else { false }
    }
  }

  @Test func `empty sections are somewhere, and their symbols there`() throws {
    var object = ObjectWriter.x86_64
    let text = object.addText([])
    _ = object.addSymbol("here", in: text)
    let image = try LinkedImage([object.object()])
    try image.resolve()
    #expect(try image.address(of: "here") == image.section(".text").address.rawValue)
    #expect(try image.contents(".text") == [])
  }

  @Test func `an object without sections or symbols adds nothing`() throws {
    let image = try LinkedImage([ObjectWriter.x86_64.object()])
    try image.resolve()
    #expect(try image.linker.sections().isEmpty)
    #expect(try image.linker.symbolTable().isEmpty)
  }
}
