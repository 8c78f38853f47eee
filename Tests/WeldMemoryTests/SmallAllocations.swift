import Foundation
import Glibc
import Synchronization
import Testing
import WeldBytes

@testable import WeldMemory

/// A `@convention(c)` function without parameters.
typealias IntFunction = @convention(c) () -> Int32

/// `mov $number, %eax; ret`
func code(returning number: Int32) -> [UInt8] {
  [0xb8] + (0..<4).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) } + [0xc3]
}

func call(_ address: Address) -> Int32 {
  unsafeBitCast(UInt(address.rawValue), to: IntFunction.self)()
}

/// A function of the process.
func library(_ name: String) -> Address {
  Address(rawValue: UInt64(UInt(bitPattern: dlsym(nil, name))))
}

/// The number at an address.
func number(at address: Address) -> UnsafeMutablePointer<Int32> {
  guard let pointer = UnsafeMutablePointer<Int32>(bitPattern: UInt(address.rawValue)) else {
    fatalError("no address")
  }
  return pointer
}

let text = SegmentRequest(
  protection: [.read, .execute], contentByteCount: 6, byteCount: 6, alignment: 16)
let constants = SegmentRequest(protection: .read, contentByteCount: 8, byteCount: 8, alignment: 8)
let variables = SegmentRequest(
  protection: [.read, .write], contentByteCount: 8, byteCount: 24, alignment: 8)
let small = [text, constants, variables]

/// Writes a function that returns `number` to code, and `number` to everything else.
func write(_ number: Int32, to allocation: inout Allocation, _ segments: [SegmentRequest]) throws {
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

func write(_ contents: [UInt8], at offset: Int, to allocation: inout Allocation) throws {
  let source = Bytes(contents)
  var bytes = allocation.bytes
  try bytes.store(contentsOf: source.span, at: offset)
}

/// Whether the first `count` bytes are zero.
func areZero(_ bytes: RawSpan, _ count: Int) -> Bool {
  for offset in 0..<count where bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self) != 0 { return false }
  return true
}

/// As `MappedMemory` makes it, with a way to tell cores of changes.
func mappedMemory(
  windowByteCount: Int = 1 << 30, placement: MappedMemory.Placement = .nearProcess,
  synchronization: CoreSynchronization = CoreSynchronization()
) throws -> MappedMemory {
  try MappedMemory(
    windowByteCount: windowByteCount, placement: placement, synchronization: synchronization)
}

extension MemoryManager {
  /// Places a function that returns `number`, and what else is asked for; `number` begins all other segments.
  func place(
    _ number: Int32, _ segments: [SegmentRequest] = small, _ work: FinalizeWork = FinalizeWork()
  ) throws -> FinalizedAllocation {
    var allocation = try allocate(segments)
    try write(number, to: &allocation, segments)
    return try allocation.finalize(work)
  }
}

/// Holds memory that cannot be copied.
final class Held {
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
final class HeldUnfinished {
  private var allocation: Allocation?
  init(_ allocation: consuming Allocation) { self.allocation = consume allocation }

  func finalize() throws(MemoryError) -> Bool {
    guard let allocation = allocation.take() else { return false }
    _ = try allocation.finalize(FinalizeWork())
    return true
  }
}

/// Runs `body` on threads of their own, each of which is given its number, and waits for them.
func runThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
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

/// Runs `body` in a child, made by a function of the C library; returns what it returns, 100 if it throws, or 101 if the child dies.
func inChild(madeBy fork: String = "fork", _ body: () throws -> Int32) -> Int32 {
  let child = call(library(fork))
  if child == 0 { _exit((try? body()) ?? 100) }
  var status: Int32 = 0
  guard child > 0, waitpid(child, &status, 0) == child, status & 0x7f == 0 else { return 101 }
  return status >> 8 & 0xff
}

/// What a process has that is to stay as it was.
struct Footprint {
  var mappings = 0
  var residentByteCount = 0
  var descriptors = 0

  /// That of `memory`: its window, and its pages elsewhere. What else the process has is not its doing.
  static func now(of memory: MappedMemory) throws -> Self {
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
