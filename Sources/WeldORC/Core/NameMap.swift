/// Numbers under names of a session. Somebody else keeps the names alive.
///
/// A hash table with linear probing: names are where they are, so that their addresses stand for them.
struct NameMap: Sendable {
  private struct Slot: Sendable {
    /// The identity of the name; 0 where nothing is.
    var name: UInt = 0
    var value = 0
  }

  /// A power of two of them, or none.
  private var slots: [Slot] = []
  private(set) var count = 0

  init(capacity: Int = 0) {
    guard capacity > 0 else { return }
    var size = Self.smallestSize
    while size < capacity * 2 { size *= 2 }
    slots = Self.free(size)
  }

  private static let smallestSize = 8

  /// So many slots in which nothing is. Small tables are made often, and cheaper this way.
  private static func free(_ count: Int) -> [Slot] {
    guard count <= 64 else { return [Slot](repeating: Slot(), count: count) }
    var slots: [Slot] = []
    slots.reserveCapacity(count)
    for _ in 0..<count { slots.append(Slot()) }
    return slots
  }

  private func home(of name: UInt) -> Int {
    // Objects are 16 bytes or more apart.
    Int(truncatingIfNeeded: ((name &>> 4) &* 0x9e37_79b9_7f4a_7c15) &>> 32) & (slots.count &- 1)
  }

  /// Where the name is, or the free place where it would be.
  private func position(of name: UInt) -> Int {
    var position = home(of: name)
    while slots[position].name != 0, slots[position].name != name {
      position = (position &+ 1) & (slots.count &- 1)
    }
    return position
  }

  /// What is under the name.
  subscript(name: SymbolStringPtr) -> Int? {
    if count == 0 { return nil }
    let slot = slots[position(of: name.identity)]
    return slot.name == 0 ? nil : slot.value
  }

  /// Puts `value` under the name. Returns what was there, and stays.
  mutating func insert(_ value: Int, for name: SymbolStringPtr) -> Int? {
    if count &* 2 >= slots.count { resize(to: max(Self.smallestSize, slots.count * 2)) }
    let identity = name.identity
    let position = position(of: identity)
    guard slots[position].name == 0 else { return slots[position].value }
    slots[position] = Slot(name: identity, value: value)
    count += 1
    return nil
  }

  mutating func remove(_ name: SymbolStringPtr) {
    guard count > 0 else { return }
    var hole = position(of: name.identity)
    guard slots[hole].name != 0 else { return }
    count -= 1
    // What follows moves up, unless it would come before its home.
    var next = (hole &+ 1) & (slots.count &- 1)
    while slots[next].name != 0 {
      let home = home(of: slots[next].name)
      let distance = (next &- home) & (slots.count &- 1)
      if distance >= (next &- hole) & (slots.count &- 1) {
        slots[hole] = slots[next]
        hole = next
      }
      next = (next &+ 1) & (slots.count &- 1)
    }
    slots[hole] = Slot()
    // Seldom, and so that what looks at all slots takes no longer than for what is left.
    if slots.count > 64, count &* 8 < slots.count { resize(to: slots.count / 2) }
  }

  private mutating func resize(to size: Int) {
    let old = slots
    slots = Self.free(size)
    for slot in old where slot.name != 0 { slots[position(of: slot.name)] = slot }
  }

  /// All numbers.
  var values: some Sequence<Int> { slots.lazy.filter { $0.name != 0 }.map(\.value) }
}
