import Foundation
import Testing
import WeldBytes
import WeldELF
import WeldLink
import WeldMemory

@Suite("LinkGraph: there and back")
struct RoundTripTests {
  static let paths: [String] = {
    let found = FileManager.default.enumerator(atPath: TestObjects.folder.path)?.compactMap { $0 as? String }
    return (found ?? []).filter { $0.hasSuffix(".o") && !$0.contains("/reject/") }.sorted()
  }()

  private static func image(of object: ObjectFile) throws -> LinkMap {
    var options = ImageLinker.Options()
    options.inventsExternals = true
    // What only some values of 20 bits can be added to.
    options.absoluteSymbols["number"] = Address(rawValue: 0x1234_9abc)
    return try ImageLinker.link([.object(object)], options: options)
  }

  /// What a link gave that a reader of memory could tell.
  private static func memory(_ map: LinkMap) -> [String] {
    map.sections.filter { !$0.protection.isEmpty && $0.byteCount > 0 }.map {
      "\($0.name) at \($0.address): \($0.byteCount) bytes, \($0.protection), \($0.contents)"
    }
  }

  @Test(arguments: paths)
  func `an object that was written from its graph links to the same bytes`(path: String) throws {
    let object = try TestObjects.object(path)
    let original = try Self.image(of: object)
    let graph = try LinkGraph(object)
    #expect(!graph.isChanged)
    #expect(try graph.object().bytes.count == object.bytes.count)
    let written = try graph.writeObject()
    #expect(Self.memory(try Self.image(of: written)) == Self.memory(original))
    var edgeCount = 0
    for block in graph.blocks { edgeCount += block.edges.count }
    let decoded = try graph.writeObject()
    #expect(edgeCount == object.relocationCount)
    #expect([UInt8](copying: decoded.bytes.span) == [UInt8](copying: written.bytes.span))
    // Once more from what was written.
    let again = try LinkGraph(written).writeObject()
    #expect(Self.memory(try Self.image(of: again)) == Self.memory(original))
  }

  @Test(arguments: paths)
  func `an object of which everything is live keeps its bytes when it is pruned`(path: String) throws {
    let object = try TestObjects.object(path)
    let original = try Self.image(of: object)
    let graph = try LinkGraph(object)
    for block in graph.blocks { block.isKept = true }
    graph.markLive { _ in true }
    graph.prune()
    #expect(Self.memory(try Self.image(of: graph.writeObject())) == Self.memory(original))
  }

  @Test func `more sections than a symbol can name are written and read`() throws {
    var writer = ObjectWriter.x86_64
    for number in 0..<0xff80 {
      let section = writer.addText([UInt8(truncatingIfNeeded: number)], name: ".text.\(number)")
      if number % 0x1000 == 0 || number > 0xff70 { _ = writer.addSymbol("s\(number)", in: section) }
    }
    let object = try writer.object()
    let symbol = try #require((0..<object.symbolCount).map { object.symbols[$0] }.last)
    #expect(symbol.place == .section(SectionIndex(rawValue: 0xff80)))
    #expect(object.sectionName(SectionIndex(rawValue: 0xff80)) == ".text.65407")
    let graph = try LinkGraph(object)
    #expect(graph.blocks.count == 0xff80)
    let again = try graph.writeObject()
    let read = try LinkGraph(again)
    #expect(read.symbol(named: "s65407")?.block?.contents == [0x7f])
  }
}

extension ObjectFile {
  /// How many relocations there are.
  var relocationCount: Int {
    var count = 0
    for number in 1..<sectionCount {
      let header = section(at: SectionIndex(rawValue: UInt32(number)))
      if header.type == .rela { count += header.fileRange.count / 24 }
    }
    return count
  }
}
