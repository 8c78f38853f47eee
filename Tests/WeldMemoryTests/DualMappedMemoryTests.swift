import Foundation
import Glibc
import Synchronization
import Testing
import WeldBytes

@testable import WeldMemory

/// A `@convention(c)` function without parameters.
private typealias IntFunction = @convention(c) () -> Int32

/// `mov $number, %eax; ret`
private func code(returning number: Int32) -> [UInt8] {
  [0xb8] + (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } + [0xc3]
}

private func call(_ address: Address) -> Int32 {
  unsafeBitCast(UInt(address.rawValue), to: IntFunction.self)()
}

/// A function of the process.
private func library(_ name: String) -> Address {
  Address(rawValue: UInt64(UInt(bitPattern: dlsym(nil, name))))
}

/// The number at an address.
private func number(at address: Address) -> UnsafeMutablePointer<Int32> {
  guard let pointer = UnsafeMutablePointer<Int32>(bitPattern: UInt(address.rawValue)) else {
    fatalError("no address")
  }
  return pointer
}

private let text = SegmentRequest(
  protection: [.read, .execute], contentByteCount: 6, byteCount: 6, alignment: 16)
private let constants = SegmentRequest(protection: .read, contentByteCount: 8, byteCount: 8, alignment: 8)
private let variables = SegmentRequest(
  protection: [.read, .write], contentByteCount: 8, byteCount: 24, alignment: 8)
private let small = [text, constants, variables]

/// Writes a function that returns `number` to code, and `number` to everything else.
private func write(_ number: Int32, to allocation: inout Allocation, _ segments: [SegmentRequest]) throws {
  let source = Bytes(code(returning: number))
  let placements = allocation.segments
  var bytes = allocation.bytes
  for (segment, placement) in zip(segments, placements) {
    if segment.protection.contains(.execute) {
      try bytes.store(contentsOf: source.span, at: placement.workingOffset)
    } else {
      bytes.storeBytes(of: number, toByteOffset: placement.workingOffset, as: Int32.self)
    }
  }
}

private func write(_ contents: [UInt8], at offset: Int, to allocation: inout Allocation) throws {
  let source = Bytes(contents)
  var bytes = allocation.bytes
  try bytes.store(contentsOf: source.span, at: offset)
}

/// Whether the first `count` bytes are zero.
private func areZero(_ bytes: RawSpan, _ count: Int) -> Bool {
  for offset in 0..<count where bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self) != 0 { return false }
  return true
}

extension MemoryManager {
  /// Places a function that returns `number`, and what else is asked for; `number` begins all other segments.
  fileprivate func place(
    _ number: Int32, _ segments: [SegmentRequest] = small, _ work: FinalizeWork = FinalizeWork()
  ) throws -> FinalizedAllocation {
    var allocation = try allocate(segments)
    try write(number, to: &allocation, segments)
    return try allocation.finalize(work)
  }
}

/// Holds memory that cannot be copied.
private final class Held {
  private var allocation: FinalizedAllocation?
  /// Where its code is.
  let code: Address

  init(_ allocation: consuming FinalizedAllocation) {
    code = allocation.segments[0].address
    self.allocation = consume allocation
  }

  func drop() { allocation = nil }
}

/// Holds memory that is not finalized.
private final class HeldUnfinished {
  private var allocation: Allocation?
  init(_ allocation: consuming Allocation) { self.allocation = consume allocation }

  func finalize() throws(MemoryError) -> Bool {
    guard let allocation = allocation.take() else { return false }
    _ = try allocation.finalize(FinalizeWork())
    return true
  }
}

/// Runs `body` on threads of their own, each of which is given its number, and waits for them.
private func runThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  let group = DispatchGroup()
  for number in 0..<count {
    group.enter()
    Thread.detachNewThread {
      body(number)
      group.leave()
    }
  }
  group.wait()
}

/// Runs `body` in a child; returns what it returns, 100 if it throws, or 101 if the child dies.
private func inChild(_ body: () throws -> Int32) -> Int32 {
  let child = call(library("fork"))
  if child == 0 { _exit((try? body()) ?? 100) }
  var status: Int32 = 0
  guard child > 0, waitpid(child, &status, 0) == child, status & 0x7f == 0 else { return 101 }
  return status >> 8 & 0xff
}

