/// A name found in a string table: how long it is and the hash under which tables keep it.
public struct HashedName: Equatable, Sendable {
  /// Bytes of the name, without its terminator.
  public var byteCount: Int
  /// The hash of the name's bytes; equal names have equal hashes, wherever they stand.
  public var hash: UInt32

  /// A name of `byteCount` bytes with the given hash.
  @inlinable
  public init(byteCount: Int, hash: UInt32) {
    self.byteCount = byteCount
    self.hash = hash
  }
}

/// Hashes a name eight bytes at a time.
///
/// Seeded anew in every process, so that nobody can prepare names that collide.
@usableFromInline
struct NameHasher {
  @usableFromInline static let seed = UInt64.random(in: .min ... .max)

  @usableFromInline var state: UInt64

  @inlinable
  init() { state = Self.seed }

  @inlinable @inline(__always)
  mutating func combine(_ word: UInt64) {
    let product = (state ^ word).multipliedFullWidth(by: 0xd6e8_feb8_6659_fd93)
    state = product.low ^ product.high
  }

  @inlinable @inline(__always)
  func finish(byteCount: Int) -> UInt32 {
    let product = (state ^ UInt64(truncatingIfNeeded: byteCount)).multipliedFullWidth(
      by: 0xa076_1d64_78bd_642f)
    return UInt32(truncatingIfNeeded: product.low ^ product.high)
  }
}

extension RawSpan {
  /// Measures and hashes the name that starts at `offset` and ends before the next zero byte.
  ///
  /// Throws when no zero byte follows inside the span.
  @inlinable
  public func name(at offset: Int) throws(OutOfBounds) -> HashedName {
    guard offset >= 0, offset < byteCount else { throw OutOfBounds(offset: offset, byteCount: 1) }
    var hasher = NameHasher()
    var position = offset
    while position <= byteCount &- 8 {
      let word = word(UInt64.self, at: position).littleEndian
      let zeros = Self.zeros(in: word)
      if zeros != 0 {
        let bits = UInt64(zeros.trailingZeroBitCount) & ~7
        if bits > 0 { hasher.combine(word & ((1 &<< bits) &- 1)) }
        let count = position &- offset &+ Int(truncatingIfNeeded: bits &>> 3)
        return HashedName(byteCount: count, hash: hasher.finish(byteCount: count))
      }
      hasher.combine(word)
      position &+= 8
    }
    var tail: UInt64 = 0
    var shift: UInt64 = 0
    while position < byteCount {
      let byte: UInt8 = try load(at: position, order: .little)
      if byte == 0 {
        if shift > 0 { hasher.combine(tail) }
        let count = position &- offset
        return HashedName(byteCount: count, hash: hasher.finish(byteCount: count))
      }
      tail |= UInt64(byte) &<< shift
      shift &+= 8
      position &+= 1
    }
    throw OutOfBounds(offset: position, byteCount: 1)
  }

  /// Where the name that starts at `offset` ends: at the next zero byte; `nil` if there is none.
  @inlinable
  public func endOfName(at offset: Int) -> Int? {
    guard offset >= 0 else { return nil }
    var position = offset
    while position <= byteCount &- 8 {
      let zeros = Self.zeros(in: word(UInt64.self, at: position).littleEndian)
      if zeros != 0 { return position &+ zeros.trailingZeroBitCount &>> 3 }
      position &+= 8
    }
    while position < byteCount {
      if word(UInt8.self, at: position) == 0 { return position }
      position &+= 1
    }
    return nil
  }

  /// The lowest bit of the result marks the first zero byte of `word` (Mycroft's test; only higher bytes can be false hits).
  @inlinable @inline(__always)
  static func zeros(in word: UInt64) -> UInt64 {
    (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
  }

  /// Hashes the whole span as one name, to the same value that ``name(at:)`` gives for a stored copy of it.
  @inlinable
  public func nameHash() -> UInt32 {
    var hasher = NameHasher()
    var position = 0
    while position <= byteCount &- 8 {
      hasher.combine(word(UInt64.self, at: position).littleEndian)
      position &+= 8
    }
    if position < byteCount { hasher.combine(tail(from: position)) }
    return hasher.finish(byteCount: byteCount)
  }

  /// The bytes from `position` on, which are fewer than eight, as the low bytes of a word.
  @inlinable @inline(__always)
  func tail(from position: Int) -> UInt64 {
    if byteCount >= 8 {
      // The last eight bytes, without those before `position`.
      let word = word(UInt64.self, at: byteCount &- 8).littleEndian
      return word &>> UInt64(truncatingIfNeeded: (position &- byteCount &+ 8) &* 8)
    }
    var tail: UInt64 = 0
    for offset in position..<byteCount {
      tail |= UInt64(word(UInt8.self, at: offset)) &<< UInt64(truncatingIfNeeded: (offset &- position) &* 8)
    }
    return tail
  }

  /// Whether both spans hold the same bytes.
  @inlinable
  public func hasSameBytes(as other: RawSpan) -> Bool {
    guard byteCount == other.byteCount else { return false }
    if byteCount < 8 { return hasSameFewBytes(as: other) }
    var position = 0
    while position < byteCount &- 8 {
      if word(UInt64.self, at: position) != other.word(at: position) { return false }
      position &+= 8
    }
    // The last eight bytes, some of which may have been compared.
    return word(UInt64.self, at: byteCount &- 8) == other.word(at: byteCount &- 8)
  }

  /// The same for spans of the same length below eight: by two words that cover them, or by up to three bytes.
  @inlinable @inline(__always)
  func hasSameFewBytes(as other: RawSpan) -> Bool {
    if byteCount >= 4 {
      return word(UInt32.self, at: 0) == other.word(at: 0)
        && word(UInt32.self, at: byteCount &- 4) == other.word(at: byteCount &- 4)
    }
    guard byteCount > 0 else { return true }
    return word(UInt8.self, at: 0) == other.word(at: 0)
      && word(UInt8.self, at: byteCount &>> 1) == other.word(at: byteCount &>> 1)
      && word(UInt8.self, at: byteCount &- 1) == other.word(at: byteCount &- 1)
  }

  /// The bytes from `position` on as a number of this machine; only where they are in bounds.
  @inlinable @inline(__always)
  func word<Word: FixedWidthInteger & BitwiseCopyable>(_: Word.Type = Word.self, at position: Int) -> Word {
    // In bounds, as every caller has made sure.
    unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: Word.self)
  }

  /// Whether the span begins with the bytes of `prefix`.
  @inlinable
  public func starts(with prefix: StaticString) -> Bool {
    let count = prefix.utf8CodeUnitCount
    guard count <= byteCount else { return false }
    // Literals do not go away.
    let bytes = unsafe RawSpan(_unsafeStart: prefix.utf8Start, byteCount: count)
    return extracting(0..<count).hasSameBytes(as: bytes)
  }

  /// Whether the span holds exactly the bytes of `text`.
  @inlinable
  public func equals(_ text: StaticString) -> Bool {
    byteCount == text.utf8CodeUnitCount && starts(with: text)
  }
}

extension [UInt8] {
  /// The bytes of `span`.
  public init(copying span: RawSpan) {
    self = unsafe span.withUnsafeBytes { buffer in
      // The buffer is read, not kept.
      unsafe Array(buffer)
    }
  }
}

extension String {
  /// The text of `bytes`; bytes that are not UTF-8 are repaired to U+FFFD.
  public init(decoding bytes: RawSpan) {
    self = unsafe bytes.withUnsafeBytes { buffer in
      // The buffer is read, not kept.
      unsafe String(decoding: buffer, as: UTF8.self)
    }
  }
}
