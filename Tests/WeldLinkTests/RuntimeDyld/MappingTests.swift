import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("RuntimeDyld: sections at other addresses")
struct MappingTests {
  /// Objects with calls, loads that are rewritten where that is possible, a switch's table, and frames.
  private static let objects = Result {
    try [
      Assembler.object(
        "a.o",
        """
        .globl f
        f: .cfi_startproc
        call g
        mov far@GOTPCREL(%rip), %rax
        cmp far@GOTPCREL(%rip), %rbx
        call *far@GOTPCREL(%rip)
        jmp *g@GOTPCREL(%rip)
        lea table(%rip), %rcx
        .cfi_endproc
        .section .rodata
        table: .long f - table, g - table
        .data
        .quad f, g, far, common, chosen
        .comm common, 24, 8
        .type chosen, @gnu_indirect_function
        .text
        chosen: ret
        """),
      Assembler.object("b.o", ".globl g\ng: call f\ncall far\nmov common(%rip), %edx\nret"),
    ]
  }

  /// A linker whose sections lie, one after another, from `base` on.
  private func link(from base: UInt64, far: UInt64 = 0x60_0000) throws -> LinkedImage {
    let image = try LinkedImage(Self.objects.get(), knowing: ["far": far])
    try image.spread(from: base)
    return image
  }

  private func bytes(_ image: LinkedImage) throws -> [[UInt8]] {
    try image.linker.sections().map { try image.linker.contents(of: $0.id) }
  }

  @Test func `moved and resolved again, the bytes are those of a fresh link`() throws {
    let places: [UInt64] = [0x40_0000, 0x7f00_0000_0000, 0x10_0000, 0x5500_1234_0000]
    let moved = try link(from: places[0])
    try moved.resolve()
    for place in places + places.reversed() {
      try moved.spread(from: place)
      try moved.resolve()
      let fresh = try link(from: place)
      try fresh.resolve()
      #expect(try bytes(moved) == bytes(fresh))
      #expect(try moved.linker.symbolTable() == fresh.linker.symbolTable())
    }
  }

  @Test func `resolved twice, nothing changes`() throws {
    let image = try link(from: 0x40_0000)
    try image.resolve()
    let once = try bytes(image)
    try image.resolve()
    #expect(try bytes(image) == once)
  }

  @Test func `a move takes effect with the next resolving`() throws {
    let image = try link(from: 0x40_0000)
    try image.resolve()
    let before = try bytes(image)
    try image.spread(from: 0x7000_0000)
    #expect(try bytes(image) == before)
    // Addresses are known at once.
    #expect(try image.address(of: "f") == image.section(".text", of: "a.o").address.rawValue)
    try image.resolve()
    #expect(try bytes(image) != before)
  }

  @Test func `bytes do not depend on where the memory is`() throws {
    let images = try [0x1000_0000, 0x7f12_3456_7000].map { base in
      try LinkedImage(Self.objects.get(), knowing: ["far": 0x60_0000], base: base)
    }
    for image in images {
      try image.spread(from: 0x40_0000)
      try image.resolve()
    }
    #expect(try bytes(images[0]) == bytes(images[1]))
  }

  @Test func `contents are zeros before the first resolving, and refused after finalizing`() throws {
    let image = try link(from: 0x40_0000)
    let sections = try image.linker.sections()
    for section in sections {
      #expect(try image.linker.contents(of: section.id) == [UInt8](repeating: 0, count: section.byteCount))
    }
    try image.linker.finalize()
    for section in sections {
      #expect(throws: LinkError.wrongOrder("contents must come before finalize")) {
        try image.linker.contents(of: section.id)
      }
      #expect(throws: LinkError.wrongOrder("mapSection must come before finalize")) {
        try image.linker.mapSection(section.id, to: .zero)
      }
    }
    // Finalizing again, and resolving, have nothing left to do.
    try image.linker.finalize()
    try image.linker.resolveRelocations()
  }

  @Test func `what is not finalized can still be moved`() throws {
    let image = try link(from: 0x40_0000)
    try image.linker.finalize()
    var object = ObjectWriter.x86_64
    let data = object.addData([UInt8](repeating: 0, count: 8), name: ".late")
    object.relocate(data, at: 0, .R_X86_64_64, object.addSymbol("late", in: data))
    try image.linker.load(object.object("late.o"))
    try image.map(".late", to: 0x1234_5678)
    try image.resolve()
    #expect(try image.words(".late") == [0x1234_5678])
    #expect(image.address(of: "f") == 0x40_0000)
  }
}
