import Glibc
import Testing
import WeldBytes

@testable import WeldMemory

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
