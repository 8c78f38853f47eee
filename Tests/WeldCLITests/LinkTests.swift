import Foundation
import Testing

@Suite("weld link: the image")
struct LinkTests {
  /// A program that exits with the value of a variable, in two objects, and one of each kind of reference.
  private static let main = """
        .text
        .globl _start
    _start:
        call helper
        mov %eax, %edi
        mov $60, %eax
        syscall
        .section .text.references, "ax"
        .globl references
    references:
        mov value@GOTPCREL(%rip), %rax
        call far
        .data
        .quad value + 4
        .bss
        .globl room
    room:
        .zero 0x20
    """
  private static let helper = """
        .text
        .globl helper
        .type helper, @function
    helper:
        mov value(%rip), %eax
        ret
        .size helper, . - helper
        .data
        .globl value
    value:
        .long 42
    """
  private static let places = [
    "--section-address", "main.o,.text=0x401000", "--section-address", "helper.o,.text=4198656",
    "--section-address", "main.o,.data=0x402000", "--section-address=helper.o,.data=0x402100",
    "--absolute", "far=0x7fff00000000",
  ]

  private func assemble(
    _ text: String, _ name: String, in scratch: Scratch, triple: String = "x86_64-linux-gnu"
  ) throws {
    _ = try scratch.write(text + "\n", to: "\(name).s")
    try scratch.tool(
      "llvm-mc-19", ["--filetype=obj", "--triple=\(triple)", "\(name).s", "-o", "\(name).o"])
  }

  /// Links `objects` into the folder `image` of `scratch`.
  private func link(_ arguments: [String], in scratch: Scratch) throws -> Image {
    let outcome = try Command.weld(["link", "--output-image", "image"] + arguments, in: scratch.folder)
    try #require(outcome == Outcome(status: 0, output: "", errors: ""))
    return try Image(at: scratch.path("image"))
  }

  private func linkTwoObjects(_ arguments: [String] = [], in scratch: Scratch) throws -> Image {
    try assemble(Self.main, "main", in: scratch)
    try assemble(Self.helper, "helper", in: scratch)
    return try link(Self.places + arguments + ["main.o", "helper.o"], in: scratch)
  }

  @Test func `sections are at their addresses with their final bytes`() throws {
    let scratch = try Scratch()
    let image = try linkTwoObjects(in: scratch)
    #expect(image.map.machine == "x86_64" && image.map.byte_order == "little" && image.map.toc_base == nil)
    let text = try image.section(".text", of: "main.o")
    #expect(text.address == "0x401000" && text.size == 14 && text.protection == "rx")
    // call 0x401100; mov %eax, %edi; mov $60, %eax; syscall
    #expect(hexadecimal(try image.bytes(of: text)) == "e8fb00000089c7b83c0000000f05")
    let helper = try image.section(".text", of: "helper.o")
    #expect(helper.address == "0x401100")
    // mov 0x402100(%rip), %eax; ret
    #expect(hexadecimal(try image.bytes(of: helper)) == "8b05fa0f0000c3")
    let data = try image.section(".data", of: "main.o")
    #expect(data.address == "0x402000" && data.protection == "rw")
    #expect(hexadecimal(try image.bytes(of: data)) == "0421400000000000")
    let zeros = try image.section(".bss", of: "main.o")
    #expect(zeros.size == 0x20 && zeros.bytes == nil && zeros.protection == "rw")
  }

