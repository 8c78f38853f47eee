import Testing
import WeldBytes

@Suite("Lists of bytes")
struct BytesListTests {
  @Test func `every part of every piece shows its bytes`() {
    var first = BytesList()
    first.append(Bytes([1, 2, 3]))
    first.append(Bytes([]))
    var list = BytesList()
    list.append(Bytes([4, 5]))
    list.append(contentsOf: first)
    let pieces: [[UInt8]] = [[4, 5], [1, 2, 3], []]
    #expect(list.count == 3)
    for (position, piece) in pieces.enumerated() {
      for offset in 0...piece.count {
        for count in 0...piece.count - offset {
          let found = list.span(position, at: offset, count: count).withUnsafeBytes { Array($0) }
          #expect(found == Array(piece[offset..<offset + count]))
        }
      }
    }
  }

  @Test func `a part outside its piece is a bug of the caller, which ends the process`() async {
    await #expect(processExitsWith: .failure) { _ = Self.list.span(0, at: 1, count: 2).byteCount }
    await #expect(processExitsWith: .failure) { _ = Self.list.span(0, at: -1, count: 1).byteCount }
    await #expect(processExitsWith: .failure) { _ = Self.list.span(0, at: .max, count: 1).byteCount }
    await #expect(processExitsWith: .failure) { _ = Self.list.span(1, at: 0, count: 0).byteCount }
  }

  /// One piece of two bytes.
  static var list: BytesList {
    var list = BytesList()
    list.append(Bytes([1, 2]))
    return list
  }
}
