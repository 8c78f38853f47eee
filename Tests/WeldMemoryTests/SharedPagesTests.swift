import Glibc
import Synchronization
import Testing
import WeldBytes

@testable import WeldMemory

@Suite("Pages that small allocations share")
struct SharedPagesTests {
  @Test func `code runs, and finds its constants and variables`() throws {
    let memory = try mappedMemory()
    let first = try memory.place(7)
    let second = try memory.place(-8)
    let found = [first.segments, second.segments]
    #expect(call(found[0][0].address) == 7)
    #expect(call(found[1][0].address) == -8)
    #expect(number(at: found[0][1].address).pointee == 7)
    #expect(number(at: found[1][2].address).pointee == -8)
    number(at: found[1][2].address).pointee = 5
    #expect(number(at: found[0][2].address).pointee == 7)
    _ = consume first
    _ = consume second
  }

  @Test func `small allocations share pages, and lie in the window`() throws {
    let memory = try mappedMemory(windowByteCount: 1 << 26)
    let first = try memory.place(1)
    let second = try memory.place(2)
    let found = [first.segments, second.segments]
    let window = memory.windowStart..<memory.windowStart.advanced(by: 1 << 26)
    for (left, right) in zip(found[0], found[1]) {
      #expect(left.address.rawValue >> 12 == right.address.rawValue >> 12)
      #expect(window.contains(left.address))
    }
    let low = try mappedMemory(windowByteCount: 1 << 24, placement: .low)
    let allocation = try low.place(3)
    let address = allocation.segments[0].address
    #expect(address.rawValue < 1 << 31)
    #expect(call(address) == 3)
    _ = consume first
    _ = consume second
  }

  /// From a cache line to beyond a page; whatever has no pages in common with others, too.
  @Test(arguments: [1, 8, 64, 256, 4096, 1 << 13, 1 << 16])
  func `segments begin at multiples of their alignment`(alignment: Int) throws {
    let memory = try mappedMemory(windowByteCount: 1 << 26)
    let before = try memory.place(1)
    let segments = small.map {
      SegmentRequest(
        protection: $0.protection, contentByteCount: 8, byteCount: $0.byteCount + 8, alignment: alignment)
    }
    let allocation = try memory.place(9, segments + segments)
    let found = allocation.segments.map(\.address)
    for address in found { #expect(address.rawValue % UInt64(alignment) == 0) }
    #expect(Set(found).count == 6)
    #expect(call(found[0]) == 9)
    #expect(call(found[3]) == 9)
    _ = consume before
  }

  /// Around the limit up to which pages are shared, and far beyond.
  @Test(arguments: [65000, 65536, 66000, 1 << 20, 5 << 20])
  func `large batches get what they need`(byteCount: Int) throws {
    let memory = try mappedMemory()
    let segments = small.map {
      SegmentRequest(
        protection: $0.protection, contentByteCount: 8, byteCount: byteCount / 3 + 10, alignment: 64)
    }
    let allocation = try memory.place(4, segments)
    let found = allocation.segments.map(\.address)
    #expect(call(found[0]) == 4)
    #expect(number(at: found[2]).pointee == 4)
    number(at: found[2].advanced(by: UInt64(byteCount / 3))).pointee = 6
    let access = try found.map { try protection(at: $0.rawValue) }
    #expect(access == ["r-x", "r--", "rw-"])
    _ = consume allocation
  }

  @Test func `a batch without memory, and segments without bytes, are none the worse`() throws {
    let memory = try mappedMemory()
    let nothing = try memory.allocate([])
    let none = try nothing.finalize(FinalizeWork())
    let empty = SegmentRequest(protection: .read, contentByteCount: 0, byteCount: 0, alignment: 1)
    let allocation = try memory.allocate([empty, empty]).finalize(FinalizeWork())
    let found = allocation.segments.map(\.address)
    #expect(found[0] != found[1])
    _ = consume none
  }

  @Test func `memory is zero, whoever had it before`() throws {
    let memory = try mappedMemory(windowByteCount: 1 << 24)
    var addresses: Set<Address> = []
    var again = 0
    for _ in 0..<20_000 {
      var allocation = try memory.allocate([variables])
      let placement = allocation.segments[0]
      let bytes = allocation.bytes
      guard areZero(bytes.bytes, placement.workingByteCount) else { throw MemoryError.tooLarge }
      let finalized = try allocation.finalize(FinalizeWork())
      let words = UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(bitPattern: UInt(placement.address.rawValue)), count: 24)
      guard words.allSatisfy({ $0 == 0 }) else { throw MemoryError.tooLarge }
      for index in words.indices { words[index] = 0xff }
      if !addresses.insert(placement.address).inserted { again += 1 }
      _ = consume finalized
    }
    #expect(again > 1000)
  }

