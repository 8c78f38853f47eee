internal import Synchronization
internal import WeldBytes

/// The names of a session, each stored once, so that comparing two is comparing two addresses.
///
/// A name lives as long as somebody holds it. The table notices names that nobody holds when it has doubled since
/// it last looked, and in ``clearDeadEntries()``; so it is never more than twice as large as what is in use.
/// LLVM's `SymbolStringPool`.
public final class SymbolStringPool: Sendable {
  /// The names by the hashes of their bytes.
  struct Table: Sendable {
    private var names: [SymbolStringPtr] = []
    /// Hash in the upper half, position in `names` plus one in the lower one; 0 where free.
    private var slots = [UInt64](repeating: 0, count: 64)
    private var sweepAt = 1024

    var count: Int { names.count }

    /// The name with these bytes, of which `hash` is the hash.
    mutating func intern(_ bytes: RawSpan, hash: UInt32) -> SymbolStringPtr {
      var slot = Int(truncatingIfNeeded: hash) & (slots.count &- 1)
      while slots[slot] != 0 {
        if UInt32(truncatingIfNeeded: slots[slot] &>> 32) == hash {
          let known = Int(truncatingIfNeeded: slots[slot] & 0xffff_ffff) &- 1
          if names[known].hasBytes(bytes) { return names[known] }
        }
        slot = (slot &+ 1) & (slots.count &- 1)
      }
      let new = SymbolStringPtr(bytes)
      names.append(new)
      slots[slot] = Self.slot(hash, names.count &- 1)
      if names.count >= sweepAt { sweep() }
      if names.count &* 2 > slots.count { grow() }
      return new
    }

    private static func slot(_ hash: UInt32, _ position: Int) -> UInt64 {
      UInt64(hash) &<< 32 | UInt64(truncatingIfNeeded: position &+ 1)
    }

    /// Forgets names that nobody holds.
    mutating func sweep() {
      var kept = 0
      // Where each of them is afterwards; the same place, as long as nothing is gone.
      var moved: [Int] = []
      for position in names.indices {
        let isDead = names[position].isOnlyReference()
        if isDead, moved.isEmpty { moved = Array(0..<position) }
        if isDead || !moved.isEmpty { moved.append(isDead ? -1 : kept) }
        guard !isDead else { continue }
        if kept < position { names.swapAt(kept, position) }
        kept += 1
      }
      sweepAt = max(1024, kept * 2)
      guard kept < names.count else { return }
      names.removeLast(names.count - kept)
      var size = 64
      while size < kept * 4 { size *= 2 }
      rebuild(size: size) { moved[$0] }
    }

    private mutating func grow() { rebuild(size: slots.count * 2) { $0 } }

    /// Makes the slots anew, with the positions that `position` gives; negative ones are gone.
    private mutating func rebuild(size: Int, _ position: (Int) -> Int) {
      let old = slots
      slots = [UInt64](repeating: 0, count: size)
      for entry in old where entry != 0 {
        let position = position(Int(truncatingIfNeeded: entry & 0xffff_ffff) &- 1)
        guard position >= 0 else { continue }
        let hash = UInt32(truncatingIfNeeded: entry &>> 32)
        var slot = Int(truncatingIfNeeded: hash) & (size &- 1)
        while slots[slot] != 0 { slot = (slot &+ 1) & (size &- 1) }
        slots[slot] = Self.slot(hash, position)
      }
    }
  }

  private let table = Mutex(Table())

  public init() {}

  /// The name with this text.
  public func intern(_ text: String) -> SymbolStringPtr {
    table.withLock { table in
      let bytes = RawSpan(_elements: text.utf8.span)
      return table.intern(bytes, hash: bytes.nameHash())
    }
  }

  /// Calls `body` with the table, to intern many names at once.
  func withTable<R: Sendable>(_ body: (inout Table) -> R) -> R { table.withLock { body(&$0) } }

  /// Forgets the names which nobody holds.
  public func clearDeadEntries() { table.withLock { $0.sweep() } }

  /// How many names are held.
  public var count: Int {
    table.withLock { table in
      table.sweep()
      return table.count
    }
  }
}

/// A name of a ``SymbolStringPool``. Equal are two that come from the same pool and have the same text.
///
/// LLVM's `SymbolStringPtr`.
///
/// Unchecked: the bytes are written before anybody else has them, and never again.
public struct SymbolStringPtr: Hashable, @unchecked Sendable {
  /// The bytes of a name, behind their number: one piece of memory.
  private final class Entry: ManagedBuffer<Int, UInt8> {}

  private var entry: Entry

  fileprivate init(_ bytes: RawSpan) {
    let entry = unsafe unsafeDowncast(
      Entry.create(minimumCapacity: bytes.byteCount) { _ in bytes.byteCount }, to: Entry.self)
    // There is room for that many.
    unsafe bytes.withUnsafeBytes { source in
      unsafe entry.withUnsafeMutablePointerToElements { target in
        unsafe UnsafeMutableRawBufferPointer(start: target, count: source.count).copyMemory(from: source)
      }
    }
    self.entry = entry
  }

  /// Calls `body` with the bytes of the name.
  private func withBytes<R>(_ body: (RawSpan) -> R) -> R {
    unsafe entry.withUnsafeMutablePointers { count, elements in
      // As many as were written.
      unsafe body(RawSpan(_unsafeStart: elements, byteCount: count.pointee))
    }
  }

  /// The characters of the name; bytes that are not UTF-8 are repaired to U+FFFD.
  public var text: String { withBytes { String(decoding: $0) } }

  /// Different for every name that is alive.
  var identity: UInt { UInt(bitPattern: ObjectIdentifier(entry)) }

  fileprivate func hasBytes(_ other: RawSpan) -> Bool { withBytes { $0.hasSameBytes(as: other) } }

  fileprivate mutating func isOnlyReference() -> Bool { isKnownUniquelyReferenced(&entry) }

  public static func == (left: Self, right: Self) -> Bool { left.entry === right.entry }

  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(entry)) }

  /// What dictionaries and sets of names ask for, instead of ``hash(into:)``: nobody chooses where a name is, so that one
  /// multiplication mixes well enough.
  public func _rawHashValue(seed: Int) -> Int {
    let product = (identity ^ UInt(bitPattern: seed)).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
    return Int(truncatingIfNeeded: product.low ^ product.high)
  }
}

extension SymbolStringPtr: CustomStringConvertible {
  public var description: String { text }
}
