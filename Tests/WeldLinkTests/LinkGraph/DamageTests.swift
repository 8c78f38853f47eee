import Testing
import WeldBytes
import WeldELF
import WeldLink

@Suite("LinkGraph: damaged objects give a graph or an error")
struct DamageTests {
  @Test(arguments: RoundTripTests.paths)
  func `bytes at random places have other values`(path: String) throws {
    let object = try TestObjects.object(path)
    let contents = [UInt8](copying: object.bytes.span)
    var random = Random(state: UInt64(contents.count))
    // Most of what is in large files is not looked at.
    for _ in 0..<(contents.count > 50_000 ? 5 : 60) {
      var damaged = contents
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        damaged[Int.random(in: 16..<damaged.count, using: &random)] = [0, 1, 0x7f, 0x80, 0xff].randomElement(
          using: &random)!
      }
      guard let found = try? ObjectFile(Bytes(damaged), name: path) else { continue }
      _ = try? Self.change(found, &random)
    }
  }

  /// Does with the object what can be done with one.
  private static func change(_ object: ObjectFile, _ random: inout Random) throws {
    let graph = try LinkGraph(object)
    for symbol in graph.symbols where Bool.random(using: &random) { symbol.isLive = true }
    for block in graph.blocks where block.byteCount > 1 && Bool.random(using: &random) {
      _ = try? graph.splitBlock(block, at: UInt64.random(in: 1..<block.byteCount, using: &random))
    }
    _ = try graph.writeObject()
    graph.markLive { _ in false }
    graph.prune()
    _ = graph.dump()
    var options = ImageLinker.Options()
    options.inventsExternals = true
    _ = try ImageLinker.link([.object(graph.object())], options: options)
  }
}

/// Numbers that are the same in every run (splitmix64).
private struct Random: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
    return value ^ (value >> 31)
  }
}
