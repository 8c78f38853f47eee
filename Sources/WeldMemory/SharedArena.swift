/// Address space of one kind that allocations of many links share: which parts of it are free, and which of its pages have
/// contents.
///
/// Slabs are added when there is no room. What is released is set aside, and becomes free when ``reclaim(isSynchronized:_:)``
/// says so. What is abandoned never does; it goes with its slab. Parts are handed out in ascending order of address, each
/// without looking at more than one free part as a rule; those that are too small are passed over until then.
struct SharedArena {
  /// What all parts are multiples of, in bytes: no less than a line of most caches, so that writing one part does not
  /// disturb who uses its neighbours.
  static let granule = 64
  /// Bytes for which there is memory before they are needed, at most.
  static let populatedByteCount = 1 << 15
  /// Pages in a slab, at most.
  static let pagesPerSlab = 512

  /// In ascending order, no two of them adjacent.
  private var free: [Range<Int>] = []
  /// The position of the free part that is handed out from; those before it were passed over.
  private var current = 0
  /// What was released since it was last reclaimed.
  private var released: [Range<Int>] = []
  /// What was released and cannot be used again before all of its page can; in ascending order.
  private var waiting: [Range<Int>] = []
  /// What is not used again, though nobody here has it; in ascending order, no two of them adjacent.
  private var abandoned: [Range<Int>] = []
  /// What was abandoned since it was last looked at.
  private var newlyAbandoned: [Range<Int>] = []
  /// In ascending order.
  private var slabs: [Slab] = []
  /// Pages that are known to have contents: those that were handed out from last.
  private var residentPages = 0..<0

  /// A run of pages.
  private struct Slab {
    let range: Range<Int>
    /// One bit for each page that may have contents.
    private var resident: [8 of UInt64] = .init(repeating: 0)

    init(_ range: Range<Int>) { self.range = range }

    private func bit(at address: Int) -> (word: Int, mask: UInt64) {
      let page = (address - range.lowerBound) / SystemMemory.pageSize
      return (page / 64, 1 << UInt64(page % 64))
    }

    func isResident(at address: Int) -> Bool {
      let (word, mask) = bit(at: address)
      return resident[word] & mask != 0
    }

    mutating func setResident(_ isResident: Bool, at address: Int) {
      let (word, mask) = bit(at: address)
      if isResident { resident[word] |= mask } else { resident[word] &= ~mask }
    }
  }

  /// Adds free address space without contents: whole pages, not adjacent to others of this arena.
  mutating func addSlab(_ range: Range<Int>) {
    slabs.insert(
      Slab(range), at: slabs.firstIndex { range.lowerBound < $0.range.lowerBound } ?? slabs.endIndex)
    current = free.firstIndex { range.lowerBound < $0.lowerBound } ?? free.endIndex
    free.insert(range, at: current)
  }

  /// Takes a part that ends with `byteCount` bytes, a multiple of the granule, from a multiple of `alignment` on, which is no
  /// more than a page; `nil` if there is no room.
  ///
  /// - Parameter populate: gets memory for pages without contents, and says whether there is some.
  mutating func take(
    _ byteCount: Int, alignment: Int, populate: (Range<Int>) -> Bool = { _ in true }
  ) -> Range<Int>? {
    while current < free.count {
      let part = free[current]
      let start = (part.lowerBound + alignment - 1) & ~(alignment - 1)
      if start + byteCount <= part.upperBound {
        let taken = part.lowerBound..<start + byteCount
        guard makeResident(taken, until: part.upperBound, populate) else { return nil }
        free[current] = taken.upperBound..<part.upperBound
        return taken
      }
      current += 1
    }
    return nil
  }

  /// Has memory for a part, and for what comes next of the free part that ends at `end`: some pages at once come cheaper.
  private mutating func makeResident(_ range: Range<Int>, until end: Int, _ populate: (Range<Int>) -> Bool)
    -> Bool
  {
    if residentPages.lowerBound <= range.lowerBound, range.upperBound <= residentPages.upperBound {
      return true
    }
    let pageSize = SystemMemory.pageSize
    let ahead = min(range.upperBound + Self.populatedByteCount, end)
    let pages = range.lowerBound & ~(pageSize - 1)..<(ahead + pageSize - 1) & ~(pageSize - 1)
    guard let slab = slabs.firstIndex(where: { $0.range.contains(range.lowerBound) }) else { return true }
    let addresses = stride(from: pages.lowerBound, to: pages.upperBound, by: pageSize)
    if addresses.contains(where: { !slabs[slab].isResident(at: $0) }), !populate(pages) { return false }
    for address in addresses { slabs[slab].setResident(true, at: address) }
    residentPages = pages
    return true
  }

  /// Sets aside a part that was taken.
  mutating func release(_ range: Range<Int>) { released.append(range) }

  /// Gives up a part that was taken: somebody else may have it.
  mutating func abandon(_ range: Range<Int>) { newlyAbandoned.append(range) }

