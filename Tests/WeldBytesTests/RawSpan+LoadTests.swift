import Testing
import WeldBytes

@Suite("Loads")
struct LoadTests {
  @Test(arguments: [ByteOrder.little, .big])
  func `a load gives the value of its bytes, at every offset of every length`(order: ByteOrder) {
    for count in 0...18 {
      // High bits are set in some bytes, so that signs are seen.
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 0x4d &+ 0x71) }
      for offset in -2...count + 2 {
        check(UInt8.self, of: bytes, at: offset, order)
        check(UInt16.self, of: bytes, at: offset, order)
        check(UInt32.self, of: bytes, at: offset, order)
        check(UInt64.self, of: bytes, at: offset, order)
        check(Int8.self, of: bytes, at: offset, order)
        check(Int16.self, of: bytes, at: offset, order)
        check(Int32.self, of: bytes, at: offset, order)
        check(Int64.self, of: bytes, at: offset, order)
      }
    }
  }

  @Test(arguments: [Int.min, Int.min + 7, -8, -1, 1, 7, 8, 9, Int.max - 8, Int.max - 7, Int.max])
  func `the first offset outside and those at the ends of Int are out of bounds`(offset: Int) {
    let bytes = Bytes([1, 2, 3, 4, 5, 6, 7, 8])
    #expect(throws: OutOfBounds(offset: offset, byteCount: 8)) {
      try bytes.span.load(UInt64.self, at: offset, order: .little)
    }
  }

  @Test func `golden values`() throws {
    let bytes = Bytes([0x80, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0xff])
    let bigWord: UInt64 = try bytes.span.load(at: 0, order: .big)
    #expect(bigWord == 0x8001_0203_0405_06ff)
    let littleWord: UInt64 = try bytes.span.load(at: 0, order: .little)
    #expect(littleWord == 0xff06_0504_0302_0180)
    let bigHalf: Int16 = try bytes.span.load(at: 0, order: .big)
    #expect(bigHalf == -0x7fff)
    let littleHalf: Int16 = try bytes.span.load(at: 6, order: .little)
    #expect(littleHalf == -0x00fa)
    let unaligned: UInt32 = try bytes.span.load(at: 3, order: .little)
    #expect(unaligned == 0x0605_0403)
  }

  /// Compares a load with the same value put together byte by byte, or with the error expected.
  private func check<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type, of bytes: [UInt8], at offset: Int, _ order: ByteOrder
  ) {
    let size = MemoryLayout<T>.size
    let found = Result { () throws(OutOfBounds) -> T in try bytes.span.bytes.load(at: offset, order: order) }
    guard offset >= 0, offset + size <= bytes.count else {
      #expect(found == .failure(OutOfBounds(offset: offset, byteCount: size)))
      return
    }
    let stored = bytes[offset..<offset + size]
    let ordered = order == .big ? Array(stored) : stored.reversed()
    let expected = ordered.reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
    #expect(found == .success(T(truncatingIfNeeded: expected)), "\(T.self) at \(offset) of \(bytes.count)")
  }
}
