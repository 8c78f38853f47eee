import Testing
import WeldBytes

@Suite("Stores")
struct StoreTests {
  @Test(arguments: [ByteOrder.little, .big])
  func `a store changes its bytes and no others, at every offset`(order: ByteOrder) {
    for offset in -2...18 {
      check(0xa1 as UInt8, at: offset, order)
      check(0xa1b2 as UInt16, at: offset, order)
      check(0xa1b2_c3d4 as UInt32, at: offset, order)
      check(0xa1b2_c3d4_e5f6_0718 as UInt64, at: offset, order)
      check(-2 as Int32, at: offset, order)
      check(Int64.min + 1, at: offset, order)
    }
  }

  @Test(arguments: [Int.min, -1, 1, 8, Int.max - 7, Int.max])
  func `a store or load outside changes nothing`(offset: Int) {
    var array = [UInt8](repeating: 7, count: 8)
    let error = OutOfBounds(offset: offset, byteCount: 8)
    #expect(store(0 as UInt64, into: &array, at: offset, .little) == error)
    #expect(array == [7, 7, 7, 7, 7, 7, 7, 7])
    #expect(load(UInt64.self, from: &array, at: offset, .little) == .failure(error))
  }

  @Test func `golden bytes`() throws {
    var array = [UInt8](repeating: 0, count: 10)
    #expect(store(0x0102_0304 as UInt32, into: &array, at: 1, .big) == nil)
    #expect(store(-2 as Int16, into: &array, at: 6, .little) == nil)
    #expect(array == [0, 1, 2, 3, 4, 0, 0xfe, 0xff, 0, 0])
  }

  @Test func `copies of every length at every offset`() {
    for count in 0...9 {
      let source = (0..<count).map { UInt8($0 + 1) }
      for offset in -1...10 {
        var array = [UInt8](repeating: 0xee, count: 9)
        var expected = array
        if offset >= 0, offset + count <= 9 {
          expected.replaceSubrange(offset..<offset + count, with: source)
          #expect(copy(source, into: &array, at: offset) == nil)
        } else {
          #expect(copy(source, into: &array, at: offset) == OutOfBounds(offset: offset, byteCount: count))
        }
        #expect(array == expected)
      }
    }
  }

  @Test(arguments: [Int.min, Int.max])
  func `a copy to the ends of Int is out of bounds`(offset: Int) {
    var array: [UInt8] = [1, 2]
    #expect(copy([3], into: &array, at: offset) == OutOfBounds(offset: offset, byteCount: 1))
    #expect(copy([], into: &array, at: offset) == OutOfBounds(offset: offset, byteCount: 0))
    #expect(array == [1, 2])
  }

  /// Stores `value` among 16 bytes and compares all of them, and loads it again.
  private func check<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int, _ order: ByteOrder) {
    let size = MemoryLayout<T>.size
    var array = [UInt8](repeating: 0x55, count: 16)
    let error = store(value, into: &array, at: offset, order)
    var expected = [UInt8](repeating: 0x55, count: 16)
    guard offset >= 0, offset + size <= 16 else {
      #expect(error == OutOfBounds(offset: offset, byteCount: size))
      #expect(array == expected)
      return
    }
    let little = (0..<size).map { UInt8(truncatingIfNeeded: value >> T($0 * 8)) }
    expected.replaceSubrange(offset..<offset + size, with: order == .little ? little : little.reversed())
    #expect(error == nil)
    #expect(array == expected)
    #expect(load(T.self, from: &array, at: offset, order) == .success(value))
  }

  private func store<T: FixedWidthInteger & BitwiseCopyable>(
    _ value: T, into array: inout [UInt8], at offset: Int, _ order: ByteOrder
  ) -> OutOfBounds? {
    var span = array.mutableSpan
    var bytes = span.mutableBytes
    do {
      try bytes.store(value, at: offset, order: order)
      return nil
    } catch {
      return error
    }
  }

  private func load<T: FixedWidthInteger & BitwiseCopyable>(
    _: T.Type, from array: inout [UInt8], at offset: Int, _ order: ByteOrder
  ) -> Result<T, OutOfBounds> {
    var span = array.mutableSpan
    let bytes = span.mutableBytes
    do {
      return .success(try bytes.load(at: offset, order: order))
    } catch {
      return .failure(error)
    }
  }

  private func copy(_ source: [UInt8], into array: inout [UInt8], at offset: Int) -> OutOfBounds? {
    var span = array.mutableSpan
    var bytes = span.mutableBytes
    do {
      try bytes.store(contentsOf: source.span.bytes, at: offset)
      return nil
    } catch {
      return error
    }
  }
}
