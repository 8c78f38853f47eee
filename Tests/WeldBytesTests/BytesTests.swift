import Testing
import WeldBytes

@Suite("Bytes")
struct BytesTests {
  @Test func `an array's bytes are copied`() {
    var array: [UInt8] = [1, 2, 3]
    let bytes = Bytes(array)
    array[0] = 9
    #expect(self.array(of: bytes) == [1, 2, 3])
    #expect(bytes.count == 3)
  }

  @Test func `no bytes are bytes too`() throws {
    let bytes = Bytes([])
    #expect(bytes.count == 0)
    #expect(array(of: bytes) == [])
    #expect(try bytes.extracting(0..<0).count == 0)
  }

  @Test func `every part, and every part of a part, shows its bytes`() throws {
    let bytes = Bytes([10, 11, 12, 13, 14, 15])
    for start in 0...6 {
      for end in start...6 {
        let part = try bytes.extracting(start..<end)
        #expect(array(of: part) == (start..<end).map { UInt8(10 + $0) })
        for inner in 0...part.count {
          #expect(
            array(of: try part.extracting(inner..<part.count)) == (start + inner..<end).map { UInt8(10 + $0) }
          )
        }
      }
    }
  }

  @Test(arguments: [-1..<1, 0..<4, 3..<4, 4..<4, 0..<Int.max, Int.min..<0, Int.min..<Int.max])
  func `a part that is not inside is out of bounds`(range: Range<Int>) {
    let bytes = Bytes([1, 2, 3])
    let count = range.upperBound &- range.lowerBound
    #expect(throws: OutOfBounds(offset: range.lowerBound, byteCount: count)) { try bytes.extracting(range) }
  }

  @Test func `a part of a part cannot reach outside of it`() throws {
    let part = try Bytes([1, 2, 3, 4]).extracting(1..<3)
    #expect(throws: OutOfBounds(offset: 0, byteCount: 3)) { try part.extracting(0..<3) }
    #expect(throws: OutOfBounds(offset: 2, byteCount: 1)) {
      try part.span.load(UInt8.self, at: 2, order: .little)
    }
  }

  @Test func `the owner lives as long as the last part`() throws {
    let log = Log()
    let block = UnsafeMutableRawPointer.allocate(byteCount: 4, alignment: 1)
    defer { block.deallocate() }
    block.copyMemory(from: [1, 2, 3, 4] as [UInt8], byteCount: 4)
    var bytes: Bytes? = Bytes(unsafeStart: UnsafeRawPointer(block), count: 4, owner: Owner(log: log))
    var part: Bytes? = try bytes?.extracting(1..<3)
    bytes = nil
    #expect(log.deaths == 0)
    #expect(part.map { array(of: $0) } == [2, 3])
    part = nil
    #expect(log.deaths == 1)
  }

  private func array(of bytes: Bytes) -> [UInt8] { bytes.span.withUnsafeBytes { Array($0) } }

  /// Counts the owners that were released; used by one test only, on one thread.
  private final class Log: @unchecked Sendable {
    var deaths = 0
  }

  private final class Owner: Sendable {
    let log: Log
    init(log: Log) { self.log = log }
    deinit { log.deaths += 1 }
  }
}
