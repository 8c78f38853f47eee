/// Things under numbers, which are not reused: who has the number of something that is gone finds nothing.
///
/// As quick as an array: the lower half of a number is a position, the upper half tells how often it was taken. No
/// number is 0.
struct Slab<Element: Sendable>: Sendable {
  private struct Slot: Sendable {
    var generation: UInt32 = 1
    var element: Element?
  }

  /// In the first one nothing ever is.
  private var slots = [Slot()]
  private var free: [UInt32] = []

  /// How many there are.
  var count: Int { slots.count - 1 - free.count }
  var isEmpty: Bool { count == 0 }

  /// Adds `element`, and returns its number.
  mutating func insert(_ element: consuming Element) -> Int {
    if let position = free.popLast() {
      slots[Int(position)].element = element
      return Self.number(Int(position), slots[Int(position)].generation)
    }
    slots.append(Slot(element: element))
    return Self.number(slots.count - 1, 1)
  }

  private static func number(_ position: Int, _ generation: UInt32) -> Int {
    Int(truncatingIfNeeded: UInt64(generation) &<< 32 | UInt64(truncatingIfNeeded: position))
  }

  /// Where the thing with the number is among all that there ever were at once.
  static func position(of number: Int) -> Int { Int(UInt32(truncatingIfNeeded: number)) }

  /// Where the thing with the number is; 0 if it is not there.
  @inline(__always)
  private func slot(of number: Int) -> Int {
    let position = Self.position(of: number)
    return position < slots.count
      && slots[position].generation == UInt32(truncatingIfNeeded: number &>> 32) ? position : 0
  }

  /// Changes the thing with this number, if it is there. Quicker than through the subscript, which allocates memory
  /// for each access that changes something.
  @inline(__always)
  mutating func update(_ number: Int, _ body: (inout Element) -> Void) {
    let position = slot(of: number)
    guard position > 0, slots[position].element != nil else { return }
    // Anything that binds it would copy it.
    // swift-format-ignore: NeverForceUnwrap
    body(&slots[position].element!)
  }

  /// Whether the thing with this number is there.
  func contains(_ number: Int) -> Bool { slots[slot(of: number)].element != nil }

  /// What `body` makes of an element, without a copy of it; `nil` without one.
  @inline(__always) @discardableResult
  func read<R>(_ number: Int, _ body: (borrowing Element) -> R) -> R? {
    let position = slot(of: number)
    guard slots[position].element != nil else { return nil }
    // Anything that binds it would copy it.
    // swift-format-ignore: NeverForceUnwrap
    return body(slots[position].element!)
  }

  /// The thing with this number. It may be changed, or removed by setting it to `nil`.
  subscript(number: Int) -> Element? {
    @inline(__always) get { slots[slot(of: number)].element }
    _modify {
      let position = slot(of: number)
      yield &slots[position].element
      if position == 0 {
        slots[0].element = nil
      } else if slots[position].element == nil {
        release(position)
      }
    }
  }

  private mutating func release(_ position: Int) {
    slots[position].generation &+= 1
    // Where a position was taken too often to tell, it is not taken again.
    if slots[position].generation < UInt32(Int32.max) { free.append(UInt32(truncatingIfNeeded: position)) }
  }

  /// Removes the thing with this number, and returns it.
  mutating func removeValue(forKey number: Int) -> Element? {
    let position = slot(of: number)
    guard position > 0, let element = slots[position].element.take() else { return nil }
    release(position)
    return element
  }

  /// All numbers.
  var numbers: [Int] {
    slots.indices.compactMap { position in
      slots[position].element == nil ? nil : Self.number(position, slots[position].generation)
    }
  }

  /// All things.
  var elements: some Sequence<Element> { slots.lazy.compactMap(\.element) }
}
