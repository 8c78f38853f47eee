/// A list that mostly has no more than one element, for which it needs no memory.
public struct Few<Element: Sendable>: Sendable {
  @usableFromInline var first: Element?
  @usableFromInline var others: [Element] = []

  @inlinable
  public init() {}

  @inlinable
  public init(_ element: Element) { first = element }

  @inlinable
  public init(_ elements: some Swift.Sequence<Element>) {
    reserveCapacity(elements.underestimatedCount)
    for element in elements { append(element) }
  }

  @inlinable
  public mutating func reserveCapacity(_ count: Int) {
    if count > 1 { others.reserveCapacity(count - 1) }
  }

  @inlinable
  public mutating func append(_ element: consuming Element) {
    if first == nil { first = element } else { others.append(element) }
  }

  @inlinable
  public mutating func append(contentsOf elements: Few) {
    if isEmpty { self = elements } else { for element in elements { append(element) } }
  }

  @inlinable
  public mutating func removeAll(keepingCapacity: Bool = false) {
    first = nil
    others.removeAll(keepingCapacity: keepingCapacity)
  }

  @inlinable
  public func filter(_ isIncluded: (Element) -> Bool) -> Few {
    var found = Few()
    for element in self where isIncluded(element) { found.append(element) }
    return found
  }

  /// Without a copy of the first one.
  @inlinable @inline(__always)
  public func forEach(_ body: (borrowing Element) -> Void) {
    // Anything that binds it would copy it.
    // swift-format-ignore: NeverForceUnwrap
    if first != nil { body(first!) }
    for element in others { body(element) }
  }

  /// As a sequence's, without copies.
  @inlinable @inline(__always)
  public func allSatisfy(_ isMet: (borrowing Element) -> Bool) -> Bool {
    // Anything that binds it would copy it.
    // swift-format-ignore: NeverForceUnwrap
    if first != nil, !isMet(first!) { return false }
    for element in others where !isMet(element) { return false }
    return true
  }

  /// As a sequence's, without copies.
  @inlinable @inline(__always)
  public func contains(where isMet: (borrowing Element) -> Bool) -> Bool { !allSatisfy { !isMet($0) } }

  @inlinable
  public mutating func updateEach(_ body: (inout Element) -> Void) {
    guard var element = first.take() else { return }
    body(&element)
    first = element
    for position in others.indices { body(&others[position]) }
  }
}

extension Few: RandomAccessCollection, MutableCollection {
  @inlinable
  public var startIndex: Int { 0 }
  @inlinable
  public var endIndex: Int { count }
  @inlinable
  public var isEmpty: Bool { first == nil }
  @inlinable
  public var count: Int { first == nil ? 0 : 1 + others.count }

  @inlinable
  public subscript(position: Int) -> Element {
    @inline(__always) get {
      if position > 0 { return others[position - 1] }
      guard let first else { preconditionFailure("an element of an empty list") }
      return first
    }
    @inline(__always) set {
      if position > 0 {
        others[position - 1] = newValue
      } else {
        precondition(first != nil)
        first = newValue
      }
    }
  }
}

extension Few: ExpressibleByArrayLiteral {
  @inlinable
  public init(arrayLiteral elements: Element...) { for element in elements { append(element) } }
}
