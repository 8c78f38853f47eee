import Glibc
import Testing
import WeldBytes

@testable import WeldMemory

/// The lines about the mappings of a window, and of what is mapped twice.
private func mappings(of memory: MappedMemory) throws -> [Substring] {
  let window = memory.windowStart.rawValue..<memory.windowStart.rawValue + UInt64(memory.windowByteCount)
  let file = try MappedFile.open("/proc/self/maps")
  return String(decoding: file.span).split(separator: "\n").filter { line in
    guard let start = UInt64(line.prefix { $0 != "-" }, radix: 16) else { return false }
    return window.contains(start) || line.contains("memfd:weld")
  }
}

/// Runs `body` while the process may have no more than `limit` of a resource.
private func with<Result>(
  _ resource: __rlimit_resource, limitedTo limit: UInt, _ body: () throws -> Result
) rethrows -> Result {
  let kind = __rlimit_resource_t(resource.rawValue)
  var old = rlimit()
  getrlimit(kind, &old)
  var new = old
  new.rlim_cur = limit
  setrlimit(kind, &new)
  defer { setrlimit(kind, &old) }
  return try body()
}

@Suite("Pages that are mapped twice")
struct MirrorTests {
  @Test func `nothing is both writable and executable, in neither view`() throws {
    let memory = try MappedMemory(windowByteCount: 1 << 26)
    let first = try memory.place(7)
    let second = try memory.place(8)
    for allocation in [first.segments, second.segments] {
      #expect(try allocation.map { try protection(at: $0.address.rawValue) } == ["r-x", "r--", "rw-"])
    }
    let access = Set(try mappings(of: memory).map { $0.split(separator: " ")[1] })
    #expect(access.isSuperset(of: ["---p", "r-xs", "r--s", "rw-s", "rw-p"]))
    #expect(!access.contains { $0.contains("w") && $0.contains("x") })
    _ = consume first
    _ = consume second
  }

  @Test func `where nothing is to be shared, each allocation has pages of its own`() throws {
    let memory = try MappedMemory(windowByteCount: 1 << 26, sharesPages: false)
    let first = try memory.place(7)
    let second = try memory.place(8)
    let found = [first.segments.map(\.address), second.segments.map(\.address)]
    for (addresses, value) in zip(found, [Int32(7), 8]) {
      #expect(try addresses.map { try protection(at: $0.rawValue) } == ["r-x", "r--", "rw-"])
      #expect(call(addresses[0]) == value)
    }
    #expect(Set(found.joined().map { $0.rawValue >> 12 }).count == 6)
    _ = consume first
    _ = consume second
  }

  @Test func `a great many at once need few mappings`() async {
    await #expect(processExitsWith: .success) {
      let memory = try MappedMemory()
      var held: [Held] = []
      for number in 0..<50_000 { held.append(Held(try memory.place(Int32(number)))) }
      for (number, one) in held.enumerated() where call(one.code) != number { exit(2) }
      guard try mappings(of: memory).count < 60 else { exit(3) }
    }
  }

  /// Files in memory need a descriptor for a moment, and are as large as files may be.
  @Test func `what the system refuses gets pages of its own, and leaves nothing behind`() async {
    await #expect(processExitsWith: .success) {
      for resource in [RLIMIT_FSIZE, RLIMIT_NOFILE] {
        let memory = try MappedMemory(windowByteCount: 1 << 26)
        /// Whether the pages of a small batch are its own: then they lie one behind the other.
        func placesApart() throws -> Bool {
          let allocation = try memory.place(7)
          let found = allocation.segments.map(\.address)
          guard call(found[0]) == 7, number(at: found[1]).pointee == 7 else { exit(2) }
          return found[1].rawValue - found[0].rawValue == 4096
        }
        let descriptors = Footprint.openDescriptorCount
        try with(resource, limitedTo: 0) { guard try placesApart() else { exit(3) } }
        guard Footprint.openDescriptorCount == descriptors else { exit(4) }
        // It asks again, but the less often the more often it was refused.
        guard try (0..<4).contains(where: { _ in try !placesApart() }) else { exit(5) }
        let other = try MappedMemory(windowByteCount: 1 << 26)
        var held: [Held] = []
        try with(resource, limitedTo: 0) {
          for number in 0..<1000 { held.append(Held(try other.place(Int32(number)))) }
        }
        for (number, one) in held.enumerated() where call(one.code) != number { exit(6) }
        var calm = 0
        while true {
          let allocation = try other.place(9)
          let found = allocation.segments.map(\.address.rawValue)
          if found[1] - found[0] > 4096 { break }
          calm += 1
          guard calm < 5000 else { exit(7) }
        }
        guard calm > 20 else { exit(8) }
      }
    }
  }
}

