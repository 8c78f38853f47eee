/// Where segments lie relative to the start of their allocation: each on pages of its own, in order.
package struct SegmentLayout {
  /// The offset of each segment, in bytes.
  package var offsets: [Int]
  /// Bytes in all, a whole number of pages.
  package var byteCount: Int
  /// The alignment that the allocation's start must have, in bytes.
  package var alignment: Int

  package init(of segments: [SegmentRequest], pageSize: Int) throws(MemoryError) {
    offsets = []
    offsets.reserveCapacity(segments.count)
    byteCount = 0
    alignment = pageSize
    for segment in segments {
      let own = max(segment.alignment, pageSize)
      alignment = max(alignment, own)
      guard let start = byteCount.roundedUp(to: own) else { throw .tooLarge }
      let (end, overflow) = start.addingReportingOverflow(segment.byteCount)
      guard !overflow, let rounded = end.roundedUp(to: pageSize) else { throw .tooLarge }
      offsets.append(start)
      byteCount = rounded
    }
  }
}
