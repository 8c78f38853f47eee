import Glibc
import Testing
import WeldBytes

@testable import WeldMemory

/// The lines about the mappings of a window.
private func mappings(of memory: MappedMemory) throws -> [Substring] {
  let window = memory.windowStart.rawValue..<memory.windowStart.rawValue + UInt64(memory.windowByteCount)
  let file = try MappedFile.open("/proc/self/maps")
  return String(decoding: file.span).split(separator: "\n").filter { line in
    guard let start = UInt64(line.prefix { $0 != "-" }, radix: 16) else { return false }
    return window.contains(start)
  }
}

/// What the open descriptors of this process refer to, by number.
private func openFiles() -> [Int32: String] {
  var files: [Int32: String] = [:]
  for descriptor in Int32(0)..<256 {
    var path = [CChar](repeating: 0, count: 256)
    let count = readlink("/proc/self/fd/\(descriptor)", &path, path.count)
    guard count > 0 else { continue }
    files[descriptor] = String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
  return files
}

/// Runs `body` when the process can open no file.
private func withoutDescriptors<Result>(_ body: () throws -> Result) rethrows -> Result {
  let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
  var limit = rlimit()
  getrlimit(kind, &limit)
  var none = limit
  none.rlim_cur = 0
  setrlimit(kind, &none)
  defer { setrlimit(kind, &limit) }
  return try body()
}

@Suite("Pages that are written through the file of the process's memory")
struct ProcessMemoryFileTests {
  @Test func `nothing is writable and executable, nor shared with other processes`() throws {
    let memory = try MappedMemory(windowByteCount: 1 << 26)
    let first = try memory.place(7)
    let second = try memory.place(8)
    let found = [first.segments.map(\.address.rawValue), second.segments.map(\.address.rawValue)]
    for addresses in found {
      #expect(try addresses.map { try protection(at: $0) } == ["r-x", "r-x", "rw-"])
    }
    // Code and constants lie together, and so does what another allocation has.
    #expect(Set([found[0][0], found[0][1], found[1][0], found[1][1]].map { $0 >> 12 }).count == 1)
    #expect(found[0][2] >> 12 == found[1][2] >> 12)
    let access = try mappings(of: memory).map { $0.split(separator: " ")[1] }
    #expect(Set(access) == ["---p", "r-xp", "rw-p"])
    _ = consume first
    _ = consume second
  }

  @Test func `a great many at once need few mappings`() async {
    await #expect(processExitsWith: .success) {
      let memory = try MappedMemory()
      var held: [Held] = []
      for number in 0..<50_000 { held.append(Held(try memory.place(Int32(number)))) }
      for (number, one) in held.enumerated() where call(one.code) != number { exit(2) }
      guard try mappings(of: memory).count < 40 else { exit(3) }
    }
  }

  @Test(arguments: ["/none", "/dev/null", "/dev/full", "/proc/self/maps"])
  func `where the file cannot be used, allocations have pages of their own`(path: String) throws {
    let memory = try MappedMemory(windowByteCount: 1 << 26, memoryFile: ProcessMemoryFile(path: path))
    let first = try memory.place(7)
    let second = try memory.place(8)
    let found = [first.segments.map(\.address), second.segments.map(\.address)]
    for (addresses, value) in zip(found, [Int32(7), 8]) {
      #expect(try addresses.map { try protection(at: $0.rawValue) } == ["r-x", "r--", "rw-"])
      #expect(call(addresses[0]) == value)
      #expect(number(at: addresses[1]).pointee == value)
      #expect(number(at: addresses[2]).pointee == value)
    }
    #expect(found[0][0].rawValue >> 12 != found[1][0].rawValue >> 12)
    _ = consume first
    _ = consume second
  }

  @Test func `a write that fails is an error, and leaves nothing behind`() async {
    await #expect(processExitsWith: .success) {
      let memory = try MappedMemory(windowByteCount: 1 << 20)
      let kept = try memory.place(1)
      let files = openFiles()
      guard let descriptor = files.first(where: { $0.value.hasSuffix("/mem") })?.key else { exit(2) }
      let saved = dup(descriptor)
      // Often enough to fill the window, if anything stayed.
      for _ in 0..<20_000 {
        let allocation = try memory.allocate(small)
        var found: MemoryError?
        let wrong = open("/dev/full", O_RDWR)
        dup2(wrong, descriptor)
        close(wrong)
        do throws(MemoryError) { _ = try allocation.finalize(FinalizeWork()) } catch { found = error }
        dup2(saved, descriptor)
        guard found == .system(call: "pwrite", errno: ENOSPC) else { exit(3) }
      }
      close(saved)
      let again = try memory.place(2)
      let found = [kept.segments[0].address, again.segments[0].address]
      guard call(found[0]) == 1, call(found[1]) == 2 else { exit(4) }
      guard openFiles() == files else { exit(5) }
      _ = consume kept
      _ = consume again
    }
  }

  @Test func `bytes arrive in pages that cannot be written, all of them`() throws {
    let byteCount = 5 * SystemMemory.pageSize
    let pages = mmap(nil, byteCount, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    defer { munmap(pages, byteCount) }
    let start = Int(bitPattern: pages)
    let contents = Bytes((0..<byteCount - 100).map { UInt8(truncatingIfNeeded: $0 * 7) })
    try ProcessMemoryFile.shared.write(contents.span, at: start + 50)
    let found = UnsafeRawBufferPointer(start: pages, count: byteCount)
    #expect(found.prefix(50).allSatisfy { $0 == 0 })
    #expect(
      found.dropFirst(50).dropLast(50).elementsEqual(
        (0..<byteCount - 100).map { UInt8(truncatingIfNeeded: $0 * 7) }))
    #expect(found.suffix(50).allSatisfy { $0 == 0 })
    // Where nothing is mapped.
    #expect(throws: MemoryError.system(call: "pwrite", errno: EIO)) {
      try ProcessMemoryFile.shared.write(contents.span, at: 8)
    }
  }
}

