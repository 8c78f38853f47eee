import Testing
import WeldBytes
import WeldELF

/// Numbers that look random and are the same in every run.
private struct Numbers: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    // Marsaglia's xorshift.
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}

@Suite("Written executables: memory after loading")
struct ExecutableLoadingTests {
  private struct Section {
    var address: UInt64
    var byteCount: UInt64
    var fill: UInt8
    var flags: SectionFlags
  }

  /// Sections of all kinds at random distances, some on one page, some far apart.
  private func sections(_ numbers: inout Numbers) -> [Section] {
    var address = UInt64.random(in: 0...0x2000, using: &numbers)
    return (0..<Int.random(in: 1...12, using: &numbers)).map { number in
      let byteCount: UInt64 = [1, 0x10, 0x800, 0x1000, 0x3001].randomElement(using: &numbers) ?? 1
      let gap: UInt64 = [0, 0, 1, 0x700, 0x1000, 0x5000].randomElement(using: &numbers) ?? 0
      defer { address += byteCount + gap }
      return Section(
        address: address, byteCount: byteCount, fill: Bool.random(using: &numbers) ? 0 : UInt8(number + 1),
        flags: [[], .write, .executable, .executable].randomElement(using: &numbers) ?? [])
    }
  }

  @Test(arguments: UInt64(1)...300)
  func `memory is what the sections say, and each page is mapped once`(seed: UInt64) throws {
    var numbers = Numbers(state: seed &* 0x9e37_79b9_7f4a_7c15)
    let sections = sections(&numbers)
    var writer = ExecutableWriter(machine: .x86_64, byteOrder: .little)
    for section in sections.shuffled(using: &numbers) {
      if section.fill == 0 {
        _ = writer.addZeroSection(
          "zero", flags: section.flags, address: section.address, byteCount: section.byteCount)
      } else {
        _ = writer.addSection(
          "full", flags: section.flags, address: section.address,
          contents: [UInt8](repeating: section.fill, count: Int(section.byteCount)))
      }
    }
    let file = try writer.bytes()
    let loads = try ProgramHeader.all(of: file, type: ProgramHeader.load)

    var permissions: [UInt64: UInt32] = [:]
    var memory: [UInt64: UInt8] = [:]
    var lastPage: UInt64?
    for load in loads {
      #expect(load.offset % 0x1000 == load.address % 0x1000 && load.alignment == 0x1000)
      #expect(load.storedByteCount <= load.byteCount)
      for page in load.address >> 12...(load.address + load.byteCount - 1) >> 12 {
        #expect(lastPage.map { $0 < page } ?? true, "a page is mapped twice, or out of order")
        lastPage = page
        permissions[page] = load.flags
      }
      for distance in 0..<load.byteCount {
        memory[load.address + distance] =
          distance < load.storedByteCount ? file[Int(load.offset + distance)] : 0
      }
    }
    var expected: [UInt64: UInt32] = [:]
    for section in sections {
      let matches = (section.address..<section.address + section.byteCount).allSatisfy {
        memory[$0] == section.fill
      }
      #expect(matches, "the bytes at \(section.address)")
      for page in section.address >> 12...(section.address + section.byteCount - 1) >> 12 {
        expected[page, default: 4] |=
          section.flags.contains(.write) ? 2 : section.flags.contains(.executable) ? 1 : 0
      }
    }
    #expect(permissions == expected)
  }
}