  /// Makes what was released free.
  ///
  /// - Parameters:
  ///   - isSynchronized: whether all cores know that code there changes. If not, whole pages only become free, once
  ///     the system has taken them from all cores.
  ///   - discard: empties whole pages, and says whether it could.
  mutating func reclaim(isSynchronized: Bool, _ discard: (Range<Int>) -> Bool) {
    released.sort { $0.lowerBound < $1.lowerBound }
    var reclaimed = Self.merge(waiting, released)
    released.removeAll(keepingCapacity: true)
    waiting = []
    if !isSynchronized {
      let candidates = reclaimed
      reclaimed = []
      for part in candidates {
        let pages = Self.wholePages(of: part)
        guard !pages.isEmpty, discard(pages) else {
          waiting.append(part)
          continue
        }
        setNotResident(pages)
        reclaimed.append(pages)
        if part.lowerBound < pages.lowerBound { waiting.append(part.lowerBound..<pages.lowerBound) }
        if pages.upperBound < part.upperBound { waiting.append(pages.upperBound..<part.upperBound) }
      }
    }
    free = Self.merge(free, reclaimed)
    current = 0
    residentPages = 0..<0
  }

  /// Both lists in one, in ascending order as they are; what is adjacent becomes one.
  private static func merge(_ left: [Range<Int>], _ right: [Range<Int>]) -> [Range<Int>] {
    var merged: [Range<Int>] = []
    merged.reserveCapacity(left.count + right.count)
    var (i, j) = (0, 0)
    while i < left.count || j < right.count {
      let takesLeft = j == right.count || i < left.count && left[i].lowerBound < right[j].lowerBound
      let next = takesLeft ? left[i] : right[j]
      if takesLeft { i += 1 } else { j += 1 }
      if next.isEmpty { continue }
      if let last = merged.last, last.upperBound == next.lowerBound {
        merged[merged.count - 1] = last.lowerBound..<next.upperBound
      } else {
        merged.append(next)
      }
    }
    return merged
  }

  private static func wholePages(of range: Range<Int>) -> Range<Int> {
    let mask = SystemMemory.pageSize - 1
    let start = (range.lowerBound + mask) & ~mask
    return start..<max(start, range.upperBound & ~mask)
  }

  private mutating func setNotResident(_ pages: Range<Int>) {
    guard let slab = slabs.firstIndex(where: { $0.range.contains(pages.lowerBound) }) else { return }
    for address in stride(from: pages.lowerBound, to: pages.upperBound, by: SystemMemory.pageSize) {
      slabs[slab].setResident(false, at: address)
    }
  }

  /// Removes slabs of which nobody has a part, but for the first `kept` of those that are free as a whole.
  mutating func takeEmptySlabs(keeping kept: Int) -> [Range<Int>] {
    var empty = wholeSlabs(of: free)
    let isKept = Set(empty.prefix(kept))
    if !newlyAbandoned.isEmpty {
      newlyAbandoned.sort { $0.lowerBound < $1.lowerBound }
      abandoned = Self.merge(abandoned, newlyAbandoned)
      newlyAbandoned = []
    }
    if !abandoned.isEmpty || !waiting.isEmpty {
      // Nobody has what waits, either; unmapping it is as good as emptying it.
      empty = wholeSlabs(of: Self.merge(Self.merge(free, waiting), abandoned))
    }
    empty.removeAll { isKept.contains($0) }
    guard !empty.isEmpty else { return [] }
    free = Self.parts(of: free, outside: empty)
    waiting = Self.parts(of: waiting, outside: empty)
    abandoned = Self.parts(of: abandoned, outside: empty)
    let removed = Set(empty)
    slabs.removeAll { removed.contains($0.range) }
    current = 0
    return empty
  }

  /// Those of the parts that are in none of `slabs`; both in ascending order.
  private static func parts(of parts: [Range<Int>], outside slabs: [Range<Int>]) -> [Range<Int>] {
    var left: [Range<Int>] = []
    var position = 0
    for part in parts {
      while position < slabs.count, slabs[position].upperBound <= part.lowerBound { position += 1 }
      if position == slabs.count || part.upperBound <= slabs[position].lowerBound { left.append(part) }
    }
    return left
  }

  /// The parts, in ascending order as they are, that are whole slabs.
  private func wholeSlabs(of parts: [Range<Int>]) -> [Range<Int>] {
    var whole: [Range<Int>] = []
    var position = 0
    for part in parts where !part.isEmpty {
      // Both are in ascending order, and each part is in a slab.
      while slabs[position].range.upperBound <= part.lowerBound { position += 1 }
      if slabs[position].range == part { whole.append(part) }
    }
    return whole
  }

  /// Empties free pages that have contents, but for the first ones, up to `byteCount` bytes.
  mutating func trim(keeping byteCount: Int, _ discard: (Range<Int>) -> Bool) {
    let pageSize = SystemMemory.pageSize
    residentPages = 0..<0
    var kept = 0
    var position = 0
    for part in free where !part.isEmpty {
      while slabs[position].range.upperBound <= part.lowerBound { position += 1 }
      var surplus: Range<Int>?
      let pages = Self.wholePages(of: part)
      for address in stride(from: pages.lowerBound, to: pages.upperBound, by: pageSize)
      where slabs[position].isResident(at: address) {
        if kept < byteCount {
          kept += pageSize
        } else {
          surplus = (surplus?.lowerBound ?? address)..<address + pageSize
        }
      }
      if let surplus, discard(surplus) {
        for address in stride(from: surplus.lowerBound, to: surplus.upperBound, by: pageSize) {
          slabs[position].setResident(false, at: address)
        }
      }
    }
  }
}
