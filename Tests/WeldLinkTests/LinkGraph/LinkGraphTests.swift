import Testing
import WeldBytes
import WeldELF
import WeldLink
import WeldMemory

@Suite("LinkGraph")
struct LinkGraphTests {
  private static let call = X86_64Relocation.R_X86_64_PLT32.rawValue
  private static let word = X86_64Relocation.R_X86_64_64.rawValue

  private func graph() -> LinkGraph { LinkGraph(name: "g", machine: .x86_64, byteOrder: .little) }

  private func image(
    of graph: LinkGraph, _ externals: [String: UInt64] = [:]
  ) throws -> LinkMap {
    var options = ImageLinker.Options()
    options.absoluteSymbols = externals.mapValues { Address(rawValue: $0) }
    return try ImageLinker.link([.object(graph.object())], options: options)
  }

  @Test func `a graph made from nothing is linked`() throws {
    let graph = graph()
    let text = graph.createSection(".text", flags: [.alloc, .executable])
    let data = graph.createSection(".data", flags: [.alloc, .write])
    let bss = graph.createSection(".bss", type: .nobits, flags: [.alloc, .write])
    let code = try graph.createContentBlock(in: text, [0xe8, 0, 0, 0, 0, 0xc3], alignment: 16)
    let words = try graph.createContentBlock(in: data, [UInt8](repeating: 0, count: 16), alignment: 8)
    let zeros = try graph.createZeroFillBlock(in: bss, byteCount: 32, alignment: 32)
    let start = try graph.addDefinedSymbol("start", in: code, size: 6, isCallable: true)
    let room = try graph.addDefinedSymbol("room", in: zeros, size: 32, scope: .hidden)
    let far = graph.addExternalSymbol("far")
    let five = graph.addAbsoluteSymbol("five", value: 5, scope: .local)
    try code.addEdge(.init(.relocation(Self.call), at: 1, to: far, addend: -4))
    try words.addEdge(.init(.relocation(Self.word), at: 8, to: five))
    try words.addEdge(.init(.relocation(Self.word), at: 0, to: room, addend: 3))
    #expect(words.edges.map(\.offset) == [0, 8])
    #expect(start.isCallable && start.linkage == .strong && start.scope == .default && start.offset == 0)
    #expect(room.scope == .hidden && five.isAbsolute && five.scope == .local && far.isExternal)
    #expect(graph.sections.map(\.name) == [".text", ".data", ".bss"])
    #expect(text.protection == [.read, .execute] && data.protection == [.read, .write])
    #expect(graph.definedSymbols.count == 2 && graph.externalSymbols.count == 1)
    let map = try image(of: graph, ["far": 0x1000_0000])
    let address = { name in try #require(map.symbols.first { $0.name == name }).address.rawValue }
    let section = { name in try #require(map.sections.first { $0.name == name }) }
    #expect(try section(".data").contents.words == [try address("room") + 3, 5])
    #expect(try section(".bss").byteCount == 32)
    let distance = 0x1000_0000 &- (try address("start")) &- 5
    #expect(try section(".text").contents.integer(at: 1, byteCount: 4) == distance & 0xffff_ffff)
  }

  @Test func `what makes no sense is refused`() throws {
    let graph = graph()
    let other = self.graph()
    let data = graph.createSection(".data", flags: [.alloc, .write])
    let block = try graph.createContentBlock(in: data, [UInt8](repeating: 1, count: 12))
    let zeros = try graph.createZeroFillBlock(in: data, byteCount: 8)
    let symbol = try graph.addDefinedSymbol("s", in: block)
    let edge = LinkGraph.Edge(.relocation(Self.word), at: 4, to: symbol)
    func error(_ body: () throws -> Void) -> LinkGraphError? {
      #expect(throws: LinkGraphError.self) { try body() }
    }
    #expect(
      error { try block.addEdge(.init(.relocation(Self.word), at: 5, to: symbol)) }
        == .edgeOutsideBlock(file: "g", section: ".data", offset: 5, byteCount: 12))
    #expect(
      error { try block.addEdge(.init(.relocation(Self.word), at: .max, to: symbol)) }
        == .edgeOutsideBlock(file: "g", section: ".data", offset: .max, byteCount: 12))
    #expect(
      error { try block.addEdge(.init(.keepAlive, at: 0, to: other.addExternalSymbol("x"))) }
        == .foreignSymbol(file: "g", symbol: "x"))
    #expect(error { try zeros.addEdge(edge) } == .zeroFill(file: "g", section: ".data"))
    #expect(error { try zeros.setContents([]) } == .zeroFill(file: "g", section: ".data"))
    #expect(
      error { _ = try graph.addDefinedSymbol("t", in: block, at: 8, size: 5) }
        == .symbolOutsideBlock(file: "g", section: ".data", symbol: "t", offset: 8, size: 5, byteCount: 12))
    #expect(
      error { _ = try other.addDefinedSymbol("t", in: block) } == .foreignBlock(file: "g", section: ".data"))
    #expect(
      error { _ = try graph.createContentBlock(in: data, [], alignment: 3) }
        == .notPowerOfTwo(file: "g", section: ".data", alignment: 3))
    #expect(
      error { _ = try graph.splitBlock(block, at: 12) }
        == .splitOutsideBlock(file: "g", section: ".data", offset: 12, byteCount: 12))
    try block.addEdge(edge)
    #expect(
      error { _ = try graph.splitBlock(block, at: 8) }
        == .splitInsideEdge(file: "g", section: ".data", offset: 8, edgeOffset: 4, type: "R_X86_64_64"))
    #expect(
      error { try block.setContents([1]) }
        == .edgeOutsideBlock(file: "g", section: ".data", offset: 4, byteCount: 1))
    graph.removeSymbol(symbol)
    #expect(error { try graph.makeExternal(symbol) } == .foreignSymbol(file: "g", symbol: "s"))
    #expect(
      throws: LinkError.graph(.targetRemoved(file: "g", section: ".data", offset: 4, symbol: "s"))
    ) { try graph.object() }
    block.removeEdges { $0.target === symbol }
    _ = try graph.object()
  }

  @Test func `a block is split with its symbols and edges, and the parts stay together`() throws {
    let graph = graph()
    let data = graph.createSection(".data", flags: [.alloc, .write])
    _ = try graph.createContentBlock(in: data, [9], alignment: 1)
    let block = try graph.createContentBlock(in: data, (0..<24).map { UInt8($0) }, alignment: 16)
    let last = try graph.createContentBlock(in: data, [7], alignment: 1)
    let a = try graph.addDefinedSymbol("a", in: block)
    let b = try graph.addDefinedSymbol("b", in: block, at: 16, size: 8)
    let out = graph.addExternalSymbol("out")
    try block.addEdge(.init(.relocation(Self.word), at: 0, to: out))
    try block.addEdge(.init(.relocation(Self.word), at: 16, to: out, addend: 1))
    let tail = try graph.splitBlock(block, at: 12)
    let end = try graph.splitBlock(tail, at: 4)
    #expect(graph.blocks.map(\.byteCount) == [1, 12, 4, 8, 1])
    #expect(graph.blocks[3] === end && graph.blocks[4] === last && data.blocks.count == 5)
    #expect(tail.contents == [12, 13, 14, 15] && tail.alignment == 4)
    #expect(a.block === block && b.block === end && b.offset == 0)
    #expect(block.edges.map(\.offset) == [0] && tail.edges.isEmpty && end.edges.map(\.offset) == [0])
    let map = try image(of: graph, ["out": 0x100])
    let addresses = map.sections.filter { $0.name == ".data" }.map(\.address.rawValue)
    #expect(addresses[1] % 16 == 0)
    #expect(addresses[2] == addresses[1] + 12 && addresses[3] == addresses[1] + 16)
    let contents = map.sections.filter { $0.name == ".data" }.map(\.contents)
    #expect(contents[1].integer(at: 0, byteCount: 8) == 0x100)
    #expect(contents[3].integer(at: 0, byteCount: 8) == 0x101)
  }

  @Test func `symbols become external, absolute and defined`() throws {
    let graph = graph()
    let data = graph.createSection(".data", flags: [.alloc, .write])
    let block = try graph.createContentBlock(in: data, [UInt8](repeating: 0, count: 24))
    let symbols = try (0..<3).map { try graph.addDefinedSymbol("s\($0)", in: block, at: UInt64($0)) }
    for (position, symbol) in symbols.enumerated() {
      try block.addEdge(.init(.relocation(Self.word), at: UInt64(position * 8), to: symbol))
    }
    try graph.makeExternal(symbols[0])
    try graph.makeAbsolute(symbols[1], value: 77)
    try graph.makeExternal(symbols[2])
    try graph.makeDefined(symbols[2], in: block, at: 5, scope: .local)
    #expect(block.symbols.map(\.name) == ["s2"])
    symbols[0].name = "renamed"
    let map = try image(of: graph, ["renamed": 66])
    let section = try #require(map.sections.first { $0.name == ".data" })
    #expect(section.contents.words == [66, 77, section.address.rawValue + 5])
  }

  @Test func `symbols and blocks move`() throws {
    let graph = graph()
    let data = graph.createSection(".data", flags: [.alloc, .write])
    let constants = graph.createSection(".rodata", flags: [.alloc])
    let first = try graph.createContentBlock(in: data, [1, 0, 0, 0, 0, 0, 0, 0])
    let second = try graph.createContentBlock(in: data, [2, 0, 0, 0, 0, 0, 0, 0])
    let symbol = try graph.addDefinedSymbol("s", in: first, size: 8, linkage: .weak, scope: .hidden)
    try graph.transferDefinedSymbol(symbol, to: second, at: 4, size: 2)
    try graph.transferBlock(second, to: constants)
    try second.setAlignment(32)
    #expect(first.symbols.isEmpty && second.symbols.count == 1)
    #expect(symbol.offset == 4 && symbol.size == 2 && symbol.linkage == .weak && symbol.scope == .hidden)
    #expect(data.blocks.count == 1 && constants.symbols.count == 1 && graph.blocks.count == 2)
    let map = try image(of: graph)
    #expect(map.sections.first { $0.name == ".rodata" }?.alignment == 32)
    graph.removeBlock(second)
    #expect(symbol.isRemoved && constants.blocks.isEmpty && graph.symbols.isEmpty)
    #expect(try image(of: graph).sections.filter { $0.name == ".rodata" }.isEmpty)
  }

  @Test func `what is reached lives, and with it what is linked to it`() throws {
    var writer = ObjectWriter.x86_64
    let used = writer.addText([UInt8](repeating: 0x90, count: 8), name: ".text.used")
    let unused = writer.addText([UInt8](repeating: 0x90, count: 8), name: ".text.unused")
    let note = { (writer: inout ObjectWriter, text: ObjectWriter.SectionID) in
      let section = writer.addSection("patch", flags: [.alloc, .linkOrder], contents: [1])
      writer.link(section, to: text)
    }
    let data = writer.addData([UInt8](repeating: 0, count: 8), name: ".data.used")
    _ = writer.addData([4], name: ".data.unused")
    let kept = writer.addSection(".data.kept", flags: [.alloc, .write, .retain], contents: [3])
    note(&writer, used)
    note(&writer, unused)
    _ = kept
    let debug = writer.addSection(".debug_info", flags: [], contents: [UInt8](repeating: 0, count: 16))
    let dead = writer.addSymbol("dead", in: unused)
    writer.relocate(debug, at: 0, .R_X86_64_64, dead)
    let live = writer.addSymbol("live", in: used)
    writer.relocate(debug, at: 8, .R_X86_64_64, live)
    writer.relocate(used, at: 0, .R_X86_64_64, writer.addSymbol("data", in: data, binding: .local))
    writer.relocate(data, at: 0, .R_X86_64_64, writer.addUndefinedSymbol("needed"))
    writer.relocate(unused, at: 0, .R_X86_64_64, writer.addUndefinedSymbol("missing"))
    let graph = try LinkGraph(writer.object())
    graph.markLive { $0.name == "live" }
    graph.prune()
    #expect(
      graph.blocks.map(\.section.name)
        == [".text.used", ".data.used", ".data.kept", "patch", ".debug_info"])
    #expect(graph.symbols.map(\.name) == ["data", "live", "needed"])
    let object = try graph.object()
    #expect(try LinkGraph(object).blocks.count == 5)
    #expect(object.relocationCount == 3)
  }

  @Test func `text shows sections, blocks, symbols and edges`() throws {
    let graph = graph()
    let text = graph.createSection(".text", flags: [.alloc, .executable])
    let code = try graph.createContentBlock(in: text, [0xe8, 0, 0, 0, 0], alignment: 16)
    _ = try graph.addDefinedSymbol("f", in: code, size: 5, scope: .hidden, isCallable: true)
    try code.addEdge(.init(.relocation(Self.call), at: 1, to: graph.addExternalSymbol("g"), addend: -4))
    #expect(
      graph.dump() == """
        graph g (x86_64)
        section .text PROGBITS AX
          block: 5 bytes, aligned to 16
            +0x0 'f', 5 bytes, hidden, function
            +0x1 R_X86_64_PLT32 -> 'g' - 4
          'g', 0 bytes, external

        """)
  }

  @Test(arguments: [4, 0])
  func `relocations that no graph can hold are errors`(symbol: UInt32) throws {
    var writer = ObjectWriter.x86_64
    let text = writer.addText([UInt8](repeating: 0, count: 8))
    writer.relocate(text, at: 0, .R_X86_64_64, nil)
    let object = try writer.object().changingRelocation { $0.symbol = SymbolIndex(rawValue: symbol) }
    guard symbol > 0 else {
      let graph = try LinkGraph(object)
      #expect(graph.blocks[0].edges.map { $0.target === graph.nullSymbol } == [true])
      return
    }
    #expect(throws: LinkError.self) { try LinkGraph(object) }
  }
}
