import Testing

@testable import WeldORC

@Suite("What is kept for things of a slab")
struct SlabColumnTests {
  @Test func `it is found under the number of its thing, and no other`() {
    var slab = Slab<String>()
    var column = SlabColumn<[Int]>()
    let numbers = (0..<5).map { slab.insert("\($0)") }
    for number in numbers.reversed() {
      column.update(number, from: []) { $0.append(number) }
      column.update(number, from: [-1]) { $0.append(1) }
    }
    for number in numbers {
      #expect(column.removeValue(forKey: number) == [number, 1])
      #expect(column.removeValue(forKey: number) == nil)
    }
    #expect(column.removeValue(forKey: slab.insert("behind all")) == nil)
  }

  @Test func `who gets a position does not get what was kept for its last owner`() {
    var slab = Slab<String>()
    var column = SlabColumn<[Int]>()
    let first = slab.insert("first")
    column.update(first, from: []) { $0.append(1) }
    _ = slab.removeValue(forKey: first)
    let second = slab.insert("second")
    #expect(Slab<String>.position(of: first) == Slab<String>.position(of: second))
    // Nobody has removed yet what belongs to the first.
    column.update(second, from: []) { $0.append(2) }
    column.update(first, from: [-1]) { $0.append(3) }
    #expect(column.removeValue(forKey: first) == [1, 3])
    // Its place is free now, but what was elsewhere stays one.
    column.update(second, from: [-1]) { $0.append(4) }
    #expect(column.removeValue(forKey: second) == [2, 4])
    #expect(column.removeValue(forKey: first) == nil && column.removeValue(forKey: second) == nil)
  }
}
