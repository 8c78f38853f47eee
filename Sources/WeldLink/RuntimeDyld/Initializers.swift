public import WeldMemory

/// The functions that a batch wants called (gABI, "Initialization and Termination Functions").
public struct Initializers: Equatable, Sendable {
  /// What is called before the program, in this order: `.preinit_array`, then `.init_array` and `.ctors` by
  /// priority.
  public var before: [Run]
  /// What is called after it, in this order: `.fini_array` and `.dtors`, by descending priority.
  public var after: [Run]

  /// Pointers to functions, one after another in memory. 0 and -1 are marks, not addresses.
  public struct Run: Equatable, Sendable {
    /// Where the first one is.
    public var address: Address
    /// How many there are.
    public var count: Int
    /// Whether they are called from the last to the first: `.ctors` and `.fini_array`.
    public var isReversed: Bool
    /// When they are called, compared with those of other batches: what runs before the program by ascending
    /// numbers, what runs after it by descending ones. -1 for `.preinit_array`, ``lastPriority`` for sections without
    /// a number.
    public var priority: Int

    /// The priority of sections whose names have none.
    public static let lastPriority = 65536
  }
}
