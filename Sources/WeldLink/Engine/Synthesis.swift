/// What the linker must make beside the sections of the objects: what the scan gives.
///
/// Sizes only; addresses come with the layout.
struct Synthesis: ~Copyable, Sendable {
  /// For each symbol the position of its entry, or -1; empty as long as there are no entries.
  private var entryOfSymbol: [Int32] = []
  private let symbolCount: Int
  /// Symbols that are undefined or have a plain slot or a plain stub: almost all that have anything.
  private var entries: [Entry] = []
  /// The others.
  private var otherSlots: [SlotKey: Int] = [:]
  private var otherStubs: [StubKey: Int] = [:]
  /// The slots of the GOT, in the order of their addresses.
  private(set) var slots: [Slot] = []
  /// The stubs, in the order of their addresses within each group.
  private(set) var stubs: [Stub] = []
  /// The indirect functions of the batch, by their canonical numbers, and the positions of the stubs that stand for them.
  private(set) var indirectFunctions: [(symbol: Int, stub: Int)] = []
  /// Stubs that lie together, in reach of some of the text; none without stubs.
  var stubGroups: [StubGroup] = []
  /// For each section the number of its group of stubs; empty if there is one group only.
  var groupOfSection: [UInt16] = []
  /// Bytes of all slots.
  private var slotByteCount = 0
  /// Whether something refers to the GOT's base.
  var usesGOTBase = false
  /// Whether some code that finds the thread-local block stays as it is.
  var keepsLocalDynamic = false
  /// Undefined symbols that relocations refer to, by their canonical numbers, in the order of the input.
  private(set) var externals: [Int] = []
  /// `st_other` by the numbers of symbols; empty where the machine has no local entries.
  var others: [UInt8] = []
  /// Objects, by their positions in the batch, whose code reaches only 64 KiB of the TOC.
  var smallTOCObjects: Set<Int> = []
  /// Whether some relocation holds an address of the batch in 32 bits, so that it must lie below 2 GiB.
  var wantsLowAddresses = false
  /// Whether the layout is made, so that there is no room for further slots and stubs.
  var isLaidOut = false
  /// Whether something was needed since then that there is no room for.
  private(set) var lacksRoom = false
  /// Words of `.toc` sections that code reads in ways that cannot be rewritten.
  var keptWords: Set<SectionPlace> = []

  /// Bytes of the GOT: one slot at least if something refers to its base.
  var gotByteCount: Int { max(slotByteCount, usesGOTBase ? 8 : 0) }

  /// A slot, or two of them that belong together.
  struct Slot: Sendable {
    /// The canonical number of the symbol.
    var symbol: Int
    /// What is added to the symbol's address.
    var addend: UInt64
    var kind: SlotKind
    /// Bytes from the start of the GOT.
    var offset: Int
    /// Whether it holds what the resolver of the indirect function returned, not its address, which, in every
    /// other respect, is that of its stub, so that it is the same for everybody.
    var isResolved = false
  }

  /// A stub.
  struct Stub: Sendable {
    /// The canonical number of the symbol that it leads to.
    var symbol: Int
    /// What is added to the symbol's address.
    var addend: UInt64
    var kind: StubKind
    /// The position of the slot that it reads, or -1.
    var slot: Int
    var group: Int
    /// Bytes from the start of its group.
    var offset: Int
  }

  struct StubGroup: Sendable {
    var byteCount = 0
    /// A power of two, in bytes.
    var alignment = 1
    /// The section that they lie behind: the last of its group, or one that has an address of its own; -1 if
    /// they lie at the end of the text.
    var lastSection = -1
  }

  /// A place in a section of the batch.
  struct SectionPlace: Hashable, Sendable {
    var section: Int
    /// Bytes from the section's start.
    var offset: UInt64
  }

  private struct Entry: Sendable {
    var slot: Int32 = -1
    var stub: Int32 = -1
    /// For an indirect function the slot of its stub.
    var resolvedSlot: Int32 = -1
    var isExternal = false
  }

  private struct SlotKey: Hashable {
    var symbol: Int
    var addend: UInt64
    var kind: SlotKind
  }

  private struct StubKey: Hashable {
    var symbol: Int
    var addend: UInt64
    var kind: StubKind
    var group: Int
  }

  init(symbolCount: Int) { self.symbolCount = symbolCount }

  /// The entry of a symbol, if it has one.
  private func entry(ofSymbol symbol: Int) -> Entry? {
    guard !entryOfSymbol.isEmpty, entryOfSymbol[symbol] >= 0 else { return nil }
    return entries[Int(entryOfSymbol[symbol])]
  }

  /// The group of stubs that section `number` uses.
  func group(ofSection number: Int) -> Int { groupOfSection.isEmpty ? 0 : Int(groupOfSection[number]) }
}

// MARK: - Finding

