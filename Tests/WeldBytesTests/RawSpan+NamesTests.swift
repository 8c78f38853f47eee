import Testing
import WeldBytes

@Suite("Names in string tables")
struct NameTests {
  /// Bytes that names are made of: text, and what could confuse the search for a zero byte in a word.
  static let alphabets: [[UInt8]] = [
    Array("_ZNSt7__cxx1112basic_stringIcSt11char_traits".utf8), [0x01], [0x80], [0xff], [0x7f, 0x80, 0x81],
    [0x01, 0x80, 0x02, 0xfe],
  ]

  @Test(arguments: alphabets)
  func `equal names are measured and hashed equally wherever they stand`(alphabet: [UInt8]) throws {
    for count in 0...40 {
      let name = (0..<count).map { alphabet[$0 % alphabet.count] }
      let expected = HashedName(byteCount: count, hash: nameHash(name))
      for before in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17] {
        // With nothing behind the terminator the name is read byte by byte at the end, else in words across
        // it.
        for behind in 0...9 {
          let table =
            [UInt8](repeating: 0xaa, count: before) + name + [0] + [UInt8](repeating: 0x01, count: behind)
          let found = try table.span.bytes.name(at: before)
          #expect(found == expected, "\(count) bytes at \(before), \(behind) behind")
          #expect(table.span.bytes.endOfName(at: before) == before + count)
        }
      }
    }
  }

  @Test(arguments: alphabets)
  func `a name without an end is out of bounds`(alphabet: [UInt8]) {
    for count in 1...40 {
      // The zero byte before the name must not end it.
      let table = [0] + (0..<count).map { alphabet[$0 % alphabet.count] }
      #expect(throws: OutOfBounds(offset: table.count, byteCount: 1)) { try table.span.bytes.name(at: 1) }
      #expect(table.span.bytes.endOfName(at: 1) == nil)
    }
  }

  @Test(arguments: [Int.min, -1, 4, 5, Int.max])
  func `a name cannot begin outside`(offset: Int) {
    let table: [UInt8] = [1, 2, 3, 0]
    #expect(throws: OutOfBounds(offset: offset, byteCount: 1)) { try table.span.bytes.name(at: offset) }
    #expect(table.span.bytes.endOfName(at: offset) == nil)
  }

  @Test func `no name is in an empty table`() {
    #expect(throws: OutOfBounds(offset: 0, byteCount: 1)) { try [UInt8]().span.bytes.name(at: 0) }
  }

  @Test func `a name may begin inside another and be empty`() throws {
    let table = Array("first\0second\0".utf8)
    for (offset, name) in [(2, "rst"), (5, ""), (6, "second"), (12, "")] {
      let found = try table.span.bytes.name(at: offset)
      #expect(found == HashedName(byteCount: name.utf8.count, hash: nameHash(Array(name.utf8))))
    }
  }

  @Test func `names that differ in one bit or in length have other hashes`() {
    for count in 1...40 {
      let name = (0..<count).map { UInt8(0x41 + $0 % 26) }
      let hash = nameHash(name)
      for bit in 0..<count * 8 {
        var other = name
        other[bit / 8] ^= 1 << (bit % 8)
        #expect(nameHash(other) != hash)
      }
      #expect(nameHash(name + [0]) != hash, "padding with zeros is another name")
      #expect(nameHash(Array(name.dropLast())) != hash)
    }
  }

  @Test func `hashes of many similar names are spread`() {
    var hashes: Set<UInt32> = []
    var lowBits: Set<UInt32> = []
    for number in 0..<20_000 {
      let hash = nameHash(Array("_ZN4weld6symbolE\(number)v".utf8))
      hashes.insert(hash)
      lowBits.insert(hash & 0xfff)
    }
    // Random hashes would collide here once in twenty runs; 4,096 buckets with five names each are hardly
    // ever empty.
    #expect(hashes.count >= 19_999)
    #expect(lowBits.count >= 4_000)
  }

  private func nameHash(_ name: [UInt8]) -> UInt32 { name.span.bytes.nameHash() }
}

@Suite("Comparing bytes")
struct ComparisonTests {
  @Test func `spans of the same bytes are the same, and one bit makes a difference`() {
    for count in 0...20 {
      let bytes = (0..<count).map { UInt8($0 * 7) }
      // The copy lies at another alignment.
      let copy = [0xaa] + bytes
      #expect(same(bytes, copy.dropFirst()))
      for bit in 0..<count * 8 {
        var other = bytes
        other[bit / 8] ^= 1 << (bit % 8)
        #expect(!same(bytes, other[...]))
      }
      #expect(!same(bytes, (bytes + [0])[...]))
      if count > 0 { #expect(!same(bytes, bytes.dropLast())) }
    }
  }

  @Test func `a prefix is found only where all of it fits`() {
    let bytes = Bytes(Array("!<arch>\n".utf8))
    for prefix in ["", "!", "!<a", "!<arch>\n"] as [StaticString] { #expect(starts(bytes, with: prefix)) }
    for prefix in ["!<arch>\n ", "!<b", "<arch>"] as [StaticString] { #expect(!starts(bytes, with: prefix)) }
    #expect(starts(Bytes([]), with: ""))
    #expect(!starts(Bytes([]), with: "!"))
  }

  @Test(
    arguments: [
      "a", "ab", "abc", "abcd", "abcde", "abcdef", "abcdefg", "abcdefgh", "abcdefghi", "abcdefghijklmno",
      "abcdefghijklmnop", "abcdefghijklmnopq",
    ] as [StaticString])
  func `every byte of a prefix counts, and no other`(prefix: StaticString) {
    let bytes = Array("\(prefix)".utf8)
    #expect(starts(Bytes(bytes + [0xff]), with: prefix))
    for bit in 0..<bytes.count * 8 {
      var other = bytes
      other[bit / 8] ^= 1 << (bit % 8)
      #expect(!starts(Bytes(other + [0xff]), with: prefix))
    }
  }

  @Test func `equal text is equal in length too`() {
    let bytes = Bytes(Array(".text".utf8))
    #expect(equal(bytes, ".text"))
    for other in [".tex", ".text1", ".texu", ""] as [StaticString] { #expect(!equal(bytes, other)) }
    #expect(equal(Bytes([]), ""))
  }

  @Test(arguments: [
    (Array("größe".utf8), "größe"), ([0x61, 0xff, 0x62], "a\u{fffd}b"), ([], ""),
  ])
  func `bytes that are not UTF-8 are repaired in text`(bytes: [UInt8], text: String) {
    let decoded = String(decoding: bytes.span.bytes)
    #expect(decoded == text)
  }

  private func starts(_ bytes: Bytes, with prefix: StaticString) -> Bool { bytes.span.starts(with: prefix) }
  private func equal(_ bytes: Bytes, _ text: StaticString) -> Bool { bytes.span.equals(text) }

  private func same(_ left: [UInt8], _ right: ArraySlice<UInt8>) -> Bool {
    left.withUnsafeBytes { left in
      right.withUnsafeBytes { left.bytes.hasSameBytes(as: $0.bytes) }
    }
  }
}
