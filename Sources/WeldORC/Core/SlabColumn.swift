/// What somebody keeps for things of a ``Slab``, under their numbers, as quick to find.
///
/// The slab may have given the position of a thing to another one before what is kept for the first is removed.
struct SlabColumn<Value: Sendable>: Sendable {
  private struct Slot: Sendable {
    let number: Int
    var value: Value
  }

  /// By the positions of the things.
  private var slots: [Slot?] = []
  /// Of things whose position is taken.
  private var others: [Int: Value] = [:]

  /// Changes what is kept for the thing with this number, which begins as `empty`.
  @inline(__always)
  mutating func update(_ number: Int, from empty: @autoclosure () -> Value, _ change: (inout Value) -> Void) {
    let position = Slab<Value>.position(of: number)
    while slots.count <= position { slots.append(nil) }
    let isOther = !others.isEmpty && others[number] != nil
    if isOther || slots[position].map({ $0.number != number }) == true {
      change(&others[number, default: empty()])
      return
    }
    var value = slots[position].take()?.value ?? empty()
    change(&value)
    slots[position] = Slot(number: number, value: value)
  }

  /// Removes what is kept for the thing with this number, and returns it.
  mutating func removeValue(forKey number: Int) -> Value? {
    let position = Slab<Value>.position(of: number)
    guard position < slots.count, slots[position]?.number == number else {
      return others.removeValue(forKey: number)
    }
    return slots[position].take()?.value
  }
}
