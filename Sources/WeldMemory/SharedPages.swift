internal import Glibc
internal import Synchronization

/// Pages of a window that small allocations of many links share.
///
/// Those for code and constants are never writable in the window. How they are written all the same is their ``Writer``'s
/// business. Pages for variables are private to the process, and written where they are.
final class SharedPages: Sendable {
  /// What pages are for, and so how they may be accessed.
  enum Kind: Int {
    case code, constants, variables

    /// All of them, by number.
    static var all: [3 of Kind] { [.code, .constants, .variables] }
  }

  /// How code and constants are written.
  enum Writer: Sendable {
    /// In a second view of their pages, without a call to the system. Children share the pages, and lack that view.
    case mirror(Mirror)
    /// By the system, in one call for an allocation: hence constants lie with code, in pages that can be executed. Children
    /// have pages of their own, as of all other memory, and go on with them. The system may refuse; then nothing is shared.
    case memoryFile(ProcessMemoryFile)
  }

  /// What an allocation needs of one kind: bytes, a multiple of the granule, or none.
  struct Need {
    var byteCount = 0
    var alignment = SharedArena.granule
  }

  /// What an allocation has, by kind; empty where it needs nothing. Each ends with the bytes that were needed.
  typealias Blocks = [3 of Range<Int>]

  private let window: Window
  private let writer: Writer
  /// Where constants are.
  private let constantKind: Kind
  /// What is told of code that was written.
  let instructionCache: InstructionCache
  private let synchronization: CoreSynchronization
  private let slabByteCount: Int
  private let state = Mutex(State())

  private struct State {
    var arenas: [3 of SharedArena] = .init(repeating: SharedArena())
    var releasedByteCount = 0
    var releasedCount = 0
    /// Whether pages were written by the writer; `nil` before it was tried.
    var isWriterProven: Bool?
  }

  /// What may be released, in bytes or allocations, before it is made free again, all at once.
  private static let releasedByteLimit = 1 << 19
  private static let releasedCountLimit = 1 << 13
  /// Bytes of free pages of each kind that the system does not get back.
  private static let keptByteCount = 1 << 19

  /// Bytes that an allocation may have here.
  let byteLimit: Int
  /// Bytes in a page, which no alignment may exceed here.
  let pageSize = SystemMemory.pageSize

  /// Whether this process was forked from the one that can write the memory, and cannot.
  var isInherited: Bool {
    if case .mirror(let mirror) = writer { mirror.isInherited } else { false }
  }

  init(
    in window: Window, writer: Writer, instructionCache: InstructionCache,
    synchronization: CoreSynchronization
  ) {
    self.window = window
    self.writer = writer
    constantKind = if case .mirror = writer { .constants } else { .code }
    self.instructionCache = instructionCache
    self.synchronization = synchronization
    slabByteCount =
      min(SharedArena.pagesPerSlab, max(window.byteCount / pageSize / 16, 4)) * pageSize
    byteLimit = min(1 << 16, slabByteCount / 4)
  }

  /// Makes the first pages for code, for whoever wants to know whether the system lets it before anything is linked.
  func prepare() throws(MemoryError) {
    try state.withLock { state throws(MemoryError) in
      try addSlab(.code, to: &state)
    }
  }

  /// The kind of pages that have this protection in the end; `nil` if there are none.
  func kind(for protection: Protection) -> Kind? {
    switch protection {
    case [.read, .execute]: .code
    case .read: constantKind
    case [.read, .write]: .variables
    default: nil
    }
  }

  /// Writes `bytes` to `address` in a block of `kind`.
  func write(_ bytes: RawSpan, to address: Int, _ kind: Kind) throws(MemoryError) {
    var place = address
    if kind != .variables {
      switch writer {
      case .mirror(let mirror): place += mirror.distance
      case .memoryFile(let file): return try file.write(bytes, at: address)
      }
    }
    guard let place = unsafe UnsafeMutableRawPointer(bitPattern: place) else { return }
    unsafe bytes.withUnsafeBytes { bytes in
      // The block belongs to one allocation, which has room for the bytes there.
      unsafe UnsafeMutableRawBufferPointer(start: place, count: bytes.count).copyMemory(from: bytes)
    }
  }

  /// Takes room for what is needed of each kind; `nil` if the window is full, or code cannot be written here.
  func take(_ needs: [3 of Need]) throws(MemoryError) -> Blocks? {
    try state.withLock { state throws(MemoryError) in
      guard needs[Kind.code.rawValue].byteCount == 0 || canWrite(state) else { return nil }
      var blocks = Blocks(repeating: 0..<0)
      for number in needs.indices where needs[number].byteCount > 0 {
        guard let block = try take(needs[number], Kind.all[number], of: &state) else {
          release(blocks, to: &state)
          return nil
        }
        blocks[number] = block
      }
      return blocks
    }
  }

  /// Whether it is worth trying to write code. A child may not have the rights to that its parent had.
  private func canWrite(_ state: borrowing State) -> Bool {
    guard case .memoryFile(let file) = writer, let isProven = state.isWriterProven else { return true }
    return isProven && file.isOpen
  }

