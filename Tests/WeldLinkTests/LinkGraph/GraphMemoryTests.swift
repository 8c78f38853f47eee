import Testing
import WeldBytes
import WeldELF
import WeldLink
import WeldMemory

@Suite("LinkGraph: in a batch")
struct GraphMemoryTests {
  /// Links `object` as plugins do, and returns the bytes of its blocks; calls `change` once memory is allocated.
  private func link(
    _ object: ObjectFile, _ change: (LinkGraph) throws -> Void = { _ in }
  ) throws -> [[UInt8]] {
    let graph = try LinkGraph(object)
    let memory = ImageMemory(base: Address(rawValue: 0x1000_0000))
    let batch = try LinkedBatch(linking: [graph.writeObject()], overridden: []) { _ throws(LinkError) in
      memory
    }
    graph.attach(to: batch, at: 0)
    try change(graph)
    let find = { (_: String) in ResolvedSymbol(address: Address(rawValue: 0x1800_0000), isFunction: true) }
    graph.bind(looking: find)
    for symbol in graph.externalSymbols { #expect(symbol.address != nil, "\(symbol.name)") }
    try graph.update()
    try batch.apply(skipping: [], looking: find)
    graph.noteFixups()
    return graph.blocks.map(\.contents)
  }

  private static let linked: [String] = RoundTripTests.paths.filter { path in
    (try? GraphMemoryTests().link(TestObjects.object(path))) != nil
  }

  @Test func `most test objects can be linked so`() { #expect(Self.linked.count > 80) }

  @Test(arguments: linked)
  func `an object that is written again after allocation links to the same bytes`(path: String) throws {
    let object = try TestObjects.object(path)
    let again = try link(object) { graph in
      for block in graph.blocks where !block.isZeroFill {
        _ = block.edges
        try block.setContents(block.contents)
      }
      #expect(graph.isChanged)
    }
    #expect(try again == link(object))
  }

  @Test func `final bytes are read and written`() throws {
    var writer = ObjectWriter.x86_64
    let data = writer.addData([UInt8](repeating: 0, count: 16), alignment: 8)
    writer.relocate(data, at: 8, .R_X86_64_64, writer.addUndefinedSymbol("out"))
    let graph = try LinkGraph(writer.object())
    let memory = ImageMemory(base: Address(rawValue: 0x1000_0000))
    let batch = try LinkedBatch(linking: [graph.writeObject()], overridden: []) { _ throws(LinkError) in
      memory
    }
    graph.attach(to: batch, at: 0)
    try batch.apply(skipping: []) { _ in ResolvedSymbol(address: Address(rawValue: 77)) }
    let block = try #require(graph.blocks.first)
    #expect(block.address == Address(rawValue: 0x1000_0000))
    #expect(block.contents.words == [0, 0])
    graph.noteFixups()
    #expect(block.contents.words == [0, 77])
    try block.store([5], at: 0)
    #expect(block.contents.words == [5, 77])
    #expect(
      throws: LinkGraphError.contentsSizeChanged(file: "a.o", section: ".data", byteCount: 17, expected: 16)
    ) { try block.store([5], at: 16) }
    #expect(
      throws: LinkGraphError.contentsSizeChanged(file: "a.o", section: ".data", byteCount: 1, expected: 16)
    ) { try block.setContents([5]) }
  }
}
