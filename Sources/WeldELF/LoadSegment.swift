/// A part of an executable that is loaded as a whole, a `PT_LOAD`.
///
/// The system maps whole pages, so no page may belong to two of them: sections on one page share a segment,
/// which permits what any of them needs. Only that page does; the pages before and after it keep to their
/// own.
struct LoadSegment: Equatable {
  /// The pages it takes.
  private var pages: Range<UInt64>
  /// From the first byte of its first section to the end of its last one.
  private(set) var used: Range<UInt64>
  /// The end of the last byte that is not known to be zero; `nil` if all are zero.
  private var contentsEnd: UInt64?
  /// Those of ``SectionFlags/write`` and ``SectionFlags/executable`` that any of its sections has.
  private(set) var flags: SectionFlags
  /// Where its bytes are in the file. As many bytes after the start of a page as its address is.
  private(set) var offset: UInt64 = 0
  /// The end, in memory, of what is in the file; behind it everything is zero.
  private(set) var storedEnd: UInt64 = 0

  /// Bytes of it that are in the file.
  var storedByteCount: UInt64 { storedEnd - used.lowerBound }

  /// Where the byte at `address` is in the file.
  func offset(of address: UInt64) -> UInt64 {
    offset + min(address, storedEnd) - used.lowerBound
  }

  /// A section that takes memory.
  struct Content {
    var range: Range<UInt64>
    var isZero: Bool
    var flags: SectionFlags
  }
}

extension LoadSegment {
  /// The segments for `contents`, which are in the order of their addresses, do not overlap, are not empty
  /// and end at least a page before the end of the address space.
  ///
  /// - Parameters:
  ///   - page: bytes in a page, a power of two.
  ///   - cursor: where the file goes on; becomes the end of the last segment's bytes.
  static func covering(
    _ contents: [Content], page: UInt64, cursor: inout UInt64
  ) -> [LoadSegment] {
    var segments: [LoadSegment] = []
    for content in contents {
      var rest = LoadSegment(content, page: page)
      if let last = segments.last, rest.pages.lowerBound < last.pages.upperBound {
        // They share one page, the last one of what is there already.
        let shared = last.pages.upperBound - page
        if last.pages.lowerBound < shared {
          segments.append(segments[segments.count - 1].split(at: shared))
        }
        let end = min(rest.pages.upperBound, last.pages.upperBound)
        let hasMore = rest.pages.upperBound > end
        let more = hasMore ? rest.split(at: end) : rest
        segments[segments.count - 1].join(rest)
        guard hasMore else { continue }
        rest = more
      }
      segments.append(rest)
    }
    var joined: [LoadSegment] = []
    for segment in segments {
      if let last = joined.last, last.canBeJoined(with: segment, page: page) {
        joined[joined.count - 1].join(segment)
      } else {
        joined.append(segment)
      }
    }
    for position in joined.indices { joined[position].store(page: page, at: &cursor) }
    return joined
  }

  private init(_ content: Content, page: UInt64) {
    used = content.range
    pages = used.lowerBound & ~(page - 1)..<(used.upperBound + (page - 1)) & ~(page - 1)
    contentsEnd = content.isZero ? nil : used.upperBound
    flags = content.flags.intersection([.write, .executable])
  }

  /// Gives up what lies at `boundary`, the start of a page, and behind it.
  private mutating func split(at boundary: UInt64) -> LoadSegment {
    var back = self
    back.pages = boundary..<pages.upperBound
    back.used = boundary..<used.upperBound
    back.contentsEnd = contentsEnd.flatMap { $0 > boundary ? $0 : nil }
    pages = pages.lowerBound..<boundary
    used = used.lowerBound..<boundary
    contentsEnd = contentsEnd.map { min($0, boundary) }
    return back
  }

  /// Takes in a segment that begins on the last page of this one or on the page behind it.
  private mutating func join(_ other: LoadSegment) {
    pages = pages.lowerBound..<max(pages.upperBound, other.pages.upperBound)
    used = used.lowerBound..<other.used.upperBound
    contentsEnd = other.contentsEnd ?? contentsEnd
    flags.formUnion(other.flags)
  }

  /// Whether `next` follows at once, permits the same, and no page of zeros would have to be stored before
  /// it.
  private func canBeJoined(with next: LoadSegment, page: UInt64) -> Bool {
    guard pages.upperBound == next.pages.lowerBound, flags == next.flags else { return false }
    guard next.contentsEnd != nil else { return true }
    return contentsEnd.map { $0 > pages.upperBound - page } ?? false
  }

  /// Takes room in the file.
  private mutating func store(page: UInt64, at cursor: inout UInt64) {
    cursor += (used.lowerBound &- cursor) & (page - 1)
    offset = cursor
    // Zeros are stored to the end of a page: the system clears part of a page only where it may be written.
    storedEnd = contentsEnd.map { min(($0 + (page - 1)) & ~(page - 1), used.upperBound) } ?? used.lowerBound
    cursor += storedByteCount
  }
}