  @Test func `what is dropped is used again, code only after all cores know`() throws {
    for synchronization in [CoreSynchronization(), .unavailable] {
      let memory = try mappedMemory(windowByteCount: 1 << 24, synchronization: synchronization)
      let kept = try memory.place(1)
      let page = kept.segments[0].address.rawValue >> 12
      var samePage: Set<UInt64> = []
      var (all, twice, twiceInPage): (Set<UInt64>, Int, Int) = ([], 0, 0)
      for round in 0..<20_000 {
        let other = try memory.place(Int32(round))
        let address = other.segments[0].address
        guard call(address) == round else { throw MemoryError.tooLarge }
        if address.rawValue >> 12 == page, !samePage.insert(address.rawValue).inserted { twiceInPage += 1 }
        if !all.insert(address.rawValue).inserted { twice += 1 }
      }
      #expect(twice > 1000)
      // Without a way to tell the cores, pages are used again as a whole only, and this one is in use.
      #expect((twiceInPage > 0) == synchronization.synchronize())
      let address = kept.segments[0].address
      #expect(call(address) == 1)
      _ = consume kept
    }
  }

  @Test func `many are added and removed, and the process is as it was`() async {
    await #expect(processExitsWith: .success) {
      let memory = try mappedMemory()
      let kept = try memory.place(1)
      func cycle(_ count: Int) throws {
        for _ in 0..<count / 100 {
          // Many at once, of several sizes, in another order than they came.
          var held: [Held] = []
          for number in 0..<100 {
            var segments = small
            segments[0].byteCount += number % 7 * 500
            held.append(Held(try memory.place(Int32(number), segments)))
          }
          for number in 0..<100 { held.swapAt(number, number * 37 % 100) }
          while held.popLast() != nil {}
        }
      }
      try cycle(10_000)
      let before = try Footprint.now(of: memory)
      try cycle(30_000)
      let after = try Footprint.now(of: memory)
      guard after.mappings <= before.mappings else { exit(2) }
      guard after.descriptors == before.descriptors else { exit(3) }
      guard after.residentByteCount <= before.residentByteCount + 2 << 20 else { exit(4) }
      let address = kept.segments[0].address
      guard call(address) == 1 else { exit(5) }
      _ = consume kept
    }
  }

  @Test func `a great many at once go back to the system when they are removed`() async {
    await #expect(processExitsWith: .success) {
      let memory = try mappedMemory()
      func fill() throws {
        var held: [Held] = []
        held.reserveCapacity(10_000)
        var segments = small
        segments[0].byteCount = 2500
        for number in 0..<10_000 { held.append(Held(try memory.place(Int32(number), segments))) }
      }
      // What is opened and mapped once.
      _ = try memory.place(0)
      let before = try Footprint.now(of: memory)
      try fill()
      let after = try Footprint.now(of: memory)
      guard after.mappings <= before.mappings + 12 else { exit(2) }
      guard after.descriptors == before.descriptors else { exit(3) }
      // 25 MB, seen twice, went back, but for what is kept.
      guard after.residentByteCount <= before.residentByteCount + 8 << 20 else { exit(4) }
    }
  }

  @Test func `threads place, run and remove code at the same time`() throws {
    let memory = try mappedMemory(windowByteCount: 1 << 26)
    let wrong = Atomic(0)
    runThreads(4) { thread in
      for round in 0..<5000 {
        let value = Int32(thread * 5000 + round)
        var segments = small
        segments[0].byteCount += round % 9 * 100
        guard let allocation = try? memory.place(value, segments) else {
          wrong.add(1, ordering: .relaxed)
          return
        }
        let found = allocation.segments.map(\.address)
        if call(found[0]) != value || number(at: found[2]).pointee != value {
          wrong.add(1, ordering: .relaxed)
        }
        number(at: found[2]).pointee = -1
      }
    }
    #expect(wrong.load(ordering: .relaxed) == 0)
  }

  @Test func `a window that is full says so, and has room again when something goes`() throws {
    let memory = try mappedMemory(windowByteCount: 1 << 20, placement: .anywhere)
    var held: [Held] = []
    var segments = small
    segments[0].byteCount = 3000
    let error = #expect(throws: MemoryError.self) {
      while true { held.append(Held(try memory.place(Int32(held.count), segments))) }
    }
    guard case .windowFull(_, _, let window) = error else { throw try #require(error) }
    #expect(window == 1 << 20)
    #expect(held.count > 50)
    for (number, one) in held.enumerated() {
      #expect(call(one.code) == number)
    }
    held.removeLast(held.count / 2)
    held.append(Held(try memory.place(1, segments)))
    #expect(throws: MemoryError.self) { _ = try mappedMemory(windowByteCount: 4096).place(1) }
  }

  @Test func `a resolver runs when its code is there, and its slot is written where it can be`() throws {
    let memory = try mappedMemory()
    let slots = SegmentRequest(protection: .read, contentByteCount: 16, byteCount: 16, alignment: 8)
    let allocation = try memory.allocate([text, slots, variables])
    let addresses = allocation.segments.map(\.address)
    _ = consume allocation
    // The next one lies behind it, at the same distances.
    let distance: UInt64 = 64
    let work = FinalizeWork(indirectFunctions: [
      .init(resolver: addresses[0].advanced(by: distance), slot: addresses[1].advanced(by: distance + 8)),
      .init(resolver: addresses[0].advanced(by: distance), slot: addresses[2].advanced(by: distance)),
    ])
    let finalized = try memory.place(0x1234567, [text, slots, variables], work)
    let found = finalized.segments.map(\.address)
    #expect(found[0] == addresses[0].advanced(by: distance))
    #expect(number(at: found[1].advanced(by: 8)).pointee == 0x1234567)
    #expect(number(at: found[2]).pointee == 0x1234567)
    #expect(try protection(at: found[1].rawValue) == "r--")
    _ = consume finalized
  }

  @Test func `the unwinder knows frame descriptions for as long as they are there`() throws {
    let memory = try mappedMemory()
    let frames = SegmentRequest(protection: .read, contentByteCount: 52, byteCount: 52, alignment: 8)
    var allocation = try memory.allocate([text, frames])
    let (function, placement) = (allocation.segments[0].address, allocation.segments[1])
    // A common entry of version 1 (code in bytes, data in -8, return address in register 16), and one for a function
    // of 6 bytes.
    var contents: [UInt8] = [16, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0x78, 16, 0, 0, 0, 0, 0, 0, 0]
    contents += [24, 0, 0, 0, 24, 0, 0, 0]
    contents += (0..<8).map { UInt8(truncatingIfNeeded: function.rawValue >> ($0 * 8)) }
    contents += [6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
    try write(contents, at: placement.workingOffset, to: &allocation)
    #expect(!hasFrame(function))
    let finalized = try allocation.finalize(
      FinalizeWork(frames: .init(address: placement.address, byteCount: 52)))
    #expect(hasFrame(function))
    finalized.deregisterFrames()
    #expect(!hasFrame(function))
    _ = consume finalized
  }

  /// Whether the unwinder finds a description of the function at `address`.
  private func hasFrame(_ address: Address) -> Bool {
    typealias Find = @convention(c) (UInt, UnsafeMutableRawPointer) -> UInt
    let find = UInt(library("_Unwind_Find_FDE").rawValue)
    // Three words: the bases of text and data, and the function's start.
    var bases: (UInt, UInt, UInt) = (0, 0, 0)
    return unsafeBitCast(find, to: Find.self)(UInt(address.rawValue) + 1, &bases) != 0
  }
}
