import Synchronization
import Testing
import WeldMemory

@Suite("Instruction cache")
struct InstructionCacheTests {
  @Test(arguments: [false, true])
  func `it is told of code, all of it and nothing else, before memory is final`(sharesPages: Bool) throws {
    let told = Mutex<[(address: Address, byteCount: Int)]>([])
    let cache = InstructionCache { address, byteCount in
      told.withLock { $0.append((address, byteCount)) }
    }
    let memory = try MappedMemory(
      windowByteCount: 1 << 20, placement: .anywhere, sharesPages: sharesPages, instructionCache: cache)
    let allocation = try memory.allocate([
      SegmentRequest(protection: [.read, .execute], contentByteCount: 5000, byteCount: 5000, alignment: 16),
      SegmentRequest(protection: .read, contentByteCount: 10, byteCount: 10, alignment: 1),
      SegmentRequest(protection: [.read, .write], contentByteCount: 10, byteCount: 20, alignment: 1),
    ])
    let text = allocation.segments[0].address
    #expect(told.withLock { $0.isEmpty })
    let finalized = try allocation.finalize(FinalizeWork())
    let found = told.withLock { $0 }
    #expect(found.count == 1)
    #expect(found.first?.address == text)
    #expect(found.first?.byteCount == 5000)
    let count = finalized.segments.count
    #expect(count == 3)
  }
}
