/// A change of a ``LinkGraph`` that makes no sense. Names say where; offsets and sizes are in bytes.
public enum LinkGraphError: Error, Equatable, Sendable {
  /// An edge that does not lie in its block.
  case edgeOutsideBlock(file: String, section: String, offset: UInt64, byteCount: UInt64)
  /// A symbol that does not lie in its block.
  case symbolOutsideBlock(
    file: String, section: String, symbol: String, offset: UInt64, size: UInt64, byteCount: UInt64)
  /// A block that is split at a place that is not inside it.
  case splitOutsideBlock(file: String, section: String, offset: UInt64, byteCount: UInt64)
  /// A block that is split in the middle of what an edge writes.
  case splitInsideEdge(file: String, section: String, offset: UInt64, edgeOffset: UInt64, type: String)
  /// A block of frame descriptions that is split, which must follow one another.
  case splitFrames(file: String, section: String)
  /// A symbol of another graph, or one that was removed.
  case foreignSymbol(file: String, symbol: String)
  /// A block or a section of another graph, or a block that was removed.
  case foreignBlock(file: String, section: String)
  /// An edge leads to a symbol that was removed.
  case targetRemoved(file: String, section: String, offset: UInt64, symbol: String)
  /// An alignment that is no power of two.
  case notPowerOfTwo(file: String, section: String, alignment: UInt64)
  /// Contents or relocations for a block of zeros.
  case zeroFill(file: String, section: String)
  /// Contents of another size than the block has.
  case contentsSizeChanged(file: String, section: String, byteCount: UInt64, expected: UInt64)
  /// Symbols, sections or sizes were changed after memory was allocated.
  case shapeChanged(file: String)
  /// Edges were added after memory was allocated that need GOT slots or stubs, for which there is no room.
  case unplannedNeeds(file: String)
}

extension LinkGraphError: CustomStringConvertible {
  /// One line: where, what, and what to do.
  public var description: String {
    switch self {
    case .edgeOutsideBlock(let file, let section, let offset, let byteCount):
      "\(file): section '\(section)': an edge at byte \(offset) does not lie in its block of \(byteCount) bytes"
    case .symbolOutsideBlock(let file, let section, let symbol, let offset, let size, let byteCount):
      "\(file): section '\(section)': '\(symbol)' (\(size) bytes at \(offset)) does not lie in its block of "
        + "\(byteCount) bytes"
    case .splitOutsideBlock(let file, let section, let offset, let byteCount):
      "\(file): section '\(section)': cannot split a block of \(byteCount) bytes at byte \(offset)"
    case .splitInsideEdge(let file, let section, let offset, let edgeOffset, let type):
      "\(file): section '\(section)': cannot split at byte \(offset), inside of what \(type) at byte \(edgeOffset) "
        + "writes"
    case .splitFrames(let file, let section):
      "\(file): section '\(section)': frame descriptions follow one another and cannot be split"
    case .foreignSymbol(let file, let symbol):
      "\(file): '\(symbol)' is not a symbol of this graph, or not any more"
    case .foreignBlock(let file, let section):
      "\(file): section '\(section)': the block or section is not one of this graph, or not any more"
    case .targetRemoved(let file, let section, let offset, let symbol):
      "\(file): section '\(section)': the edge at byte \(offset) leads to '\(symbol)', which was removed; "
        + "make it external, or remove the edge"
    case .notPowerOfTwo(let file, let section, let alignment):
      "\(file): section '\(section)': an alignment of \(alignment) bytes is no power of two"
    case .zeroFill(let file, let section):
      "\(file): section '\(section)': a block of zeros has neither contents nor relocations"
    case .contentsSizeChanged(let file, let section, let byteCount, let expected):
      "\(file): section '\(section)': \(byteCount) bytes for a block of \(expected) bytes"
    case .shapeChanged(let file):
      "\(file): symbols, sections or sizes were changed after memory was allocated; do it in a prePrune or "
        + "postPrune pass"
    case .unplannedNeeds(let file):
      "\(file): edges that need GOT slots or stubs were added after memory was allocated; add them in a prePrune or "
        + "postPrune pass"
    }
  }
}
