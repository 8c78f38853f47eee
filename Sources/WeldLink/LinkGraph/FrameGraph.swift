internal import WeldBytes
internal import WeldELF

/// The frame descriptions of a block, by the code that they describe (Linux Standard Base, "Exception Frames").
final class FrameGraph {
  let block: LinkGraph.Block
  private var records: [Record] = []
  private let edges: [LinkGraph.Edge]
  /// The positions of descriptions, by the block that they describe.
  private var described: [ObjectIdentifier: [Int]] = [:]
  /// Bytes behind the last record.
  private let tail: Int
  private let bytes: [UInt8]

  private struct Record {
    /// Its bytes.
    var range: Range<Int>
    /// Where what tells records apart is: 0, or the distance back to the record of common information.
    var identifierOffset: Int
    /// The position of that record, if it is a description.
    var common: Int?
    /// The positions of its edges.
    var edges: Range<Int>
    var isLive = false
  }

  /// `nil` if an unwinder could not walk over the records, or if they are named.
  init?(of block: LinkGraph.Block) {
    self.block = block
    let order = block.section.state.byteOrder
    let bytes = block.contents
    self.bytes = bytes
    edges = block.edges
    guard !block.isZeroFill, block.symbols.allSatisfy({ $0.offset == 0 }),
      let end = Self.end(of: bytes, order),
      zip(edges, edges.dropFirst()).allSatisfy({ $0.offset <= $1.offset })
    else { return nil }
    tail = end
    var known: [Int: Int] = [:]
    var position = 0
    var edge = 0
    while position < end {
      var start = position + 4
      var byteCount = Int(Self.word(bytes, at: position, order))
      if byteCount == 0xffff_ffff {
        byteCount = Int(truncatingIfNeeded: Self.longWord(bytes, at: start, order))
        start += 8
      }
      let next = start + byteCount
      let firstEdge = edge
      while edge < edges.count, edges[edge].offset < UInt64(next) { edge += 1 }
      let identifier = Int(Self.word(bytes, at: start, order))
      var record = Record(
        range: position..<next, identifierOffset: start, common: nil, edges: firstEdge..<edge)
      if identifier == 0 {
        known[position] = records.count
      } else {
        guard let common = known[start - identifier] else { return nil }
        record.common = common
        let code = edges[record.edges].first { $0.offset == UInt64(start + 4) }?.target.block
        if let code { described[ObjectIdentifier(code), default: []].append(records.count) }
        // Of code that is nowhere to be found, as of an absolute address.
        record.isLive = code == nil
      }
      records.append(record)
      position = next
    }
  }

  /// Bytes of the records; `nil` if an unwinder could not walk over them.
  private static func end(of bytes: [UInt8], _ order: ByteOrder) -> Int? {
    try? FrameSection.recordByteCount(of: RawSpan(_elements: bytes.span), order: order)
  }

  private static func word(_ bytes: [UInt8], at offset: Int, _ order: ByteOrder) -> UInt32 {
    (try? RawSpan(_elements: bytes.span).load(at: offset, order: order)) ?? 0
  }

  private static func longWord(_ bytes: [UInt8], at offset: Int, _ order: ByteOrder) -> UInt64 {
    (try? RawSpan(_elements: bytes.span).load(at: offset, order: order)) ?? 0
  }

  /// Calls `body` with what the descriptions of nothing in particular refer to.
  func takeUnconditional(_ body: (LinkGraph.Symbol) -> Void) {
    for position in records.indices where records[position].isLive { take(position, body) }
  }

  /// Lets the descriptions of `code` live, and calls `body` with what they refer to.
  func take(describing code: LinkGraph.Block, _ body: (LinkGraph.Symbol) -> Void) {
    for position in described[ObjectIdentifier(code)] ?? [] where !records[position].isLive {
      take(position, body)
    }
  }

  private func take(_ position: Int, _ body: (LinkGraph.Symbol) -> Void) {
    records[position].isLive = true
    for edge in records[position].edges { body(edges[edge].target) }
    guard let common = records[position].common, !records[common].isLive else { return }
    take(common, body)
  }

  /// Removes the descriptions of code that is gone.
  func removeDead() {
    guard records.contains(where: { !$0.isLive }) else { return }
    let order = block.section.state.byteOrder
    var written: [UInt8] = []
    var moved: [LinkGraph.Edge] = []
    var places = [Int](repeating: 0, count: records.count)
    for (position, record) in records.enumerated() where record.isLive {
      let start = written.count
      places[position] = start
      written += bytes[record.range]
      let shift = UInt64(record.range.lowerBound - start)
      if let common = record.common {
        let at = record.identifierOffset - Int(shift)
        var distance: [UInt8] = []
        distance.append(UInt32(truncatingIfNeeded: at - places[common]), order: order)
        written.replaceSubrange(at..<at + 4, with: distance)
      }
      for edge in record.edges {
        var edge = edges[edge]
        edge.offset -= shift
        moved.append(edge)
      }
    }
    written += bytes[tail...]
    block.storage = .bytes(written)
    block.edgeStorage = .decoded(moved)
    block.section.state.isChanged = true
  }
}
