internal import Glibc
internal import Synchronization

/// Pages of a window that small allocations of many links share.
///
/// Those for code and constants are mapped twice: in the window, where they are used and never writable, and at a constant
/// distance from there, where they are written and which children do not inherit. Pages for variables are private.
final class SharedPages: Sendable {
  /// What pages are for, and so how they may be accessed.
  enum Kind: Int {
    case code, constants, variables

    /// All of them, by number.
    static var all: [3 of Kind] { [.code, .constants, .variables] }

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

  private let window: Window
  private let generation = ProcessGeneration()
  /// What is told of code that was written.
  let instructionCache: InstructionCache
  private let synchronization: CoreSynchronization
  private let slabByteCount: Int
  /// Bytes from the window to where its shared pages are written.
  private let mirrorDistance: Int
  private let state = Mutex(State())

  private struct State {
    var arenas: [3 of SharedArena] = .init(repeating: SharedArena())
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

  /// Whether this process was forked from the one that can write the memory.
  var isInherited: Bool { !generation.isCurrent }

  init(
    in window: Window, instructionCache: InstructionCache, synchronization: CoreSynchronization
  ) throws(MemoryError) {
    self.window = window
    self.instructionCache = instructionCache
    self.synchronization = synchronization
    slabByteCount =
      min(SharedArena.pagesPerSlab, max(window.byteCount / pageSize / 16, 4)) * pageSize
    byteLimit = min(1 << 16, slabByteCount / 4)
    let mirror = unsafe mmap(
      Self.mirrorHint(window.byteCount), window.byteCount, PROT_NONE,
      MAP_PRIVATE | MAP_ANONYMOUS | Int32(MAP_NORESERVE), -1, 0)
    guard let mirror = unsafe mirror, unsafe mirror != MAP_FAILED else {
      throw .system(call: "mmap", errno: errno)
    }
    mirrorDistance = Int(bitPattern: mirror) - Int(window.start.rawValue)
    try hideMirror(of: Int(window.start.rawValue)..<Int(window.start.rawValue) + window.byteCount)
    // The first slab now: whether pages can be mapped twice at all is to be known before anything is linked.
    try state.withLock { state throws(MemoryError) in
      try addSlab(.code, to: &state)
    }
  }

  /// Where there is room for a mirror, most likely: far from the libraries, since windows are wanted near them.
  private static func mirrorHint(_ byteCount: Int) -> UnsafeMutableRawPointer? {
    let taken = mirrorByteCount.add(byteCount, ordering: .relaxed).oldValue
    // Any of 16 TiB; where something is there, or that is too far for the machine, the system chooses another place.
    return unsafe UnsafeMutableRawPointer(bitPattern: 0x3000_0000_0000 + taken & 0xfff_ffff_ffff)
  }

  deinit {
    // A child has no mirror, and may have something else in its place.
    guard !isInherited else { return }
    let start = Int(window.start.rawValue) + mirrorDistance
    // All of it was reserved, and nobody has a part of it any more.
    unsafe munmap(UnsafeMutableRawPointer(bitPattern: start), window.byteCount)
  }

  /// Where a byte of a block of `kind` can be written.
  func writableAddress(of address: Int, _ kind: Kind) -> Int {
    kind == .variables ? address : address + mirrorDistance
  }

  /// Takes room for what is needed of each kind; `nil` if the window is full.
  func take(_ needs: [3 of Need]) throws(MemoryError) -> Blocks? {
    try state.withLock { state throws(MemoryError) in
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
    }
    return state.arenas[kind.rawValue].take(need.byteCount, alignment: need.alignment)
  }

  /// Gives back what ``take(_:)`` took; in a child, nothing, since the memory is its parent's.
  func giveBack(_ blocks: Blocks) {
    guard !isInherited else { return }
    state.withLock { state in
      release(blocks, to: &state)
      if state.releasedByteCount >= Self.releasedByteLimit || state.releasedCount >= Self.releasedCountLimit {
        reclaim(&state)
      }
    }
  }

  private func release(_ blocks: Blocks, to state: inout State) {
    for number in blocks.indices where !blocks[number].isEmpty {
      state.arenas[number].release(blocks[number])
      state.releasedByteCount += blocks[number].count
    }
    state.releasedCount += 1
  }

  /// Makes what was released free, and gives back to the system what is more than the next allocations need.
  private func reclaim(_ state: inout State) {
    let isSynchronized = synchronization.synchronize()
    for number in Kind.all.indices {
      let kind = Kind.all[number]
      let discard = { (pages: Range<Int>) in self.discard(pages, kind) }
      state.arenas[number].reclaim(isSynchronized: isSynchronized || kind != .code, discard)
      for slab in state.arenas[number].takeEmptySlabs() { giveBack(slab: slab, kind) }
      state.arenas[number].trim(keeping: Self.keptByteCount, discard)
    }
    state.releasedByteCount = 0
    state.releasedCount = 0
  }
}

// MARK: - Mappings

extension SharedPages {
  private func addSlab(_ kind: Kind, to state: inout State) throws(MemoryError) {
    let start = try window.take(byteCount: slabByteCount, alignment: SystemMemory.pageSize)
    let slab = start..<start + slabByteCount
    do throws(MemoryError) {
      try kind == .variables ? mapPrivate(slab) : mapTwice(slab, isCode: kind == .code)
    } catch {
      giveBack(slab: slab, kind)
      throw error
    }
    state.arenas[kind.rawValue].addSlab(slab)
  }

