/// Finds names that may have been meant.
public enum Spelling {
  /// The names that are nearest to `name`, nearest first: at most `limit`, and none that differs in more than
  /// a third of its letters.
  public static func nearest(
    to name: String, among candidates: some Sequence<String>, limit: Int = 3
  ) -> [String] {
    let wanted = Array(name.utf8)
    let farthest = max(1, min(wanted.count / 3, 4))
    var found: [(distance: Int, name: String)] = []
    var seen: Set<String> = [name]
    for candidate in candidates {
      guard abs(candidate.utf8.count - wanted.count) <= farthest,
        let distance = distance(wanted, Array(candidate.utf8), atMost: farthest),
        seen.insert(candidate).inserted
      else { continue }
      found.append((distance, candidate))
    }
    return found.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(limit).map(\.name)
  }

  /// How many letters must be inserted, removed, replaced or swapped with their neighbour to get from one
  /// name to the other (optimal string alignment); `nil` if more than `limit`.
  ///
  /// Looks only at pairs of beginnings whose lengths differ by at most `limit`, since others are farther
  /// apart; so that long names take no more than their lengths.
  private static func distance(_ left: [UInt8], _ right: [UInt8], atMost limit: Int) -> Int? {
    let far = limit + 1
    var beforePrevious = [Int](repeating: far, count: right.count + 1)
    var previous = (0...right.count).map { min($0, far) }
    var current = beforePrevious
    for row in 1..<left.count + 1 {
      let columns = max(1, row - limit)..<min(right.count, row + limit) + 1
      guard !columns.isEmpty else { return nil }
      current[columns.lowerBound - 1] = columns.lowerBound == 1 ? min(row, far) : far
      var nearest = current[columns.lowerBound - 1]
      for column in columns {
        let replaced = previous[column - 1] + (left[row - 1] == right[column - 1] ? 0 : 1)
        var best = min(replaced, previous[column] + 1, current[column - 1] + 1)
        if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
          best = min(best, beforePrevious[column - 2] + 1)
        }
        current[column] = min(best, far)
        nearest = min(nearest, best)
      }
      if nearest > limit { return nil }
      if columns.upperBound <= right.count { current[columns.upperBound] = far }
      (beforePrevious, previous, current) = (previous, current, beforePrevious)
    }
    return previous[right.count] <= limit ? previous[right.count] : nil
  }
}
