/// What must happen in the memory of the target while it is finalized.
public struct FinalizeWork: Equatable, Sendable {
  /// Indirect functions: each resolver is called and its result stored.
  public var indirectFunctions: [IndirectFunction]
  /// Frame descriptions that the unwinder is to know for as long as the memory is there.
  public var frames: Frames?
  /// Functions that are called in this order once code is executable. In another process that is before indirect
  /// functions are resolved; in this one, after it.
  public var actions: [AllocationAction]

  /// An indirect function to be resolved.
  public struct IndirectFunction: Equatable, Sendable {
    /// Gets the processor's capabilities (`AT_HWCAP`), as the loaders of Power and Z pass them, and returns the
    /// address of the function to use.
    public var resolver: Address
    /// Where the address goes, in 8 bytes.
    public var slot: Address

    /// Stores in `slot` what the function at `resolver` returns.
    public init(resolver: Address, slot: Address) {
      self.resolver = resolver
      self.slot = slot
    }
  }

  /// Frame descriptions (`.eh_frame`), which end with four zero bytes.
  public struct Frames: Equatable, Sendable {
    /// Where they begin.
    public var address: Address
    /// How many bytes they take, the zeros included.
    public var byteCount: Int

    /// The frame descriptions at `address`.
    public init(address: Address, byteCount: Int) {
      self.address = address
      self.byteCount = byteCount
    }
  }

  /// The given work; by default none.
  public init(
    indirectFunctions: [IndirectFunction] = [], frames: Frames? = nil, actions: [AllocationAction] = []
  ) {
    self.indirectFunctions = indirectFunctions
    self.frames = frames
    self.actions = actions
  }
}

/// Calls that go with an allocation; ORC's `AllocActionCallPair`.
public struct AllocationAction: Equatable, Sendable {
  /// Called when the memory is finalized. If it fails, so does that, and the actions before it are undone.
  public var finalize: WrapperCall?
  /// Called before the memory goes back, those of later actions first. Nobody hears of its failure.
  public var deallocate: WrapperCall?

  /// Calls `finalize` now and `deallocate` in the end.
  public init(finalize: WrapperCall?, deallocate: WrapperCall?) {
    self.finalize = finalize
    self.deallocate = deallocate
  }
}

/// A call of a wrapper function whose result is an `Error` of ORC's simple packed serialization.
public struct WrapperCall: Equatable, Sendable {
  /// The function, of the type `CWrapperFunctionResult (const char *arguments, size_t byteCount)`.
  public var function: Address
  /// Its arguments, serialized.
  public var arguments: [UInt8]

  /// A call of `function` with `arguments`.
  public init(function: Address, arguments: [UInt8]) {
    self.function = function
    self.arguments = arguments
  }
}
