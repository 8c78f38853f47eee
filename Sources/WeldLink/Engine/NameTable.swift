internal import WeldBytes

/// Names seen during a link, each with a small number.
///
/// Names stay where they are, in the string tables of the objects; the table keeps where. It compares bytes,
/// so names that are not text are as good as any.
struct NameTable {
  /// Where a name is.
  private struct Name {
    /// The position in `strings` of the bytes that the name is part of.
    var source: UInt32
    var offset: UInt32
    var byteCount: UInt32
    var hash: UInt32
    /// ``KnownName/identity``
    var identity: UInt = 0
  }

  private var names = Few<Name>()
  private var strings = BytesList()
  /// Hash in the upper half and number plus one in the lower one; 0 where free. The count is a power of two, or 0
  /// for a few names.
  private var slots: [UInt64] = []
  private var mask = 0

  /// An empty table.
  init() {}

  /// An empty table with room for about `capacity` names.
  init(capacity: Int) {
    if capacity > Self.unhashedCount { makeSlots((capacity * 2).nextPowerOfTwo) }
    if capacity > 1 { names.reserveCapacity(capacity * 2) }
  }

  /// As many names are quickly looked through.
  private static let unhashedCount = 4

  private mutating func makeSlots(_ count: Int) {
    slots = Array(of: 0, count: count)
    mask = count - 1
  }

  /// How many names there are; their numbers are all below it.
  var count: Int { names.count }

  /// Makes `bytes` known as something that names are part of.
  mutating func addStrings(_ bytes: Bytes) -> UInt32 {
    strings.append(bytes)
    return UInt32(truncatingIfNeeded: strings.count - 1)
  }

  /// The number of the name at `offset` of the bytes with the number `source`: the one it has, or a new one.
  ///
  /// - Parameter identity: what tells it from others that have one, if it is known.
  mutating func intern(
    _ found: HashedName, identity: UInt = 0, in source: UInt32, at offset: UInt32
  ) -> Int {
    if slots.isEmpty { return internAmongFew(found, in: source, at: offset) }
    var slot = Int(truncatingIfNeeded: found.hash) & mask
    while true {
      let entry = slots[slot]
      if entry == 0 { break }
      if UInt32(truncatingIfNeeded: entry &>> 32) == found.hash {
        let number = Int(truncatingIfNeeded: entry & 0xffff_ffff) &- 1
        let known = names[number]
        if known.identity != 0, identity != 0 {
          if known.identity == identity { return number }
        } else if Int(known.byteCount) == found.byteCount,
          known.source == source && known.offset == offset || isSame(known, source, offset, found.byteCount)
        {
          return number
        }
      }
      slot = (slot &+ 1) & mask
    }
    let number = names.count
    names.append(
      Name(
        source: source, offset: offset, byteCount: UInt32(truncatingIfNeeded: found.byteCount),
        hash: found.hash, identity: identity))
    slots[slot] = UInt64(found.hash) &<< 32 | UInt64(truncatingIfNeeded: number &+ 1)
    if names.count &* 2 > slots.count { hashNames(slotCount: slots.count * 2) }
    return number
  }

  private mutating func internAmongFew(_ found: HashedName, in source: UInt32, at offset: UInt32) -> Int {
    for number in names.indices
    where names[number].hash == found.hash && isSame(names[number], source, offset, found.byteCount) {
      return number
    }
    names.append(
      Name(
        source: source, offset: offset, byteCount: UInt32(truncatingIfNeeded: found.byteCount),
        hash: found.hash))
    if names.count > Self.unhashedCount { hashNames(slotCount: 16) }
    return names.count - 1
  }

  /// The number of `name`: the one it has, or a new one.
  mutating func intern(_ name: String) -> Int {
    let bytes = Bytes(Array(name.utf8))
    if let known = find(bytes.span, hash: bytes.span.nameHash()) { return known }
    let found = HashedName(byteCount: bytes.count, hash: bytes.span.nameHash())
    return intern(found, in: addStrings(bytes), at: 0)
  }

  /// The number of the name that consists of `bytes`, or `nil`.
  func find(_ bytes: RawSpan, hash: UInt32) -> Int? {
    guard !slots.isEmpty else {
      return names.firstIndex { $0.hash == hash && isSame($0, bytes) }
    }
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      if UInt32(truncatingIfNeeded: slots[slot] &>> 32) == hash {
        let number = Int(truncatingIfNeeded: slots[slot] & 0xffff_ffff) &- 1
        if isSame(names[number], bytes) { return number }
      }
      slot = (slot &+ 1) & mask
    }
    return nil
  }

  /// The number of `name`, or `nil`.
  func find(_ name: String) -> Int? {
    let span = RawSpan(_elements: name.utf8.span)
    return find(span, hash: span.nameHash())
  }

  /// Makes everything that names of `other` are part of known here.
  ///
  /// - Returns: what ``intern(_:of:after:)`` needs to find it again.
  mutating func addStrings(of other: NameTable) -> UInt32 {
    let first = UInt32(truncatingIfNeeded: strings.count)
    strings.append(contentsOf: other.strings)
    return first
  }

  /// The number of a name of another table, whose strings were added with the result `first`.
  mutating func intern(_ number: Int, of other: NameTable, after first: UInt32) -> Int {
    let name = other.names[number]
    return intern(
      HashedName(byteCount: Int(name.byteCount), hash: name.hash), in: first &+ name.source, at: name.offset)
  }

  /// The number here of a name of another table, or `nil`.
  func find(_ number: Int, of other: NameTable) -> Int? {
    let name = other.names[number]
    return find(
      other.strings.span(Int(name.source), at: Int(name.offset), count: Int(name.byteCount)), hash: name.hash)
  }

  /// The text of the name with this number.
  func text(_ number: Int) -> String { withBytes(number) { String(decoding: $0) } }

  /// Calls `body` with the bytes of the name with this number.
  func withBytes<Result>(_ number: Int, _ body: (RawSpan) -> Result) -> Result {
    let name = names[number]
    return body(strings.span(Int(name.source), at: Int(name.offset), count: Int(name.byteCount)))
  }

  private func isSame(_ name: Name, _ source: UInt32, _ offset: UInt32, _ byteCount: Int) -> Bool {
    isSame(name, strings.span(Int(source), at: Int(offset), count: byteCount))
  }

  private func isSame(_ name: Name, _ bytes: RawSpan) -> Bool {
    strings.span(Int(name.source), at: Int(name.offset), count: Int(name.byteCount)).hasSameBytes(as: bytes)
  }

  private mutating func hashNames(slotCount: Int) {
    makeSlots(slotCount)
    for (number, name) in names.enumerated() {
      var slot = Int(truncatingIfNeeded: name.hash) & mask
      while slots[slot] != 0 { slot = (slot &+ 1) & mask }
      slots[slot] = UInt64(name.hash) &<< 32 | UInt64(truncatingIfNeeded: number &+ 1)
    }
  }
}

extension Int {
  /// The least power of two that is not below this.
  fileprivate var nextPowerOfTwo: Int { self <= 1 ? 1 : 1 << (Int.bitWidth - (self - 1).leadingZeroBitCount) }
}
