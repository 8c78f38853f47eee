import Glibc
import Testing
import WeldBytes

@testable import WeldMemory

/// The protections that the kernel has for the page at an address, as `/proc/self/maps` spells them; `nil` if
/// nothing is mapped there.
func protection(at address: UInt64) throws -> String? {
  let file = try MappedFile.open("/proc/self/maps")
  let map = String(decoding: file.span)
  for line in map.split(separator: "\n") {
    let words = line.split(separator: " ")
    let bounds = words[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
    if bounds.count == 2, bounds[0] <= address, address < bounds[1] { return String(words[1].prefix(3)) }
  }
  return nil
}

/// Writes `code` to the start of an allocation's working memory.
private func write(_ code: [UInt8], to allocation: inout Allocation) throws {
  let source = Bytes(code)
  var bytes = allocation.bytes
  try bytes.store(contentsOf: source.span, at: 0)
}

@Suite("Memory of this process")
struct MappedMemoryTests {
  /// Code, constants and variables of a few pages each.
  static let segments = [
    SegmentRequest(protection: [.read, .execute], contentByteCount: 5000, byteCount: 5000, alignment: 16),
    SegmentRequest(protection: .read, contentByteCount: 100, byteCount: 100, alignment: 8),
    SegmentRequest(protection: [.read, .write], contentByteCount: 10, byteCount: 9000, alignment: 64),
  ]

  /// More than allocations have that share pages.
  static let large = [
    SegmentRequest(
      protection: [.read, .execute], contentByteCount: 70_000, byteCount: 70_000, alignment: 16),
    segments[1], segments[2],
  ]

  @Test func `everything is writable while it is written, and nothing both writable and executable`() throws {
    let memory = try MappedMemory(windowByteCount: 1 << 24)
    var allocation = try memory.allocate(Self.large)
    let addresses = allocation.segments.map(\.address.rawValue)
    for address in addresses { #expect(try protection(at: address) == "rw-") }
    try write([0xc3], to: &allocation)
    let finalized = try allocation.finalize(FinalizeWork())
    #expect(try protection(at: addresses[0]) == "r-x")
    #expect(try protection(at: addresses[1]) == "r--")
    #expect(try protection(at: addresses[2]) == "rw-")
    let final = finalized.segments.map(\.address.rawValue)
    #expect(final == addresses)
  }

  @Test func `an inaccessible page lies on either side`() throws {
    let memory = try MappedMemory(windowByteCount: 1 << 24)
    let first = try memory.allocate(Self.large)
    let second = try memory.allocate(Self.large)
    let places = [first.segments, second.segments]
    for segments in places {
      let start = segments[0].address.rawValue
      let end = (segments[2].address.rawValue + 9000 + 4095) & ~4095
      #expect(try protection(at: start - 1) == "---")
      #expect(try protection(at: end) == "---")
    }
    #expect(places[1][0].address > places[0][2].address)
  }

  @Test func `what is dropped is not accessible, and its place is used again, zero`() throws {
    let memory = try MappedMemory(windowByteCount: 1 << 24)
    func place() throws -> UInt64 {
      var allocation = try memory.allocate(Self.large)
      let zeros = allocation.bytes.byteCount
      let wasZero = isZero(&allocation)
      #expect(wasZero)
      #expect(zeros == 22 * 4096)
      try write([UInt8](repeating: 0xc3, count: zeros), to: &allocation)
      let finalized = try allocation.finalize(FinalizeWork())
      let address = finalized.segments[0].address.rawValue
      #expect(try protection(at: address) == "r-x")
      return address
    }
    let first = try place()
    for _ in 0..<3 {
      #expect(try protection(at: first) == "---")
      #expect(try place() == first)
    }
  }

  private func isZero(_ allocation: inout Allocation) -> Bool {
    let bytes = allocation.bytes
    return bytes.byteOffsets.allSatisfy { bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) == 0 }
  }

  @Test(arguments: [1 << 17, 3 << 20])
  func `what is dropped and large is inaccessible`(byteCount: Int) throws {
    let memory = try MappedMemory(windowByteCount: 1 << 24)
    let segment = SegmentRequest(
      protection: [.read, .write], contentByteCount: 1, byteCount: byteCount, alignment: 1)
    let allocation = try memory.allocate([segment])
    let address = allocation.segments[0].address.rawValue
    _ = consume allocation
    #expect(try protection(at: address) == "---")
  }

  @Test func `a window that is full of what was dropped has room`() throws {
    let memory = try MappedMemory(windowByteCount: 1 << 20)
    func hold(_ pages: Int, until end: Int) throws {
      guard end > 0 else { return }
      let segment = SegmentRequest(
        protection: [.read, .write], contentByteCount: 1, byteCount: pages * 4096, alignment: 1)
      let allocation = try memory.allocate([segment])
      try hold(pages, until: end - 1)
      _ = consume allocation
    }
    try hold(2, until: 30)
    try hold(253, until: 1)
    try hold(1, until: 80)
  }

  @Test func `a window that is full says how much is free`() throws {
    let memory = try MappedMemory(windowByteCount: 1 << 20)
    let large = SegmentRequest(
      protection: [.read, .write], contentByteCount: 0, byteCount: 1 << 20, alignment: 1)
    #expect(throws: MemoryError.windowFull(needed: 1 << 20, largestFree: 1 << 20, window: 1 << 20)) {
      _ = try memory.allocate([large])
    }
  }

  @Test func `sizes that overflow are an error`() throws {
    let memory = try MappedMemory(windowByteCount: 1 << 20)
    let huge = SegmentRequest(protection: .read, contentByteCount: 0, byteCount: .max - 5, alignment: 1)
    #expect(throws: MemoryError.tooLarge) { _ = try memory.allocate([huge, huge]) }
  }

  @Test func `a segment begins at a multiple of its alignment`() throws {
    let memory = try MappedMemory(windowByteCount: 1 << 24)
    let segment = SegmentRequest(protection: .read, contentByteCount: 8, byteCount: 8, alignment: 1 << 16)
    let allocation = try memory.allocate([Self.segments[0], segment])
    let address = allocation.segments[1].address.rawValue
    #expect(address % (1 << 16) == 0)
  }

  @Test func `a window can lie low, or at an address where nothing else is`() throws {
    #expect(try MappedMemory(windowByteCount: 1 << 24, placement: .low).windowStart.rawValue < 1 << 31)
    let address = Address(rawValue: 0x2000_0000_0000)
    let fixed = try MappedMemory(windowByteCount: 1 << 20, placement: .at(address))
    #expect(fixed.windowStart == address)
    #expect(throws: MemoryError.noPlaceForWindow(byteCount: 1 << 20, placement: "at 0x200000000000")) {
      _ = try MappedMemory(windowByteCount: 1 << 20, placement: .at(address))
    }
  }

  @Test func `a resolver runs when its code is executable and its slot still writable`() throws {
    let memory = try MappedMemory(windowByteCount: 1 << 24)
    let text = Self.large[0]
    let slots = SegmentRequest(protection: .read, contentByteCount: 8, byteCount: 8, alignment: 8)
    var allocation = try memory.allocate([text, slots])
    let addresses = allocation.segments.map(\.address)
    // mov $0x1234567, %eax; ret
    try write([0xb8, 0x67, 0x45, 0x23, 0x01, 0xc3], to: &allocation)
    let work = FinalizeWork(indirectFunctions: [.init(resolver: addresses[0], slot: addresses[1])])
    let finalized = try allocation.finalize(work)
    #expect(UnsafePointer<UInt>(bitPattern: UInt(addresses[1].rawValue))?.pointee == 0x1234567)
    #expect(try protection(at: addresses[1].rawValue) == "r--")
    _ = consume finalized
  }
}