/// What a process has that is to stay as it was.
private struct Footprint {
  var mappings = 0
  var residentByteCount = 0
  var descriptors = 0

  /// That of `memory`: its window, and its pages elsewhere. What else the process has is not its doing.
  static func now(of memory: DualMappedMemory) throws -> Self {
    let window = memory.windowStart.rawValue..<memory.windowStart.rawValue + UInt64(memory.windowByteCount)
    var footprint = Footprint(descriptors: openDescriptorCount)
    var isOwn = false
    for line in try text(of: "/proc/self/smaps").split(separator: "\n") {
      if let range = addresses(in: line) {
        isOwn = window.overlaps(range) || line.contains("memfd:")
        footprint.mappings += isOwn ? 1 : 0
      } else if isOwn, line.hasPrefix("Rss:") {
        footprint.residentByteCount +=
          (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) << 10
      }
    }
    return footprint
  }

  static var openDescriptorCount: Int { (0..<1024).count { fcntl($0, F_GETFD) >= 0 } }

  /// The addresses at the start of a line about a mapping.
  private static func addresses(in line: Substring) -> Range<UInt64>? {
    let bounds = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt64($0, radix: 16) }
    return bounds.count == 2 && bounds[0] < bounds[1] ? bounds[0]..<bounds[1] : nil
  }

  private static func text(of path: String) throws -> String {
    let file = try MappedFile.open(path)
    return String(decoding: file.span)
  }
}

@Suite("Memory whose pages are mapped twice")
struct DualMappedMemoryTests {
  @Test func `nothing is both writable and executable, in neither view`() throws {
    let memory = try DualMappedMemory()
    let finalized = try memory.place(7)
    let found = finalized.segments.map(\.address)
    #expect(try protection(at: found[0].rawValue) == "r-x")
    #expect(try protection(at: found[1].rawValue) == "r--")
    #expect(try protection(at: found[2].rawValue) == "rw-")
    let file = try MappedFile.open("/proc/self/maps")
    let views = String(decoding: file.span).split(separator: "\n").filter { $0.contains("memfd:weld") }
    #expect(views.count >= 4)
    for view in views {
      let access = view.split(separator: " ")[1]
      #expect(["r-xs", "r--s", "rw-s"].contains(access))
    }
    _ = consume finalized
  }

  @Test func `code runs, and finds its constants and variables`() throws {
    let memory = try DualMappedMemory()
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
    let memory = try DualMappedMemory(windowByteCount: 1 << 26)
    let first = try memory.place(1)
    let second = try memory.place(2)
    let found = [first.segments, second.segments]
    let window = memory.windowStart..<memory.windowStart.advanced(by: 1 << 26)
    for (left, right) in zip(found[0], found[1]) {
      #expect(left.address.rawValue >> 12 == right.address.rawValue >> 12)
      #expect(window.contains(left.address))
    }
    let low = try DualMappedMemory(windowByteCount: 1 << 24, placement: .low)
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
    let memory = try DualMappedMemory(windowByteCount: 1 << 26)
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
    let memory = try DualMappedMemory()
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
    let memory = try DualMappedMemory()
    let nothing = try memory.allocate([])
    let none = try nothing.finalize(FinalizeWork())
    let empty = SegmentRequest(protection: .read, contentByteCount: 0, byteCount: 0, alignment: 1)
    let allocation = try memory.allocate([empty, empty]).finalize(FinalizeWork())
    let found = allocation.segments.map(\.address)
    #expect(found[0] != found[1])
    _ = consume none
  }

  @Test func `memory is zero, whoever had it before`() throws {
    let memory = try DualMappedMemory(windowByteCount: 1 << 24)
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
      let memory = try DualMappedMemory(windowByteCount: 1 << 24, synchronization: synchronization)
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
      let memory = try DualMappedMemory()
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
      let memory = try DualMappedMemory()
      func fill() throws {
        var held: [Held] = []
        held.reserveCapacity(10_000)
        var segments = small
        segments[0].byteCount = 2500
        for number in 0..<10_000 { held.append(Held(try memory.place(Int32(number), segments))) }
      }
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
    let memory = try DualMappedMemory(windowByteCount: 1 << 26)
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
    let memory = try DualMappedMemory(windowByteCount: 1 << 20, placement: .anywhere)
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
    #expect(throws: MemoryError.self) { try DualMappedMemory(windowByteCount: 4096) }
  }

