import Testing
import WeldBytes
import WeldELF
import WeldLink
import WeldMemory

@Suite("Images: what takes part, and where it lies")
struct ImageLinkerTests {
  private func link(
    _ objects: [ObjectFile], _ change: (inout ImageLinker.Options) -> Void = { _ in }
  ) throws -> LinkMap {
    var options = ImageLinker.Options()
    change(&options)
    return try ImageLinker.link(objects.map { .object($0) }, options: options)
  }

  /// The final bytes at each relocation.
  private func bytes(_ map: LinkMap) -> [[UInt8]] { map.relocations.map(\.after) }

  @Test func `words of the TOC that point into a dropped group are nobody's`() throws {
    let source = """
      .section .text.f, "axG", @progbits, f, comdat
      .weak f
      f: addis 3, 2, .LC0@toc@ha
        ld 3, .LC0@toc@l(3)
        blr
      .section .rodata.f, "aG", @progbits, f, comdat
      .Lt: .long 1, 2, 3
      .section .toc, "aw"
      .LC0: .tc .Lt[TC], .Lt
      """
    let objects = try ["a.o", "b.o"].map { try CrossMachine.ppc64le.object($0, source) }
    let map = try link(objects)
    let words = map.relocations.filter { map.sections[$0.section].name == ".toc" }
    #expect(words.count == 2)
    #expect(words.last?.after == [UInt8](repeating: 0, count: 8))
    #expect(words.first?.after != words.last?.after)
  }

  @Test func `code that finds the thread-local block stays as it is everywhere, if it must somewhere`() throws
  {
    let sequence = """
      leaq v@tlsld(%rip), %rdi
      call __tls_get_addr@PLT
      leaq v@dtpoff(%rax), %rax
      """
    let variable = """

      .section .tbss, "awT", @nobits
      .type v, @object
      v: .zero 8
      """
    let resolver: (inout ImageLinker.Options) -> Void = {
      $0.absoluteSymbols["__tls_get_addr"] = Address(rawValue: 0x2000_0000)
    }
    let plain = try link([Assembler.object("a.o", sequence + variable)], resolver)
    #expect(plain.relocations.map(\.via) == [.rewritten, .nothing, .direct])
    #expect(plain.relocations.last?.after == [0xf8, 0xff, 0xff, 0xff])
    let odd = sequence.replacing("call", with: "nop\ncall")
    let kept = try link([Assembler.object("a.o", sequence + "\n" + odd + variable)], resolver)
    #expect(kept.relocations.map(\.via) == [.got, .direct, .direct, .got, .direct, .direct])
    #expect(kept.relocations.last?.after == [0, 0, 0, 0])
  }

  @Test func `debuggers count thread-local variables from their block`() throws {
    let source = """
      .section .tbss, "awT", @nobits
      .type a, @object
      a: .zero 4
      .type b, @object
      b: .zero 4
      .section .debug_info, "", @progbits
      .quad b@dtpoff, a@dtpoff
      """
    let map = try link([Assembler.object("a.o", source)])
    #expect(map.relocations.map(\.after) == [[4, 0, 0, 0, 0, 0, 0, 0], [UInt8](repeating: 0, count: 8)])
  }

  @Test func `a stub that nobody needs may be out of reach`() throws {
    let object = try Assembler.object("a.o", ".globl f, g\nf: call g@PLT\nret\ng: ret")
    let map = try link([object]) {
      $0.sectionAddresses = [
        SectionAddress(file: "a.o", section: ".text", address: Address(rawValue: 0x7f00_0000_0000))
      ]
    }
    #expect(map.relocations.map(\.via) == [.direct])
    #expect(bytes(map) == [[1, 0, 0, 0]])
  }

  @Test func `text that is cut into parts has stubs behind each, whichever section is pinned`() throws {
    var objects: [ObjectFile] = []
    for name in ["pinned.o", "1.o", "2.o", "3.o"] {
      let room = name == "pinned.o" ? 0 : 20 << 20
      let source = "bl outside\nnop\n.space \(room)\nbl outside\nnop"
      objects.append(try CrossMachine.ppc64le.object(name, source))
    }
    let map = try link(objects) {
      $0.inventsExternals = true
      $0.sectionAddresses = [
        SectionAddress(file: "pinned.o", section: ".text", address: Address(rawValue: 0x800_0000))
      ]
    }
    #expect(map.relocations.map(\.via) == [LinkMap.Via](repeating: .stub, count: 8))
    #expect(Set(map.relocations.map(\.target)).count == 4)
  }

