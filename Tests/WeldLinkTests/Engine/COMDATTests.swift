import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("gABI: groups of sections, of which the first one is kept")
struct COMDATTests {
  /// A function and its constant, in the group `f`, with a description of its frame.
  private func inline(_ name: String, constant: Int, extra: String = "") throws -> ObjectFile {
    try Assembler.object(
      name,
      """
      .section .text.f, "axG", @progbits, f, comdat
      .weak f
      .type f, @function
      f: .cfi_startproc
      mov .Lconstant(%rip), %eax
      ret
      .cfi_endproc
      .size f, . - f
      .section .rodata.f, "aG", @progbits, f, comdat
      .Lconstant: .long \(constant)
      .data
      .quad f
      \(extra)
      """)
  }

  @Test(arguments: 2...4)
  func `all members of later groups are dropped`(count: Int) throws {
    let files = (0..<count).map { "\($0).o" }
    let image = try LinkedImage(files.enumerated().map { try inline($1, constant: $0) })
    try image.resolve()
    #expect(try image.sections(".text.f").map(\.file) == ["0.o"])
    #expect(try image.sections(".rodata.f").map(\.file) == ["0.o"])
    let f = try image.section(".text.f").address.rawValue
    #expect(image.address(of: "f") == f)
    for file in files { #expect(try image.words(".data", of: file) == [f]) }
  }

  @Test func `frame descriptions of what was dropped begin at 0`() throws {
    let image = try LinkedImage([inline("a.o", constant: 1), inline("b.o", constant: 2)])
    try image.resolve()
    // A CIE of 4 + 20 bytes; the FDE's start follows its length and CIE pointer.
    let field = 24 + 8
    let first = try image.section(".eh_frame", of: "a.o")
    let kept = try image.contents(".eh_frame", of: "a.o").signed(at: field, byteCount: 4)
    #expect(first.address.rawValue &+ UInt64(field) &+ UInt64(bitPattern: kept) == image.address(of: "f"))
    #expect(try image.contents(".eh_frame", of: "b.o").signed(at: field, byteCount: 4) == 0)
    // Nothing else of it is changed.
    var other = try image.contents(".eh_frame", of: "b.o")
    other.replace(at: field, UInt64(bitPattern: kept), byteCount: 4)
    #expect(try other == image.contents(".eh_frame", of: "a.o"))
  }

  @Test(arguments: [
    (".quad .Lconstant", ".rodata.f"), (".quad .Lconstant + 1", ".rodata.f"),
  ])
  func `only the group itself may know its local symbols`(reference: String, section: String) throws {
    let image = try LinkedImage([
      inline("a.o", constant: 1, extra: reference), inline("b.o", constant: 2, extra: reference),
    ])
    let addend: Int64 = reference.hasSuffix("1") ? 1 : 0
    let error = LinkError.relocation(
      .discardedTarget, "R_X86_64_64", in: ".data", of: "b.o", at: 8, to: section, addend)
    #expect(throws: error) { try image.resolve() }
  }

  @Test func `a name that only a dropped group defines is undefined`() throws {
    let first = try Assembler.object(
      "a.o", ".section .text.f, \"axG\", @progbits, f, comdat\n.globl f\nf: ret")
    let second = try Assembler.object(
      "b.o",
      """
      .section .text.f, "axG", @progbits, f, comdat
      .globl f
      f: ret
      .globl helper
      helper: ret
      .data
      .quad helper
      """)
    let error = LinkError.undefined(
      "helper", [LinkError.place("R_X86_64_64", in: ".data", of: "b.o", to: "helper")])
    #expect(throws: error) { try LinkedImage([first, second]).resolve() }
    // The other way around all is well.
    try LinkedImage([second, first]).resolve()
  }

  @Test func `a definition outside of groups prevails over the kept one if that is weak`() throws {
    let strong = try Assembler.object("c.o", ".globl f\nf: nop\nret")
    for isFirst in [true, false] {
      let groups = try [inline("a.o", constant: 1), inline("b.o", constant: 2)]
      let image = try LinkedImage(isFirst ? [strong] + groups : groups + [strong])
      try image.resolve()
      #expect(try image.words(".data", of: "a.o") == [image.section(".text", of: "c.o").address.rawValue])
    }
  }

  @Test func `groups of other kinds are all kept`() throws {
    // Without GRP_COMDAT a group only says what belongs together.
    let objects = try ["a.o", "b.o"].map {
      try Assembler.object($0, ".section .rodata.g, \"aG\", @progbits, signature\n.byte 1")
    }
    let image = try LinkedImage(objects)
    #expect(try image.sections(".rodata.g").map(\.file) == ["a.o", "b.o"])
  }

  @Test func `groups are told apart by their signatures alone`() throws {
    // The names of sections and symbols do not matter; signatures may be the beginning of each other.
    let objects = try [("a.o", "one"), ("b.o", "one.1"), ("c.o", "on"), ("d.o", "one")].map {
      file, signature in
      try Assembler.object(file, ".section .rodata.g, \"aG\", @progbits, \(signature), comdat\n.byte 1")
    }
    let image = try LinkedImage(objects)
    #expect(try image.sections(".rodata.g").map(\.file) == ["a.o", "b.o", "c.o"])
  }

  @Test func `an object with one signature twice keeps the first group`() throws {
    let object = try Assembler.object(
      "a.o",
      """
      .section .rodata.first, "aG", @progbits, one, comdat
      .byte 1
      .section .rodata.second, "aG", @progbits, two, comdat
      .byte 2
      """)
    // Let the second group have the signature of the first one.
    let table = try object.index(of: ".group")
    let signature = object.section(at: table).info
    let second = SectionIndex(rawValue: table.rawValue + 1)
    #expect(object.section(at: second).type == .group)
    let header = Int(object.header.sectionHeaderOffset) + Int(second.rawValue) * SectionHeader.byteCount
    let image = try LinkedImage([object.changing(at: header + 44, to: UInt64(signature), byteCount: 4)])
    let names = try image.linker.sections().map(\.name)
    #expect(names.contains(".rodata.first"))
    #expect(!names.contains(".rodata.second"))
  }

  @Test func `what belongs to a dropped section goes with it`() throws {
    // SHF_LINK_ORDER, as compilers use it for tables of addresses.
    let source = """
      .section .text.f, "axG", @progbits, f, comdat
      .weak f
      f: ret
      .section .table, "ao", @progbits, .text.f
      .quad f
      .text
      nop
      .section .kept, "ao", @progbits, .text
      .byte 1
      """
    let image = try LinkedImage(["a.o", "b.o"].map { try Assembler.object($0, source) })
    try image.resolve()
    #expect(try image.sections(".table").map(\.file) == ["a.o"])
    #expect(try image.sections(".kept").map(\.file) == ["a.o", "b.o"])
  }

  @Test func `what went is not counted between start and stop`() throws {
    let source = """
      .section .text.f, "axG", @progbits, f, comdat
      .weak f
      f: ret
      .section things, "ao", @progbits, .text.f
      .quad f
      .data
      .quad __start_things, __stop_things
      """
    let image = try LinkedImage(["a.o", "b.o"].map { try Assembler.object($0, source) })
    try image.resolve()
    let start = try image.section("things", of: "a.o").address.rawValue
    for file in ["a.o", "b.o"] { #expect(try image.words(".data", of: file) == [start, start + 8]) }
  }

  @Test func `a later batch binds to the group that was kept before`() throws {
    let image = try LinkedImage([inline("a.o", constant: 1)])
    try image.spread()
    try image.resolve()
    let f = try #require(image.address(of: "f"))
    try image.linker.load(inline("b.o", constant: 2))
    try image.spread()
    try image.resolve()
    #expect(image.address(of: "f") == f)
    #expect(try image.words(".data", of: "b.o") == [f])
  }
}
