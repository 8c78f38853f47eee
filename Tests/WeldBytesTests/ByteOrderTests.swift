import Testing
import WeldBytes

@Suite("Byte order")
struct ByteOrderTests {
  @Test func `big endian puts the most significant byte first`() {
    #expect(bytes(of: ByteOrder.big.swapped(0x0102_0304 as UInt32)) == [1, 2, 3, 4])
  }

  @Test func `little endian puts the least significant byte first`() {
    #expect(bytes(of: ByteOrder.little.swapped(0x0102_0304 as UInt32)) == [4, 3, 2, 1])
  }

  @Test(arguments: [ByteOrder.little, .big])
  func `converting twice gives the value again`(order: ByteOrder) {
    #expect(order.swapped(order.swapped(0x0123_4567_89ab_cdef as UInt64)) == 0x0123_4567_89ab_cdef)
    #expect(order.swapped(order.swapped(-2 as Int16)) == -2)
    #expect(order.swapped(0x7f as UInt8) == 0x7f)
  }

  /// The bytes as the host keeps them in memory.
  private func bytes(of value: UInt32) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
}