@Suite("Memory that only looks as if it lay elsewhere")
struct ImageMemoryTests {
  @Test func `segments follow the base in pages`() throws {
    let memory = ImageMemory(base: Address(rawValue: 0x40_0000), pageSize: 1 << 16)
    let allocation = try memory.allocate(MappedMemoryTests.segments)
    let addresses = allocation.segments.map(\.address.rawValue)
    #expect(addresses == [0x40_0000, 0x41_0000, 0x42_0000])
  }
}

@Suite("Free parts of a window")
struct FreeRangesTests {
  @Test func `parts that are given back join their neighbours`() throws {
    var ranges = FreeRanges(0..<0x10000)
    let taken = (0..<4).compactMap { _ in
      ranges.take(byteCount: 0x1000, alignment: 0x1000, guardByteCount: 0x1000)
    }
    #expect(taken == [0x1000, 0x4000, 0x7000, 0xa000])
    for start in [0x4000, 0xa000, 0x1000, 0x7000] {
      ranges.giveBack(start: start, byteCount: 0x1000, guardByteCount: 0x1000)
    }
    #expect(ranges.largest == 0x10000)
  }

  @Test func `what does not fit takes nothing`() {
    var ranges = FreeRanges(0..<0x4000)
    #expect(ranges.take(byteCount: 0x3000, alignment: 1, guardByteCount: 0x1000) == nil)
    #expect(ranges.take(byteCount: 0x1000, alignment: 0x8000, guardByteCount: 0x1000) == nil)
    #expect(ranges.largest == 0x4000)
  }
}

@Suite("Mapped files")
struct MappedFileTests {
  @Test func `a file's bytes are its bytes, those of a file that only looks empty, too`() throws {
    let program = try MappedFile.open("/proc/self/exe")
    let isELF = program.span.starts(with: "\u{7f}ELF")
    #expect(isELF)
    #expect(try MappedFile.open("/proc/self/maps").count > 0)
    #expect(try MappedFile.open("/dev/null").count == 0)
  }

  @Test func `folders and missing files are errors`() {
    #expect(throws: MemoryError.isDirectory(path: "/")) { _ = try MappedFile.open("/") }
    #expect(throws: MemoryError.unreadable(path: "/none", errno: ENOENT)) { _ = try MappedFile.open("/none") }
  }
}
