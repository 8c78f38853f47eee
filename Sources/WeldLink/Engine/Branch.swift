/// A function, as a relocation's place sees it.
public struct Callee: Equatable, Sendable {
  /// Whether it is defined by what is linked together, at a place of its own.
  public var isDefined: Bool
  /// Whether it is an indirect function (`STT_GNU_IFUNC`).
  public var isIndirect: Bool
  /// `st_other` of its definition.
  public var other: UInt8
}

/// How a relocation's place gets to a function.
public struct Route: Equatable, Sendable {
  /// Bytes from the function's address to where the place enters it.
  public var entryOffset: UInt64
  /// The kind of stub that can stand in; `nil` if none can.
  public var stub: StubKind?
  /// Whether it must, however near the function is.
  public var needsStub: Bool
  /// How far away the function may be, in bytes, before the stub stands in although the field could hold
  /// more.
  public var reach: Int64

  /// A route that enters `entryOffset` bytes into the function or goes through a stub.
  public init(
    entryOffset: UInt64 = 0, stub: StubKind?, needsStub: Bool = false, reach: Int64 = .max
  ) {
    self.reach = reach
    self.entryOffset = entryOffset
    self.stub = stub
    self.needsStub = needsStub
  }
}

/// A kind of stub of an architecture.
public struct StubKind: Hashable, Sendable {
  /// Tells the kinds of one architecture apart. 0 is the usual one.
  public var number: UInt8
  /// What maps call it.
  public var name: String { String(describing: staticName) }
  private var staticName: StaticString
  /// Bytes it takes.
  public var byteCount: Int
  /// What it is aligned to: a power of two, in bytes.
  public var alignment: Int
  /// Whether it reads the function's address from a GOT slot.
  public var readsSlot: Bool
  /// Whether the caller must restore its TOC pointer afterwards.
  public var changesTOC: Bool

  /// A kind of stub.
  public init(
    _ number: UInt8, _ name: StaticString, byteCount: Int, alignment: Int, readsSlot: Bool = true,
    changesTOC: Bool = false
  ) {
    self.number = number
    staticName = name
    self.byteCount = byteCount
    self.alignment = alignment
    self.readsSlot = readsSlot
    self.changesTOC = changesTOC
  }

  public static func == (left: Self, right: Self) -> Bool { left.number == right.number }
  public func hash(into hasher: inout Hasher) { hasher.combine(number) }
}

/// The addresses that go into a stub.
public struct StubSite: Equatable, Sendable {
  /// Where the stub begins.
  public var address: UInt64
  /// The slot that holds the address it leads to; 0 if it reads none.
  public var slot: UInt64
  /// Where it leads to.
  public var target: UInt64
  /// The base of the GOT.
  public var GOT: UInt64
}