  @Test func `relocations say what was decided and computed`() throws {
    let scratch = try Scratch()
    let image = try linkTwoObjects(["--no-relax"], in: scratch)

    let call = try image.relocation(".text", at: 1)
    #expect(call.file == "main.o" && call.type == "R_X86_64_PLT32" && call.symbol == "helper")
    #expect(call.addend == -4 && call.via == "direct" && call.target == "0x401100" && !call.relaxed)
    #expect(call.change_offset == 1 && call.before == "00000000" && call.after == "fb000000")
    #expect(call.inputs["P"] == "0x401001" && call.inputs["A"] == "0xfffffffffffffffc")

    let load = try image.relocation(".text", at: 2)
    #expect(load.file == "helper.o" && load.type == "R_X86_64_PC32" && load.symbol == "value")
    #expect(load.inputs == ["S": "0x402100", "A": "0xfffffffffffffffc", "P": "0x401102"])

    let pointer = try image.relocation(".data", at: 0)
    #expect(pointer.type == "R_X86_64_64" && pointer.addend == 4 && pointer.via == "direct")
    #expect(pointer.inputs == ["S": "0x402100", "A": "0x4"] && pointer.after == "0421400000000000")

    let slot = try #require(image.map.got.first { $0.file == "main.o" && $0.symbol == "value" })
    #expect(slot.kind == "address")
    let load2 = try image.relocation(".text.references", at: 3)
    #expect(load2.type == "R_X86_64_REX_GOTPCRELX" && load2.via == "got" && load2.target == slot.address)
    let table = try image.section(".got")
    let distance = Int(try number(slot.address) - number(table.address))
    #expect(hexadecimal(try image.bytes(of: table).dropFirst(distance).prefix(8)) == "0021400000000000")

    let stub = try #require(image.map.stubs.first { $0.file == "main.o" && $0.symbol == "far" })
    #expect(stub.target == "0x7fff00000000" && stub.section == ".text.references")
    let far = try image.relocation(".text.references", at: 8)
    #expect(far.via == "stub" && far.target == stub.address)
  }

  @Test func `a rewritten instruction is told from one that loads from the GOT`() throws {
    let scratch = try Scratch()
    let image = try linkTwoObjects(in: scratch)
    let load = try image.relocation(".text.references", at: 3)
    #expect(load.via == "rewritten" && load.relaxed && load.target == "0x402100")
    // mov became lea.
    #expect(load.change_offset < 3 && load.before.contains("8b05") && load.after.contains("8d05"))
  }

  @Test(arguments: ["cxx/exceptions.o", "codemodel/gcc_large_pic.o", "programs/standard_streams_pic.o"])
  func `the bytes of an image are what its map says`(object: String) throws {
    let scratch = try Scratch()
    let path = Command.objects.appending(path: object).path
    let image = try link(["--phantom-externals", path], in: scratch)
    #expect(!image.map.relocations.isEmpty)
    let bytes = try image.map.sections.map { try image.bytes(of: $0) }
    for relocation in image.map.relocations {
      let place = relocation.change_offset..<relocation.change_offset + relocation.after.count / 2
      let section = bytes[relocation.section_position]
      try #require(section.indices.contains(place.lowerBound) && place.upperBound <= section.count)
      #expect(hexadecimal(section[place]) == relocation.after)
      #expect(relocation.before.count == relocation.after.count)
      #expect(image.map.sections[relocation.section_position].name == relocation.section)
    }
    for (position, section) in image.map.sections.enumerated() where section.bytes != nil {
      #expect(bytes[position].count == section.size)
      #expect(section.bytes.map { Int($0.dropLast(4)) } == position)
    }
    // Nothing else is in the folder.
    let files = try FileManager.default.contentsOfDirectory(atPath: image.folder.path)
    #expect(Set(files) == Set(image.map.sections.compactMap(\.bytes) + ["map.json"]))
  }

  @Test func `undefined symbols get addresses that differ, or those of a library`() throws {
    let scratch = try Scratch()
    try assemble("call abs\ncall labs\ncall rand", "calls", in: scratch)
    let none = try Command.weld(["link", "--output-image", "image", "calls.o"], in: scratch.folder)
    #expect(none.status == 2)
    #expect(none.errors.contains("weld: error: calls.o: undefined symbol 'abs'"))
    let phantom = try link(["--phantom-externals", "calls.o"], in: scratch)
    let addresses = try ["abs", "labs", "rand"].map { try phantom.symbol($0).address }
    #expect(Set(addresses).count == 3 && !addresses.contains("0x0"))
    let library = try link(["--library", "libc.so.6", "calls.o"], in: scratch)
    #expect(try number(library.symbol("abs").address) > 0x10_0000)
    #expect(library.map.relocations.allSatisfy { $0.via == "stub" })
  }

