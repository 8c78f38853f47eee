extension [UInt8] {
  /// Appends an integer, stored in `order`.
  public mutating func append<T: FixedWidthInteger>(_ value: T, order: ByteOrder) {
    let count = MemoryLayout<T>.size
    for place in 0..<count {
      let shift = (order == .little ? place : count - 1 - place) * 8
      append(UInt8(truncatingIfNeeded: value >> T(shift)))
    }
  }
}
