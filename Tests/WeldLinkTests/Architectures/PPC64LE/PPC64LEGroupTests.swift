import Testing
import WeldELF
import WeldLink

@Suite("Section groups on other machines")
struct PPC64LEGroupTests {
  @Test(arguments: [CrossMachine.ppc64le, .s390x])
  func `of groups of one name the first is kept, and all refer to it`(machine: CrossMachine) throws {
    // LLVM's RuntimeDyld ignores groups, and complains about the second definition or keeps both.
    let objects = try ["a.o", "b.o"].map { name in
      try machine.object(
        name,
        """
        .text
        nop
        .data
        .quad shared, local_of_\(name.first ?? "?")
        .section .data.shared, "awG", @progbits, shared, comdat
        .globl shared
        shared: .quad 7
        .section .data.own, "aw", @progbits
        local_of_\(name.first ?? "?"): .quad 8
        """)
    }
    let image = try CrossImage(machine, objects)
    let shared = try image.address("shared")
    for name in ["a.o", "b.o"] {
      let words = try image.words(".data", of: name, byteCount: 8)
      #expect(words[0] == shared)
      #expect(try words[1] == image.section(".data.own", of: name).address.rawValue)
    }
    #expect(try image.section(".data.shared").address.rawValue == shared)
    let dropped = image.map.sections.filter { $0.file == "b.o" && $0.name == ".data.shared" }
    #expect(dropped.allSatisfy { $0.protection.isEmpty })
  }

  @Test(arguments: [CrossMachine.ppc64le, .s390x])
  func `a reference to a section that was dropped is an error`(machine: CrossMachine) throws {
    let source = """
      .data
      .quad hidden
      .section .data.shared, "awG", @progbits, shared, comdat
      .globl shared
      shared: .quad 7
      hidden: .quad 8
      """
    let objects = try [machine.object("a.o", source), machine.object("b.o", source)]
    let type = machine == .ppc64le ? "R_PPC64_ADDR64" : "R_390_64"
    let error = LinkError.relocation(
      .discardedTarget, type, in: ".data", of: "b.o", to: "hidden")
    #expect(throws: error) { try CrossImage(machine, objects) }
  }
}
