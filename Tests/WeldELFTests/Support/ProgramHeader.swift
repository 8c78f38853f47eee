import WeldBytes

/// An entry of the program header table, as the tests read it.
struct ProgramHeader: Equatable {
  var type: UInt32
  var flags: UInt32
  var offset: UInt64
  var address: UInt64
  var storedByteCount: UInt64
  var byteCount: UInt64
  var alignment: UInt64

  static let load: UInt32 = 1
  static let threadLocal: UInt32 = 7

  /// All of `file`, or those of one type.
  static func all(of file: [UInt8], type: UInt32? = nil) throws -> [ProgramHeader] {
    let bytes = Bytes(file)
    let order: ByteOrder = file[5] == 2 ? .big : .little
    let count: UInt16 = try bytes.span.load(at: 56, order: order)
    return try (0..<Int(count)).map { number in
      let start = 64 + number * 56
      return ProgramHeader(
        type: try bytes.span.load(at: start, order: order),
        flags: try bytes.span.load(at: start + 4, order: order),
        offset: try bytes.span.load(at: start + 8, order: order),
        address: try bytes.span.load(at: start + 16, order: order),
        storedByteCount: try bytes.span.load(at: start + 32, order: order),
        byteCount: try bytes.span.load(at: start + 40, order: order),
        alignment: try bytes.span.load(at: start + 48, order: order))
    }.filter { type == nil || $0.type == type }
  }
}
