internal import Glibc
internal import Synchronization

/// Pages of a window that small allocations of many links share.
///
/// Those for code and constants are mapped twice: in the window, where they are never writable, and in a ``Mirror``, where they
/// are written without a call to the system. Children of the process have the first view of them only. So that parent and
/// child do not disturb each other, the parent does not use again what a child may have, and gives it back to the system once
/// nothing in its slab is used; and a child begins with slabs, and a mirror, of its own.
///
/// Pages for variables are private to each process, and written where they are.
final class SharedPages: Sendable {
  /// What pages are for, and so how they may be accessed.
  enum Kind: Int {
    case code, constants, variables

    /// All of them, by number.
    static var all: [3 of Kind] { [.code, .constants, .variables] }

    /// The kind of pages that have this protection in the end; `nil` if there are none.
    init?(_ protection: Protection) {
      switch protection {
      case [.read, .execute]: self = .code
      case .read: self = .constants
      case [.read, .write]: self = .variables
      default: return nil
      }
    }
  }

  /// What an allocation needs of one kind: bytes, a multiple of the granule, or none.
  struct Need {
    var byteCount = 0
    var alignment = SharedArena.granule
  }

  /// What an allocation has, by kind; empty where it needs nothing. Each ends with the bytes that were needed.
  typealias Blocks = [3 of Range<Int>]

  /// What an allocation took.
  struct Share: Sendable {
    fileprivate(set) var blocks = Blocks(repeating: 0..<0)
    /// Where code and constants are written.
    fileprivate let mirror: Mirror?
    fileprivate let forkCount: ForkCount

    /// Whether this process was forked from the one that took it, and cannot write it.
    var isInherited: Bool { mirror?.isInherited == true }

    /// Where a byte of a block of `kind` is written.
    func writableAddress(of address: Int, _ kind: Kind) -> Int {
      kind == .variables ? address : address + (mirror?.distance ?? 0)
    }
  }

  private let window: Window
  /// What is told of code that was written.
  let instructionCache: InstructionCache
  private let synchronization: CoreSynchronization
  private let slabByteCount: Int
  private let state = Mutex(State())

  private struct State {
    var arenas: [3 of SharedArena] = .init(repeating: SharedArena())
    /// `nil` before it is needed.
    var mirror: Mirror?
    /// How often in a row the system refused memory that is mapped twice.
    var refusalCount = 0
    /// How often it is not asked before it is again.
    var pauseCount = 0
    var releasedByteCount = 0
    var releasedCount = 0
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

  init(in window: Window, instructionCache: InstructionCache, synchronization: CoreSynchronization) {
    self.window = window
    self.instructionCache = instructionCache
    self.synchronization = synchronization
    slabByteCount =
      min(SharedArena.pagesPerSlab, max(window.byteCount / pageSize / 16, 4)) * pageSize
    byteLimit = min(1 << 16, slabByteCount / 4)
  }

  /// Takes room for what is needed of each kind; `nil` if the window is full, or the system maps nothing twice.
  func take(_ needs: [3 of Need]) -> Share? {
    state.withLock { state in
      beginAnewInChild(&state)
      let isMirrored = needs[Kind.code.rawValue].byteCount + needs[Kind.constants.rawValue].byteCount > 0
      if isMirrored, state.mirror == nil, !makeMirror(&state) { return nil }
      var share = Share(mirror: state.mirror, forkCount: .current)
      for number in needs.indices where needs[number].byteCount > 0 {
        guard let block = take(needs[number], Kind.all[number], of: &state) else {
          release(share, to: &state)
          return nil
        }
        share.blocks[number] = block
      }
      return share
    }
  }

  /// What a parent had for code and constants is left alone.
  private func beginAnewInChild(_ state: inout State) {
    guard state.mirror?.isInherited == true else { return }
    state.mirror = nil
    state.arenas[Kind.code.rawValue] = SharedArena()
    state.arenas[Kind.constants.rawValue] = SharedArena()
  }

  /// Says whether the system let it.
  private func makeMirror(_ state: inout State) -> Bool {
    guard mayAsk(&state) else { return false }
    state.mirror = try? Mirror(of: window)
    if state.mirror == nil { noteRefusal(&state) }
    return state.mirror != nil
  }

  /// Whether the system is asked for memory that is mapped twice: after each refusal half as often as before.
  private func mayAsk(_ state: inout State) -> Bool {
    guard state.pauseCount > 0 else { return true }
    state.pauseCount -= 1
    return false
  }

  private func noteRefusal(_ state: inout State) {
    state.refusalCount = min(state.refusalCount + 1, 12)
    state.pauseCount = 1 << state.refusalCount
  }