@Suite("Memory of a process that forks")
struct SharedPagesForkTests {
  @Test func `parent and child go on with the window, and neither notices the other`() async {
    await #expect(processExitsWith: .success) {
      let memory = try MappedMemory()
      let kept = try memory.place(1)
      let found = kept.segments.map(\.address)
      let removedByChild = Held(try memory.place(2))
      let removedByParent = Held(try memory.place(3))
      let unfinished = HeldUnfinished(try memory.allocate(small))
      var toChild: [Int32] = [0, 0]
      var toParent: [Int32] = [0, 0]
      guard pipe(&toChild) == 0, pipe(&toParent) == 0 else { exit(2) }
      func wait(_ pipe: [Int32]) {
        var byte: UInt8 = 0
        read(pipe[0], &byte, 1)
      }
      func tell(_ pipe: [Int32]) {
        var byte: UInt8 = 0
        _ = Glibc.write(pipe[1], &byte, 1)
      }
      let child = call(library("fork"))
      if child == 0 {
        func act() throws -> Int32 {
          guard call(found[0]) == 1, number(at: found[1]).pointee == 1 else { return 10 }
          // The place where the parent writes is not there.
          guard try !mappings(of: memory).contains(where: { $0.contains(" rw-s") }) else { return 11 }
          let own = try memory.place(4)
          let address = own.segments[0].address
          guard call(address) == 4 else { return 12 }
          removedByChild.drop()
          var refusal: MemoryError?
          do throws(MemoryError) { _ = try unfinished.finalize() } catch { refusal = error }
          guard refusal == .inheritedWindow else { return 13 }
          number(at: found[2]).pointee = 99
          for round in 0..<20_000 {
            let other = try memory.place(Int32(round))
            let address = other.segments[0].address
            guard call(address) == round else { return 14 }
          }
          tell(toParent)
          wait(toChild)
          // The parent has removed one of these, and linked a great many.
          guard call(removedByParent.code) == 3, call(address) == 4, call(found[0]) == 1,
            number(at: found[1]).pointee == 1
          else { return 15 }
          let last = try memory.place(5)
          let lastAddress = last.segments[0].address
          guard call(lastAddress) == 5 else { return 16 }
          _ = consume own
          return 0
        }
        _exit((try? act()) ?? 17)
      }
      // A child that dies ends the waiting.
      close(toParent[1])
      close(toChild[0])
      wait(toParent)
      guard call(removedByChild.code) == 2, number(at: found[2]).pointee == 1 else { exit(3) }
      guard try unfinished.finalize() else { exit(4) }
      removedByParent.drop()
      for round in 0..<20_000 {
        let other = try memory.place(Int32(round))
        let address = other.segments[0].address
        guard call(address) == round else { exit(5) }
      }
      tell(toChild)
      var status: Int32 = 0
      guard waitpid(child, &status, 0) == child, status & 0x7f == 0 else { exit(6) }
      guard status == 0 else { exit(status >> 8) }
      guard call(found[0]) == 1, number(at: found[1]).pointee == 1 else { exit(7) }
      _ = consume kept
    }
  }

  @Test func `children of children link, too`() async {
    await #expect(processExitsWith: .success) {
      let memory = try MappedMemory()
      let kept = try memory.place(1)
      let first = kept.segments[0].address
      let status = inChild {
        let own = try memory.place(2)
        let second = own.segments[0].address
        let status = inChild {
          let third = try memory.place(3)
          let address = third.segments[0].address
          return call(address) == 3 && call(second) == 2 && call(first) == 1 ? 0 : 2
        }
        guard call(second) == 2 else { return 3 }
        _ = consume own
        return status
      }
      guard status == 0 else { exit(status) }
      _ = consume kept
    }
  }

  @Test func `what children may have goes back to the system when it is removed`() async {
    await #expect(processExitsWith: .success) {
      let memory = try MappedMemory()
      let kept = try memory.place(1)
      func cycle() throws {
        var segments = small
        segments[0].byteCount = 2500
        for _ in 0..<5 {
          var held: [Held] = []
          for number in 0..<1000 { held.append(Held(try memory.place(Int32(number), segments))) }
          guard inChild({ call(held[500].code) == 500 ? 0 : 1 }) == 0 else { exit(2) }
        }
      }
      try cycle()
      let before = try Footprint.now(of: memory)
      for _ in 0..<6 { try cycle() }
      let after = try Footprint.now(of: memory)
      guard after.mappings <= before.mappings + 8 else { exit(3) }
      // Each cycle makes 12 MB that cannot be used again, seen twice.
      guard after.residentByteCount <= before.residentByteCount + 12 << 20 else { exit(4) }
      guard after.descriptors == before.descriptors else { exit(5) }
      let address = kept.segments[0].address
      guard call(address) == 1 else { exit(6) }
      _ = consume kept
    }
  }
}