  @Test func `sections of one name lie one after another from the address they are given`() throws {
    let source = """
      .section .text.x, "ax", @progbits, unique, 1
      .long 1
      .section .text.x, "ax", @progbits, unique, 2
      .balign 16
      .long 2
      """
    let object = try Assembler.object("a.o", source)
    let map = try link([object]) {
      $0.sectionAddresses = [
        SectionAddress(file: "a.o", section: ".text.x", address: Address(rawValue: 0x2000_0000))
      ]
    }
    let places = map.sections.filter { $0.name == ".text.x" }.map(\.address.rawValue)
    #expect(places == [0x2000_0000, 0x2000_0010])
  }

  @Test func `names that no object mentions are in the map`() throws {
    let object = try Assembler.object("a.o", ".globl f\nf: ret")
    let map = try link([object]) {
      $0.absoluteSymbols["here"] = Address(rawValue: 5)
      $0.aliases = [Alias("other", for: "f"), Alias("there", for: "here")]
      $0.entry = "there"
    }
    func address(_ name: String) -> UInt64? { map.symbols.first { $0.name == name }?.address.rawValue }
    #expect(address("here") == 5)
    #expect(address("there") == 5)
    #expect(address("other") == address("f"))
    #expect(throws: LinkError.notDefined(symbol: "nothing", suggestions: [])) {
      try link([object]) { $0.entry = "nothing" }
    }
  }

  @Test func `large common symbols have a section`() throws {
    let object = try Assembler.object("a.o", ".largecomm big, 65536, 32\n.comm small, 8, 8")
    let map = try link([object])
    for name in ["big", "small"] {
      let symbol = try #require(map.symbols.first { $0.name == name })
      let section = map.sections[try #require(symbol.section)]
      #expect(section.name == "<common symbols>")
      #expect(symbol.address >= section.address)
      #expect(section.byteCount >= (name == "big" ? 65536 : 8))
    }
  }

  @Test func `the address of an indirect function leads somewhere, or the link fails`() throws {
    let source = ".globl f\n.type f, @gnu_indirect_function\nf: ret\n.data\n.quad f"
    let object = try Assembler.object("a.o", source)
    #expect(try link([object]).relocations.map(\.via) == [.stub])
    let far = SectionAddress(file: "", section: ".got", address: Address(rawValue: 0x7f00_0000_0000))
    #expect {
      try link([object]) { $0.sectionAddresses = [far] }
    } throws: { error in
      guard case LinkError.relocation(.field(.overflow), at: let place) = error else { return false }
      return place.type == "stub" && place.symbol == "f" && place.file == "a.o"
    }
  }

  @Test func `an archive of which nothing is wanted is nothing to link`() {
    #expect(throws: LinkError.nothingToLink) { try link([]) }
  }

  @Test func `a section that is given an address must be there`() throws {
    let object = try Assembler.object("a.o", "ret")
    let place = SectionAddress(file: "a.o", section: ".nothing", address: .zero)
    #expect(throws: LinkError.noSuchSection(file: "a.o", section: ".nothing")) {
      try link([object]) { $0.sectionAddresses = [place] }
    }
  }

  @Test func `the image may be only as large as it is allowed to be`() throws {
    let object = try Assembler.object("a.o", ".bss\n.zero 100000")
    let error = LinkError.memory(.windowFull(needed: 102400, largestFree: 65536, window: 65536))
    #expect(throws: error) { try link([object]) { $0.byteLimit = 65536 } }
  }
}

@Suite("Several batches on other machines")
struct LaterBatchTests {
  @Test func `each batch has routines of its own`() throws {
    let source = ".globl f%\nf%: bl _savegpr0_25\nblr"
    let linker = RuntimeDyld(
      memory: ImageMemory(base: Address(rawValue: 0x1000_0000)), lookup: AbsoluteSymbols())
    for name in ["1", "2"] {
      try linker.load(CrossMachine.ppc64le.object("\(name).o", source.replacing("%", with: name)))
      try linker.resolveRelocations()
    }
    let vias = try linker.linkMap().relocations.map(\.via)
    #expect(vias == [.direct, .direct])
  }

  @Test func `thread-local variables are all in one batch`() throws {
    var options = RuntimeDyld.Options()
    options.linksThreadLocals = true
    let linker = RuntimeDyld(
      memory: ImageMemory(base: Address(rawValue: 0x1000_0000)), lookup: AbsoluteSymbols(), options: options)
    let source = ".section .tbss, \"awT\", @nobits\n.globl v%\nv%: .zero 8"
    try linker.load(Assembler.object("1.o", source.replacing("%", with: "1")))
    try linker.resolveRelocations()
    try linker.load(Assembler.object("2.o", source.replacing("%", with: "2")))
    #expect(
      throws: LinkError.wrongOrder(
        "all objects with thread-local variables must be loaded before the first layout")
    ) { try linker.resolveRelocations() }
  }
}