  private func take(_ need: Need, _ kind: Kind, of state: inout State) -> Range<Int>? {
    if let block = takeFree(need, kind, of: &state) { return block }
    if state.releasedByteCount >= Self.releasedByteLimit / 8 {
      reclaim(&state)
      if let block = takeFree(need, kind, of: &state) { return block }
    }
    guard kind == .variables || mayAsk(&state) else { return nil }
    do throws(MemoryError) {
      try addSlab(kind, to: &state)
    } catch .windowFull {
      reclaim(&state)
      if let block = takeFree(need, kind, of: &state) { return block }
      // Slabs of other kinds may have gone.
      try? addSlab(kind, to: &state)
    } catch {
      // It gets pages of its own, unless the system refuses these, too.
      return nil
    }
    return takeFree(need, kind, of: &state)
  }

  private func takeFree(_ need: Need, _ kind: Kind, of state: inout State) -> Range<Int>? {
    let mirror = kind == .variables ? nil : state.mirror
    return state.arenas[kind.rawValue].take(need.byteCount, alignment: need.alignment) { pages in
      mirror?.populate(pages) ?? true
    }
  }

  /// Gives back what ``take(_:)`` took; in a child what its parent took is left alone, and the lock, which another thread of
  /// the parent may have had.
  func giveBack(_ share: Share) {
    guard !share.isInherited else { return }
    state.withLock { state in
      beginAnewInChild(&state)
      release(share, to: &state)
      if state.releasedByteCount >= Self.releasedByteLimit || state.releasedCount >= Self.releasedCountLimit {
        reclaim(&state)
      }
    }
  }

  /// Gives back to the window what no allocation has, if that is whole slabs.
  func giveBackUnused() {
    state.withLock { state in
      beginAnewInChild(&state)
      reclaim(&state, keepingSlabs: 0)
    }
  }

  private func release(_ share: Share, to state: inout State) {
    let mayBeChilds = share.forkCount.isPast
    for number in share.blocks.indices where !share.blocks[number].isEmpty {
      let block = share.blocks[number]
      if mayBeChilds, Kind.all[number] != .variables {
        state.arenas[number].abandon(block)
      } else {
        state.arenas[number].release(block)
      }
      state.releasedByteCount += block.count
    }
    state.releasedCount += 1
  }

  /// Makes what was released free, and gives back to the system what is more than the next allocations need.
  private func reclaim(_ state: inout State, keepingSlabs slabCount: Int = 1) {
    let isSynchronized = synchronization.synchronize()
    let mirror = state.mirror
    for number in Kind.all.indices {
      let kind = Kind.all[number]
      let discard = { (pages: Range<Int>) in self.discard(pages, kind, mirror) }
      state.arenas[number].reclaim(isSynchronized: isSynchronized || kind != .code, discard)
      for slab in state.arenas[number].takeEmptySlabs(keeping: slabCount) {
        giveBack(slab: slab, kind, mirror)
      }
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
      switch kind {
      case .code: try state.mirror?.map(slab, isCode: true)
      case .constants: try state.mirror?.map(slab, isCode: false)
      case .variables: try makeWritable(slab)
      }
    } catch {
      if kind != .variables { noteRefusal(&state) }
      giveBack(slab: slab, kind, state.mirror)
      throw error
    }
    if kind != .variables { state.refusalCount = 0 }
    state.arenas[kind.rawValue].addSlab(slab)
  }

  /// Makes pages of the window readable and writable, all private to this process.
  private func makeWritable(_ slab: Range<Int>) throws(MemoryError) {
    // Whole pages of a slab that nobody has yet.
    let address = unsafe UnsafeMutableRawPointer(bitPattern: slab.lowerBound)
    guard unsafe mprotect(address, slab.count, PROT_READ | PROT_WRITE) == 0 else {
      throw .system(call: "mprotect", errno: errno)
    }
    // A few bytes are not to take a huge page; a system without these refuses.
    let noHugePages: Int32 = 15
    unsafe madvise(address, slab.count, noHugePages)
  }

  /// Gives back a slab that nobody has a part of, pages and address space.
  private func giveBack(slab: Range<Int>, _ kind: Kind, _ mirror: Mirror?) {
    // Should the system refuse, the slab is not used again.
    if kind != .variables, mirror?.unmap(slab) == false { return }
    window.giveBack(start: slab.lowerBound, byteCount: slab.count)
  }

  /// Empties pages that nobody has a part of; says whether the system did.
  private func discard(_ pages: Range<Int>, _ kind: Kind, _ mirror: Mirror?) -> Bool {
    if kind != .variables { return mirror?.discard(pages) == true }
    // Private pages.
    let address = unsafe UnsafeMutableRawPointer(bitPattern: pages.lowerBound)
    return unsafe madvise(address, pages.count, MADV_DONTNEED) == 0
  }
}