extension Synthesis {
  /// The position of the slot for a symbol, a canonical number; `nil` if there is none.
  func slot(of symbol: Int, addend: UInt64, _ kind: SlotKind) -> Int? {
    guard kind == .address, addend == 0 else {
      return otherSlots[SlotKey(symbol: kind == .module ? 0 : symbol, addend: addend, kind: kind)]
    }
    guard let slot = entry(ofSymbol: symbol)?.slot, slot >= 0 else { return nil }
    return Int(slot)
  }

  /// The position of the stub for a symbol, a canonical number; `nil` if there is none.
  func stub(of symbol: Int, addend: UInt64, _ kind: StubKind, group: Int) -> Int? {
    guard kind.number == 0, addend == 0, group == 0 else {
      return otherStubs[StubKey(symbol: symbol, addend: addend, kind: kind, group: group)]
    }
    guard let stub = entry(ofSymbol: symbol)?.stub, stub >= 0 else { return nil }
    return Int(stub)
  }
}

// MARK: - Making

extension Synthesis {
  /// The position of the entry of `symbol`, a canonical number, made if there is none.
  private mutating func entry(of symbol: Int) -> Int {
    if entryOfSymbol.isEmpty { entryOfSymbol = Array(of: -1, count: symbolCount) }
    if entryOfSymbol[symbol] >= 0 { return Int(entryOfSymbol[symbol]) }
    entryOfSymbol[symbol] = Int32(truncatingIfNeeded: entries.count)
    entries.append(Entry())
    return entries.count - 1
  }

  /// Notes that `symbol`, a canonical number, must be found elsewhere.
  mutating func needExternal(_ symbol: Int) {
    let entry = entry(of: symbol)
    guard !entries[entry].isExternal else { return }
    entries[entry].isExternal = true
    externals.append(symbol)
  }

  /// Makes a slot for `symbol`, unless there is one.
  mutating func needSlot(_ symbol: Int, addend: UInt64, _ kind: SlotKind) {
    guard slot(of: symbol, addend: addend, kind) == nil else { return }
    guard !isLaidOut else { return lacksRoom = true }
    if kind == .address, addend == 0 {
      let entry = entry(of: symbol)
      entries[entry].slot = Int32(truncatingIfNeeded: slots.count)
    } else {
      otherSlots[SlotKey(symbol: kind == .module ? 0 : symbol, addend: addend, kind: kind)] = slots.count
    }
    addSlot(symbol, addend, kind)
  }

  private mutating func addSlot(_ symbol: Int, _ addend: UInt64, _ kind: SlotKind, isResolved: Bool = false) {
    slots.append(
      Slot(symbol: symbol, addend: addend, kind: kind, offset: slotByteCount, isResolved: isResolved))
    slotByteCount += kind.byteCount
  }

  /// Makes a stub that leads to `symbol`, unless there is one.
  mutating func needStub(_ symbol: Int, addend: UInt64, _ kind: StubKind, group: Int, isIndirect: Bool) {
    guard stub(of: symbol, addend: addend, kind, group: group) == nil else { return }
    guard !isLaidOut else { return lacksRoom = true }
    var slot = -1
    if kind.readsSlot {
      if isIndirect {
        slot = resolvedSlot(of: symbol)
      } else {
        needSlot(symbol, addend: addend, .address)
        slot = self.slot(of: symbol, addend: addend, .address) ?? -1
      }
    }
    if kind.number == 0, addend == 0, group == 0 {
      let entry = entry(of: symbol)
      entries[entry].stub = Int32(truncatingIfNeeded: stubs.count)
    } else {
      otherStubs[StubKey(symbol: symbol, addend: addend, kind: kind, group: group)] = stubs.count
    }
    if stubGroups.isEmpty { stubGroups.append(StubGroup()) }
    let offset = (stubGroups[group].byteCount + kind.alignment - 1) & ~(kind.alignment - 1)
    stubs.append(
      Stub(symbol: symbol, addend: addend, kind: kind, slot: slot, group: group, offset: offset))
    stubGroups[group].byteCount = offset + kind.byteCount
    stubGroups[group].alignment = max(stubGroups[group].alignment, kind.alignment)
  }

  /// Makes the stub whose address is that of an indirect function.
  mutating func needStub(ofIndirect symbol: Int, _ kind: StubKind) {
    indirectFunctions.append((symbol, stubs.count))
    needStub(symbol, addend: 0, kind, group: 0, isIndirect: true)
  }

  /// The position of the slot that holds what the resolver of an indirect function returned.
  private mutating func resolvedSlot(of symbol: Int) -> Int {
    let entry = entry(of: symbol)
    if entries[entry].resolvedSlot < 0 {
      entries[entry].resolvedSlot = Int32(truncatingIfNeeded: slots.count)
      addSlot(symbol, 0, .address, isResolved: true)
    }
    return Int(entries[entry].resolvedSlot)
  }
}

extension SlotKind {
  /// Bytes of the slot, or of the two.
  var byteCount: Int {
    switch self {
    case .address, .threadPointerOffset, .moduleOffset: 8
    case .moduleAndOffset, .module, .descriptor: 16
    }
  }
}
