/// What the linker must make beside the sections of the objects: the result of the second stage.
///
/// Sizes only; addresses come with the layout.
struct Synthesis: Sendable {
  /// For each symbol the position of its entry, or -1.
  var entryOfSymbol: [Int32]
  /// Symbols that have a GOT slot or a stub.
  var entries: [Entry] = []
  /// How many 8-byte slots the GOT has.
  var slotCount = 0
  /// How many stubs there are.
  var stubCount = 0
  /// Bytes of a stub.
  var stubByteCount = 8
  /// What stubs are aligned to, in bytes.
  var stubAlignment = 8
  /// Whether something refers to the GOT's base.
  var usesGOTBase = false
  /// Undefined symbols that relocations refer to, by their canonical numbers, in the order of the input.
  var externals: [Int] = []

  /// Bytes of the GOT: one slot at least if something refers to its base.
  var gotByteCount: Int { max(slotCount, usesGOTBase ? 1 : 0) * 8 }

  /// A symbol that is reached by other ways than its address.
  struct Entry: Sendable {
    /// The canonical number of the symbol.
    var symbol: Int
    /// The slot that holds the symbol's address, or -1.
    var slot = -1
    /// The stub that jumps to the symbol, or -1.
    var stub = -1
    /// For an indirect function the slot of its stub, which holds what its resolver returned; else -1. Its
    /// address, in every other respect, is that of the stub, so that it is the same for everybody.
    var resolvedSlot = -1
  }

  init(symbolCount: Int) {
    entryOfSymbol = [Int32](repeating: -1, count: symbolCount)
  }

  /// The position of the entry of `symbol`, a canonical number, made if there is none.
  private mutating func entry(of symbol: Int) -> Int {
    if entryOfSymbol[symbol] >= 0 { return Int(entryOfSymbol[symbol]) }
    entryOfSymbol[symbol] = Int32(truncatingIfNeeded: entries.count)
    entries.append(Entry(symbol: symbol))
    return entries.count - 1
  }

  /// Makes a slot that holds the address of `symbol`, unless there is one.
  mutating func needSlot(_ symbol: Int) {
    let entry = entry(of: symbol)
    guard entries[entry].slot < 0 else { return }
    entries[entry].slot = slotCount
    slotCount += 1
  }

  /// Makes a stub that jumps to `symbol`, unless there is one.
  mutating func needStub(_ symbol: Int) {
    let entry = entry(of: symbol)
    guard entries[entry].stub < 0 else { return }
    entries[entry].stub = stubCount
    stubCount += 1
    needSlot(symbol)
  }

  /// Makes the stub that stands for the indirect function `symbol`, unless there is one.
  mutating func needIndirectStub(_ symbol: Int) {
    let entry = entry(of: symbol)
    guard entries[entry].stub < 0 else { return }
    entries[entry].stub = stubCount
    stubCount += 1
    entries[entry].resolvedSlot = slotCount
    slotCount += 1
  }
}
