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
    /// The bytes of all names, one after another, and where each begins; what is compared is close together.
    private var bytes: [UInt8] = []
    private var starts = [0]
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
          if hasBytes(known, bytes) { return names[known] }
        }
        slot = (slot &+ 1) & (slots.count &- 1)
      }
      let new = SymbolStringPtr(String(decoding: bytes), hash: hash)
      add(new, at: slot)
      return new
    }

    private func hasBytes(_ position: Int, _ other: RawSpan) -> Bool {
      let range = starts[position]..<starts[position + 1]
      return range.count == other.byteCount
        && RawSpan(_elements: bytes.span).extracting(range).hasSameBytes(as: other)
    }

    private mutating func append(_ name: SymbolStringPtr) {
      names.append(name)
      bytes += name.text.utf8
      starts.append(bytes.count)
    }

    private mutating func add(_ name: SymbolStringPtr, at slot: Int) {
      append(name)
      slots[slot] = UInt64(name.contentHash) &<< 32 | UInt64(truncatingIfNeeded: names.count)
      if names.count >= sweepAt {
        sweep()
      } else if names.count &* 2 > slots.count {
        rebuild()
      }
    }

    /// Forgets names that nobody holds.
    mutating func sweep() {
      var kept = 0
      for position in names.indices where !names[position].isOnlyReference() {
        names.swapAt(kept, position)
        kept += 1
      }
      let living = names[..<kept]
      names = []
      bytes = []
      starts = [0]
      for name in living { append(name) }
      sweepAt = max(1024, kept * 2)
      rebuild()
    }

    private mutating func rebuild() {
      var size = 64
      while size < names.count * 4 { size *= 2 }
      slots = [UInt64](repeating: 0, count: size)
      for (position, name) in names.enumerated() {
        var slot = Int(truncatingIfNeeded: name.contentHash) & (size - 1)
        while slots[slot] != 0 { slot = (slot &+ 1) & (size - 1) }
        slots[slot] = UInt64(name.contentHash) &<< 32 | UInt64(truncatingIfNeeded: position + 1)
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
public struct SymbolStringPtr: Hashable, Sendable {
  private final class Entry: Sendable {
    let text: String
    let hash: UInt32

    init(_ text: String, hash: UInt32) {
      self.text = text
      self.hash = hash
    }
  }

  private var entry: Entry

  fileprivate init(_ text: String, hash: UInt32) { entry = Entry(text, hash: hash) }

  /// The characters of the name.
  public var text: String { entry.text }

  /// Different for every name that is alive.
  var identity: UInt { UInt(bitPattern: ObjectIdentifier(entry)) }

  /// The hash of the text's bytes.
  fileprivate var contentHash: UInt32 { entry.hash }

  fileprivate mutating func isOnlyReference() -> Bool { isKnownUniquelyReferenced(&entry) }

  public static func == (left: Self, right: Self) -> Bool { left.entry === right.entry }

  public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(entry)) }
}

extension SymbolStringPtr: CustomStringConvertible {
  public var description: String { text }
}
