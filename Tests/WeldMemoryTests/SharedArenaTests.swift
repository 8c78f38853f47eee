import Testing

@testable import WeldMemory

@Suite("Address space that allocations share")
struct SharedArenaTests {
  static let page = SystemMemory.pageSize
  static let slab = 16 * page..<32 * page

  /// An arena with one slab.
  private func arena() -> SharedArena {
    var arena = SharedArena()
    arena.addSlab(Self.slab)
    return arena
  }

  @Test func `parts follow each other, and what is released waits`() {
    var arena = arena()
    let first = arena.take(64, alignment: 64)
    #expect(first == Self.slab.lowerBound..<Self.slab.lowerBound + 64)
    // Aligned parts begin where the one before ends.
    let second = arena.take(128, alignment: 1024)
    #expect(second == Self.slab.lowerBound + 64..<Self.slab.lowerBound + 1024 + 128)
    if let first { arena.release(first) }
    #expect(arena.take(64, alignment: 64)?.lowerBound == second?.upperBound)
    arena.reclaim(isSynchronized: true) { _ in false }
    #expect(arena.take(64, alignment: 64) == first)
  }

  @Test func `parts that are released in any order become one again`() {
    var arena = arena()
    let parts = (0..<16).compactMap { _ in arena.take(Self.page, alignment: 64) }
    #expect(parts.count == 16)
    #expect(arena.take(64, alignment: 64) == nil)
    for number in 0..<16 { arena.release(parts[number * 7 % 16]) }
    #expect(arena.take(64, alignment: 64) == nil)
    arena.reclaim(isSynchronized: true) { _ in false }
    #expect(arena.take(16 * Self.page, alignment: Self.page) == Self.slab)
  }

  @Test func `without synchronization only whole pages are used again, once they are empty`() {
    var arena = arena()
    let parts = (0..<4).compactMap { _ in arena.take(Self.page / 2, alignment: 64) }
    let all = arena.take(14 * Self.page, alignment: 64)
    #expect(all?.count == 14 * Self.page)
    var emptied: [Range<Int>] = []
    func reclaim(_ succeeds: Bool = true) {
      arena.reclaim(isSynchronized: false) { pages in
        emptied.append(pages)
        return succeeds
      }
    }
    // Half of the first page, and all of the second.
    for number in [0, 2, 3] { arena.release(parts[number]) }
    reclaim()
    let second = Self.slab.lowerBound + Self.page..<Self.slab.lowerBound + 2 * Self.page
    #expect(emptied == [second])
    #expect(arena.take(64, alignment: 64)?.lowerBound == second.lowerBound)
    // What cannot be emptied waits, and what waits becomes free with the rest of its page.
    arena.release(parts[1])
    reclaim(false)
    #expect(arena.take(Self.page, alignment: 64) == nil)
    reclaim()
    #expect(arena.take(Self.page, alignment: 64)?.lowerBound == Self.slab.lowerBound)
  }

  @Test func `empty slabs go, but for one`() {
    var arena = arena()
    let others = [64 * Self.page..<80 * Self.page, 40 * Self.page..<56 * Self.page]
    for slab in others { arena.addSlab(slab) }
    let parts = (0..<3).compactMap { _ in arena.take(16 * Self.page, alignment: 64) }
    // The one that was added last comes first, then those behind it.
    #expect(parts == [others[1], others[0]])
    for part in parts { arena.release(part) }
    #expect(arena.takeEmptySlabs(keeping: 1) == [])
    arena.reclaim(isSynchronized: true) { _ in false }
    #expect(arena.takeEmptySlabs(keeping: 1) == [others[1], others[0]])
    #expect(arena.take(16 * Self.page, alignment: 64) == Self.slab)
    #expect(arena.take(64, alignment: 64) == nil)
  }

  @Test func `what was abandoned is never handed out, and goes with its slab`() {
    var arena = arena()
    let other = 40 * Self.page..<56 * Self.page
    arena.addSlab(other)
    let parts = (0..<4).compactMap { _ in arena.take(4 * Self.page, alignment: 64) }
    #expect(parts.last?.upperBound == other.upperBound)
    arena.abandon(parts[2])
    arena.abandon(parts[0])
    for part in [parts[3], parts[1]] { arena.release(part) }
    let reclaim = { arena.reclaim(isSynchronized: true) { _ in false } }
    reclaim()
    var taken: [Range<Int>] = []
    while let part = arena.take(4 * Self.page, alignment: 64) { taken.append(part) }
    #expect(Set(taken).isDisjoint(with: [parts[0], parts[2]]))
    #expect(taken.count == 2 + Self.slab.count / (4 * Self.page))
    for part in taken where other.contains(part.lowerBound) { arena.release(part) }
    reclaim()
    // Even if a slab that is free is to be kept: this one is not.
    #expect(arena.takeEmptySlabs(keeping: 1) == [other])
    #expect(arena.takeEmptySlabs(keeping: 0) == [])
    #expect(arena.take(4 * Self.page, alignment: 64) == nil)
  }

  @Test func `pages get memory before they are handed out, or are not`() {
    var arena = arena()
    var asked: [Range<Int>] = []
    let take = { (isThere: Bool) in
      arena.take(3 * Self.page, alignment: 64) { pages in
        asked.append(pages)
        return isThere
      }
    }
    let start = Self.slab.lowerBound
    #expect(take(false) == nil)
    #expect(take(true) == start..<start + 3 * Self.page)
    #expect(asked == [start..<start + 11 * Self.page, start..<start + 11 * Self.page])
    for _ in 0..<2 { _ = take(false) }
    #expect(asked.count == 2)
    #expect(take(true) == start + 9 * Self.page..<start + 12 * Self.page)
    #expect(asked.last == start + 9 * Self.page..<Self.slab.upperBound)
  }

  @Test func `a slab of which parts wait goes when nobody has anything in it`() {
    var arena = arena()
    let parts = [5 * Self.page / 2, Self.page].compactMap { arena.take($0 & ~63, alignment: 64) }
    for part in parts { arena.release(part) }
    arena.reclaim(isSynchronized: false) { _ in true }
    #expect(arena.takeEmptySlabs(keeping: 0) == [Self.slab])
    #expect(arena.take(64, alignment: 64) == nil)
  }

  @Test func `free pages with contents are emptied, but for the first ones, and once`() {
    var arena = arena()
    guard let part = arena.take(10 * Self.page + 64, alignment: 64),
      let last = arena.take(64, alignment: 64)
    else {
      Issue.record("no room")
      return
    }
    arena.release(part)
    arena.reclaim(isSynchronized: true) { _ in false }
    var emptied: [Range<Int>] = []
    for _ in 0..<2 {
      arena.trim(keeping: 4 * Self.page) { pages in
        emptied.append(pages)
        return true
      }
    }
    // Not the page that is half in use; those that got memory ahead, too.
    let start = Self.slab.lowerBound
    #expect(
      emptied == [
        start + 4 * Self.page..<start + 10 * Self.page, start + 11 * Self.page..<start + 16 * Self.page,
      ])
    #expect(last.lowerBound == Self.slab.lowerBound + 10 * Self.page + 64)
  }
}