  @Test func `names of any kind are themselves in the map`() throws {
    let scratch = try Scratch()
    try assemble(
      #"""
      .section ".odd,na=me", "a"
      .globl "quote\"back\\slash ä"
      "quote\"back\\slash ä": .byte 1
      """#, "odd", in: scratch)
    let image = try link(["--section-address", "odd.o,.odd,na=me=0x500000", "odd.o"], in: scratch)
    #expect(try image.section(".odd,na=me").address == "0x500000")
    // This assembler leaves the backslashes in.
    #expect(try image.symbol(#"quote\"back\\slash ä"#).address == "0x500000")
  }

  @Test func `debug sections are relocated but not loaded`() throws {
    let scratch = try Scratch()
    _ = try scratch.write("int f(void) { return 1; }\n", to: "debug.c")
    try scratch.tool("gcc", ["-g", "-c", "debug.c"])
    let image = try link(["debug.o"], in: scratch)
    let information = try image.section(".debug_info")
    #expect(information.protection == "" && information.address == "0x0")
    #expect(try image.bytes(of: information).count == information.size)
    #expect(image.map.relocations.contains { $0.section == ".debug_info" && $0.symbol == ".text" })
  }

  @Test func `the base address, a synthetic section and the entry can be chosen`() throws {
    let scratch = try Scratch()
    let image = try linkTwoObjects(
      [
        "--no-relax", "--base-address", "0x600000", "--section-address", "main.o,.got=0x700000",
        "--page-size", "0x10000", "--slab-size", "0x1000000", "--alias", "begin=_start", "--entry", "begin",
      ], in: scratch)
    #expect(try image.section(".got").address == "0x700000")
    let others = try number(image.section(".text.references").address)
    #expect((0x60_0000..<0x160_0000).contains(others))
  }

  // MARK: - Executables

  @Test func `an executable of the image runs`() throws {
    let scratch = try Scratch()
    _ = try linkTwoObjects(["--output-elf", "program"], in: scratch)
    #expect(try Command.run(scratch.path("program"), []).status == 42)
    let readelf = try Command.run("readelf", ["-aW", scratch.path("program")])
    #expect(readelf.errors == "" && readelf.output.contains(/Entry point address: +0x401000/))
  }

  @Test(arguments: [
    (
      "powerpc64le-linux-gnu", "qemu-ppc64le", "bl helper\nnop\nli 0, 1\nsc",
      "lis 3, value@ha\nlwa 3, value@l(3)\nblr"
    ),
    (
      "s390x-linux-gnu", "qemu-s390x", "brasl %r14, helper@PLT\nsvc 1",
      "larl %r1, value\nlgf %r2, 0(%r1)\nbr %r14"
    ),
  ])
  func `an executable for another machine runs`(
    triple: String, emulator: String, main: String, helper: String
  ) throws {
    let scratch = try Scratch()
    try assemble(".globl _start\n_start:\n\(main)", "main", in: scratch, triple: triple)
    try assemble(
      ".globl helper\nhelper:\n\(helper)\n.data\n.globl value\nvalue: .long 42", "helper", in: scratch,
      triple: triple)
    let outcome = try Command.weld(
      ["link", "--target", triple, "--output-elf", "program", "main.o", "helper.o"], in: scratch.folder)
    #expect(outcome == Outcome(status: 0, output: "", errors: ""))
    #expect(try Command.run(emulator, [scratch.path("program")]).status == 42)
  }
}
