public import WeldBytes
public import WeldMemory

/// `argv` of a program: the pointers, a null pointer, and behind them the texts.
public struct ArgumentVector: Sendable {
  private let texts: [[UInt8]]

  /// The vector for `arguments`, the first of which is the program's name.
  public init(_ arguments: [String]) { texts = arguments.map { Array($0.utf8) + [0] } }

  /// `argc`.
  public var count: Int { texts.count }

  /// Bytes that it takes, pointers and texts.
  public var byteCount: Int { pointersByteCount + texts.reduce(0) { $0 + $1.count } }

  private var pointersByteCount: Int { (count + 1) * 8 }

  /// Its bytes for the address at which it will be.
  public func bytes(at address: Address, order: ByteOrder) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(byteCount)
    var text = address.advanced(by: UInt64(pointersByteCount))
    for argument in texts {
      bytes.append(text.rawValue, order: order)
      text = text.advanced(by: UInt64(argument.count))
    }
    bytes.append(0 as UInt64, order: order)
    return bytes + texts.joined()
  }
}
