import Foundation
import Testing
import Weld

@Suite("Dispatch in this process")
struct DispatchTests {
  private typealias Dispatch =
    @convention(c) (UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?, Int) -> lldiv_t

  private let executor = InProcessExecutor()

  /// Makes a call as linked code does.
  private func call(_ tag: Address, _ arguments: [UInt8]) -> lldiv_t {
    let (function, context) = executor.dispatch
    func pointer(_ address: Address) -> UnsafeRawPointer? {
      UnsafeRawPointer(bitPattern: UInt(address.rawValue))
    }
    return arguments.withUnsafeBytes {
      unsafeBitCast(pointer(function), to: Dispatch.self)(
        pointer(context), pointer(tag), $0.baseAddress, $0.count)
    }
  }

  @Test func `returns what handlers answer, in two forms`() throws {
    let tag = Address(rawValue: 0x1000)
    executor.setDispatchHandler(for: tag) { $0.reversed() }
    defer { executor.setDispatchHandler(for: tag, nil) }
    for count in 0...20 {
      let bytes = (0..<count).map { UInt8($0 + 1) }
      var result = call(tag, bytes)
      #expect(result.rem == count)
      if count <= 8 {
        #expect(withUnsafeBytes(of: &result.quot) { Array($0.prefix(count)) } == bytes.reversed())
      } else {
        let block = try #require(UnsafeMutableRawPointer(bitPattern: Int(result.quot)))
        #expect(Array(UnsafeRawBufferPointer(start: block, count: count)) == bytes.reversed())
        free(block)
      }
    }
  }

  @Test func `is empty without a handler`() {
    let tag = Address(rawValue: 0x1001)
    #expect(call(tag, [1, 2]).rem == 0)
    executor.setDispatchHandler(for: tag) { _ in [1] }
    #expect(call(tag, []).rem == 1)
    executor.setDispatchHandler(for: tag, nil)
    let result = call(tag, [])
    #expect(result.rem == 0)
    #expect(result.quot == 0)
  }

  @Test func `words are written whole, or not at all`() throws {
    let words = UnsafeMutablePointer<UInt64>.allocate(capacity: 2)
    defer { words.deallocate() }
    words.initialize(repeating: 0, count: 2)
    let address = Address(rawValue: UInt64(UInt(bitPattern: words)))
    try executor.write(words: [
      ExecutorWord(0x0102_0304_0506_0708, at: address), ExecutorWord(9, at: address.advanced(by: 8)),
    ])
    #expect(words[0] == 0x0102_0304_0506_0708)
    #expect(words[1] == 9)
    #expect(throws: ExecutorError.self) {
      try executor.write(words: [
        ExecutorWord(1, at: address), ExecutorWord(1, at: address.advanced(by: 4)),
      ])
    }
    #expect(words[0] == 0x0102_0304_0506_0708)
  }
}