@Suite("Pages that are written through the file of the process's memory, in a child")
struct ProcessMemoryFileForkTests {
  /// `_Fork` runs no handlers, as if the system were asked directly.
  @Test(arguments: ["fork", "_Fork"])
  func `parent and child go on with the window, and neither notices the other`(fork: String) async {
    await #expect(processExitsWith: .success) { [fork] in
      let memory = try MappedMemory()
      let kept = try memory.place(1)
      let found = kept.segments.map(\.address)
      let dropped = Held(try memory.place(2))
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
      let child = call(library(fork))
      if child == 0 {
        func act() throws -> Int32 {
          let own = try memory.place(3)
          let address = own.segments[0].address
          guard address.rawValue >> 12 == found[0].rawValue >> 12, call(address) == 3 else { return 10 }
          dropped.drop()
          guard try unfinished.finalize() else { return 11 }
          number(at: found[2]).pointee = 99
          tell(toParent)
          wait(toChild)
          // The parent has written where this is.
          guard call(address) == 3, call(found[0]) == 1, number(at: found[1]).pointee == 1 else { return 12 }
          for round in 0..<20_000 {
            let other = try memory.place(Int32(round))
            let address = other.segments[0].address
            guard call(address) == round else { return 13 }
          }
          guard call(address) == 3 else { return 14 }
          _ = consume own
          return 0
        }
        _exit((try? act()) ?? 15)
      }
      // A child that dies ends the waiting.
      close(toParent[1])
      close(toChild[0])
      wait(toParent)
      guard call(dropped.code) == 2, number(at: found[2]).pointee == 1 else { exit(3) }
      guard try unfinished.finalize() else { exit(4) }
      var held: [Held] = []
      for round in 0..<2000 { held.append(Held(try memory.place(Int32(5000 + round)))) }
      dropped.drop()
      tell(toChild)
      var status: Int32 = 0
      guard waitpid(child, &status, 0) == child, status & 0x7f == 0 else { exit(7) }
      guard status == 0 else { exit(status >> 8) }
      for (round, one) in held.enumerated() where call(one.code) != 5000 + round { exit(5) }
      guard call(found[0]) == 1, number(at: found[1]).pointee == 1 else { exit(6) }
      _ = consume kept
    }
  }

  @Test
  func `a child has no way to its parent's memory, and one that cannot open its own has pages of its own`()
    async
  {
    await #expect(processExitsWith: .success) {
      let memory = try MappedMemory()
      let kept = try memory.place(1)
      let unfinished = HeldUnfinished(try memory.allocate(small))
      guard openFiles().values.contains(where: { $0.hasSuffix("/mem") }) else { exit(2) }
      let status = inChild {
        guard !openFiles().values.contains(where: { $0.hasSuffix("/mem") }) else { return 3 }
        return try withoutDescriptors {
          let other = try memory.place(2)
          let found = other.segments.map(\.address)
          guard call(found[0]) == 2 else { return 4 }
          do throws(MemoryError) {
            _ = try unfinished.finalize()
            return 5
          } catch {
            return error == .system(call: "open", errno: EMFILE) ? 0 : 6
          }
        }
      }
      guard status == 0 else { exit(status) }
      guard try unfinished.finalize() else { exit(7) }
      _ = consume kept
    }
  }
}