  private func take(_ need: Need, _ kind: Kind, of state: inout State) throws(MemoryError) -> Range<Int>? {
    if let block = state.arenas[kind.rawValue].take(need.byteCount, alignment: need.alignment) {
      return block
    }
    if state.releasedByteCount >= Self.releasedByteLimit / 8 {
      reclaim(&state)
      if let block = state.arenas[kind.rawValue].take(need.byteCount, alignment: need.alignment) {
        return block
      }
    }
    do throws(MemoryError) {
      try addSlab(kind, to: &state)
    } catch .windowFull {
      reclaim(&state)
    } catch {
      guard state.isWriterProven == false else { throw error }
      return nil
    }
    return state.arenas[kind.rawValue].take(need.byteCount, alignment: need.alignment)
  }

  /// Gives back what ``take(_:)`` took; in a child that shares its parent's memory, nothing.
  func giveBack(_ blocks: Blocks) {
    guard !isInherited else { return }
    state.withLock { state in
      release(blocks, to: &state)
      if state.releasedByteCount >= Self.releasedByteLimit || state.releasedCount >= Self.releasedCountLimit {
        reclaim(&state)
      }
    }
  }

  /// Gives back to the window what no allocation has, if that is whole slabs.
  func giveBackUnused() {
    guard !isInherited else { return }
    state.withLock { state in reclaim(&state, keepingSlabs: 0) }
  }

  private func release(_ blocks: Blocks, to state: inout State) {
    for number in blocks.indices where !blocks[number].isEmpty {
      state.arenas[number].release(blocks[number])
      state.releasedByteCount += blocks[number].count
    }
    state.releasedCount += 1
  }

  /// Makes what was released free, and gives back to the system what is more than the next allocations need.
  private func reclaim(_ state: inout State, keepingSlabs slabCount: Int = 1) {
    let isSynchronized = synchronization.synchronize()
    for number in Kind.all.indices {
      let kind = Kind.all[number]
      let discard = { (pages: Range<Int>) in self.discard(pages, kind) }
      state.arenas[number].reclaim(isSynchronized: isSynchronized || kind != .code, discard)
      for slab in state.arenas[number].takeEmptySlabs(keeping: slabCount) { giveBack(slab: slab, kind) }
      state.arenas[number].trim(keeping: Self.keptByteCount, discard)
    }
    state.releasedByteCount = 0
    state.releasedCount = 0
  }
}

// MARK: - Slabs

extension SharedPages {
  private func addSlab(_ kind: Kind, to state: inout State) throws(MemoryError) {
    let start = try window.take(byteCount: slabByteCount, alignment: pageSize)
    let slab = start..<start + slabByteCount
    do throws(MemoryError) {
      if kind == .code, state.isWriterProven == nil {
        state.isWriterProven = false
        try map(slab, kind)
        try proveWriter(slab)
        state.isWriterProven = true
      } else {
        try map(slab, kind)
      }
    } catch {
      giveBack(slab: slab, kind)
      throw error
    }
    state.arenas[kind.rawValue].addSlab(slab)
  }

  private func map(_ slab: Range<Int>, _ kind: Kind) throws(MemoryError) {
    switch (kind, writer) {
    case (.code, .mirror(let mirror)): try mirror.map(slab, isCode: true)
    case (.constants, .mirror(let mirror)): try mirror.map(slab, isCode: false)
    case (.code, .memoryFile), (.constants, .memoryFile): try protect(slab, PROT_READ | PROT_EXEC)
    case (.variables, _): try protect(slab, PROT_READ | PROT_WRITE)
    }
  }

  /// Makes pages of the window accessible, all private to this process.
  private func protect(_ slab: Range<Int>, _ protection: Int32) throws(MemoryError) {
    // Whole pages of a slab that nobody has yet.
    let address = unsafe UnsafeMutableRawPointer(bitPattern: slab.lowerBound)
    guard unsafe mprotect(address, slab.count, protection) == 0 else {
      throw .system(call: "mprotect", errno: errno)
    }
    // A few bytes are not to take a huge page; a system without these refuses.
    let noHugePages: Int32 = 15
    unsafe madvise(address, slab.count, noHugePages)
  }

  /// Finds out whether code can be written; an error if not.
  private func proveWriter(_ slab: Range<Int>) throws(MemoryError) {
    let pattern: [1 of UInt64] = [0x5745_4c44_5745_4c44]
    try write(RawSpan(_elements: pattern.span), to: slab.lowerBound, .code)
    // The pages are readable, and nobody has them yet.
    let found = unsafe UnsafePointer<UInt64>(bitPattern: slab.lowerBound)?.pointee
    guard found == pattern[0] else { throw .system(call: "pwrite", errno: EACCES) }
  }

  /// Gives back a slab that nobody has a part of, pages and address space.
  private func giveBack(slab: Range<Int>, _ kind: Kind) {
    // Should the system refuse, the slab is not used again.
    if kind != .variables, case .mirror(let mirror) = writer, !mirror.unmap(slab) { return }
    window.giveBack(start: slab.lowerBound, byteCount: slab.count)
  }

  /// Empties pages that nobody has a part of; says whether the system did.
  private func discard(_ pages: Range<Int>, _ kind: Kind) -> Bool {
    if kind != .variables, case .mirror(let mirror) = writer { return mirror.discard(pages) }
    // Private pages.
    let address = unsafe UnsafeMutableRawPointer(bitPattern: pages.lowerBound)
    return unsafe madvise(address, pages.count, MADV_DONTNEED) == 0
  }
}