  /// Maps pages of a file without a name, which is gone when its last mapping is.
  private func mapTwice(_ slab: Range<Int>, isCode: Bool) throws(MemoryError) {
    let file = memoryFile()
    guard file >= 0 else { throw .system(call: "memfd_create", errno: errno) }
    defer { close(file) }
    // The system would end a process that makes a file larger than it may.
    var limit = rlimit()
    let isLimited = unsafe getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0
    guard !isLimited || limit.rlim_cur >= UInt(slab.count) else {
      throw .system(call: "ftruncate", errno: EFBIG)
    }
    guard ftruncate(file, slab.count) == 0 else { throw .system(call: "ftruncate", errno: errno) }
    try map(file, slab, PROT_READ | (isCode ? PROT_EXEC : 0))
    // Writable only once no child can inherit it.
    let mirror = slab.lowerBound + mirrorDistance..<slab.upperBound + mirrorDistance
    try map(file, mirror, PROT_NONE)
    try hideMirror(of: slab)
    try protect(mirror)
  }

  private func map(_ file: Int32, _ range: Range<Int>, _ protection: Int32) throws(MemoryError) {
    // The range is reserved for it, in the window or beside it.
    let address = unsafe mmap(
      UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, protection, MAP_SHARED | MAP_FIXED,
      file, 0)
    guard unsafe address != MAP_FAILED else { throw .system(call: "mmap", errno: errno) }
  }

  private func mapPrivate(_ slab: Range<Int>) throws(MemoryError) {
    try protect(slab)
    // A few variables are not to take a huge page; a system without these refuses.
    let noHugePages: Int32 = 15
    unsafe madvise(UnsafeMutableRawPointer(bitPattern: slab.lowerBound), slab.count, noHugePages)
  }

  /// Makes pages readable and writable.
  private func protect(_ range: Range<Int>) throws(MemoryError) {
    // Whole pages of a slab that nobody has yet.
    let address = unsafe UnsafeMutableRawPointer(bitPattern: range.lowerBound)
    guard unsafe mprotect(address, range.count, PROT_READ | PROT_WRITE) == 0 else {
      throw .system(call: "mprotect", errno: errno)
    }
  }

  /// Keeps the place where `range` is written from children.
  private func hideMirror(of range: Range<Int>) throws(MemoryError) {
    let doNotFork: Int32 = 10
    // Whole pages, mapped or reserved.
    let address = unsafe UnsafeMutableRawPointer(bitPattern: range.lowerBound + mirrorDistance)
    guard unsafe madvise(address, range.count, doNotFork) == 0 else {
      throw .system(call: "madvise", errno: errno)
    }
  }

  /// Gives back a slab that nobody has a part of, pages and address space.
  private func giveBack(slab: Range<Int>, _ kind: Kind) {
    if kind != .variables {
      // Reserved again, so that nothing else is mapped there. Should the system refuse, the slab is not used again.
      let address = unsafe mmap(
        UnsafeMutableRawPointer(bitPattern: slab.lowerBound + mirrorDistance), slab.count, PROT_NONE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | Int32(MAP_NORESERVE), -1, 0)
      guard unsafe address != MAP_FAILED else { return }
      try? hideMirror(of: slab)
    }
    window.giveBack(start: slab.lowerBound, byteCount: slab.count)
  }

  /// Empties pages that nobody has a part of; says whether the system did.
  private func discard(_ pages: Range<Int>, _ kind: Kind) -> Bool {
    let remove: Int32 = 9
    // Shared pages go from all views, and from children, through the one that can be written.
    let address = unsafe UnsafeMutableRawPointer(bitPattern: writableAddress(of: pages.lowerBound, kind))
    return unsafe madvise(address, pages.count, kind == .variables ? MADV_DONTNEED : remove) == 0
  }

  /// A descriptor of an empty file in memory, which may be executed; negative if there is none.
  private func memoryFile() -> Int32 {
    let (closeOnExec, executable): (UInt32, UInt32) = (1, 16)
    // The name is a text that ends with a zero byte.
    let file = unsafe memfdCreate("weld", closeOnExec | executable)
    // Kernels before 6.3 do not know that files may be anything else.
    guard file < 0, errno == EINVAL else { return file }
    return unsafe memfdCreate("weld", closeOnExec)
  }
}

/// Bytes of all mirrors that there ever were.
private let mirrorByteCount = Atomic(0)

/// `memfd_create`, which Swift's view of the C library's headers lacks.
@_extern(c, "memfd_create")
private func memfdCreate(_ name: UnsafePointer<CChar>, _ flags: UInt32) -> Int32