  @Test func `what the system refuses is an error, and leaves nothing behind`() async {
    await #expect(processExitsWith: .success) {
      let place = MappedMemory.Placement.at(Address(rawValue: 0x2000_0000_0000))
      func refuse() {
        let refusals = [(RLIMIT_FSIZE, "ftruncate", EFBIG), (RLIMIT_NOFILE, "memfd_create", EMFILE)]
        for (resource, call, number) in refusals {
          let kind = __rlimit_resource_t(resource.rawValue)
          var limit = rlimit()
          getrlimit(kind, &limit)
          var none = limit
          none.rlim_cur = 0
          setrlimit(kind, &none)
          var found: MemoryError?
          do { _ = try DualMappedMemory(placement: place) } catch { found = error }
          setrlimit(kind, &limit)
          guard found == .system(call: call, errno: number) else { exit(2) }
        }
      }
      refuse()
      let before = Footprint.openDescriptorCount
      for _ in 0..<10 { refuse() }
      guard Footprint.openDescriptorCount == before else { exit(3) }
      // The place is free.
      let memory = try DualMappedMemory(placement: place)
      _ = consume memory
    }
  }

  @Test func `a resolver runs when its code is there, and its slot is written where it can be`() throws {
    let memory = try DualMappedMemory()
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
    let memory = try DualMappedMemory()
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

@Suite("Memory whose pages are mapped twice, in a child")
struct DualMappedMemoryForkTests {
  @Test func `it runs what was linked, and links into a window of its own`() async {
    await #expect(processExitsWith: .success) {
      let memory = try DualMappedMemory()
      let kept = try memory.place(1)
      let found = kept.segments.map(\.address)
      let dropped = Held(try memory.place(2))
      let unfinished = HeldUnfinished(try memory.allocate(small))
      let status = inChild {
        guard call(found[0]) == 1, number(at: found[1]).pointee == 1 else { return 2 }
        // Variables are its own.
        number(at: found[2]).pointee = 99
        do {
          _ = try memory.place(3)
          return 3
        } catch MemoryError.inheritedWindow {}
        do {
          _ = try memory.place(
            3,
            [
              SegmentRequest(
                protection: .read, contentByteCount: 8, byteCount: 1 << 20, alignment: 8)
            ])
          return 4
        } catch MemoryError.inheritedWindow {}
        // The place where the parent writes is not there.
        guard try !DualMappedMemoryForkTests.hasWritableView() else { return 5 }
        for _ in 0..<3 {
          let own = try DualMappedMemory()
          let other = try own.place(4)
          let address = other.segments[0].address
          guard call(address) == 4 else { return 6 }
        }
        return 0
      }
      guard status == 0 else { exit(status) }
      // What the child gives back, or cannot finish, remains the parent's.
      let statusOfRemoval = inChild {
        dropped.drop()
        return 0
      }
      guard statusOfRemoval == 0 else { exit(7) }
      let statusOfLink = inChild {
        do { return try unfinished.finalize() ? 1 : 2 } catch MemoryError.inheritedWindow { return 0 }
      }
      guard statusOfLink == 0 else { exit(8) }
      guard try unfinished.finalize() else { exit(12) }
      guard call(found[0]) == 1, number(at: found[2]).pointee == 1 else { exit(9) }
      let later = try memory.place(5)
      let address = later.segments[0].address
      guard call(address) == 5 else { exit(10) }
      // What is linked while the child is there, it can run.
      guard inChild({ call(address) == 5 ? 0 : 1 }) == 0 else { exit(11) }
      _ = consume kept
      _ = consume later
    }
  }

  private static func hasWritableView() throws -> Bool {
    let file = try MappedFile.open("/proc/self/maps")
    return String(decoding: file.span).split(separator: "\n").contains {
      $0.contains("memfd:weld") && $0.contains(" rw")
    }
  }
}
