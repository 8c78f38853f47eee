internal import Glibc

/// Address space at a constant distance from a window, where those of its pages are written that are mapped twice: in the
/// window, where they are used and never writable, and here, which children do not inherit.
final class Mirror: Sendable {
  /// Bytes from the window to the mirror.
  let distance: Int
  /// All of the mirror, reserved.
  private let range: Range<Int>
  private let generation = ProcessGeneration()

  /// Whether this process was forked from the one that has the mirror.
  var isInherited: Bool { !generation.isCurrent }

  init(of window: Window) throws(MemoryError) {
    let address = unsafe mmap(
      Self.hint, window.byteCount, PROT_NONE,
      MAP_PRIVATE | MAP_ANONYMOUS | Int32(MAP_NORESERVE), -1, 0)
    guard let address = unsafe address, unsafe address != MAP_FAILED else {
      throw .system(call: "mmap", errno: errno)
    }
    let start = Int(bitPattern: address)
    distance = start - Int(window.start.rawValue)
    range = start..<start + window.byteCount
    try hide(range)
  }

  /// Where there is room for a mirror, most likely: far from the libraries, since windows are wanted near them, and nobody
  /// knows where. All of them are in 4 TiB, so that there are 64 TiB in one piece between them and the program.
  private static var hint: UnsafeMutableRawPointer? {
    // Where something is there, or that is too far for the machine, the system chooses another place.
    let place = Int.random(in: 0x1080_0000_0000..<0x1480_0000_0000) & ~(SystemMemory.pageSize - 1)
    return unsafe UnsafeMutableRawPointer(bitPattern: place)
  }

  deinit {
    // A child has no mirror, and may have something else in its place.
    guard !isInherited else { return }
    // All of it was reserved, and nobody has a part of it any more.
    unsafe munmap(UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count)
  }

  /// Maps pages of a file without a name, which is gone when its last mapping is: as `slab` of the window, and here.
  func map(_ slab: Range<Int>, isCode: Bool) throws(MemoryError) {
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
    let own = image(of: slab)
    try map(file, own, PROT_NONE)
    try hide(own)
    // Whole pages that nobody has yet.
    guard
      unsafe mprotect(
        UnsafeMutableRawPointer(bitPattern: own.lowerBound), own.count, PROT_READ | PROT_WRITE) == 0
    else { throw .system(call: "mprotect", errno: errno) }
  }

  private func map(_ file: Int32, _ range: Range<Int>, _ protection: Int32) throws(MemoryError) {
    // The range is reserved for it, in the window or here.
    let address = unsafe mmap(
      UnsafeMutableRawPointer(bitPattern: range.lowerBound), range.count, protection, MAP_SHARED | MAP_FIXED,
      file, 0)
    guard unsafe address != MAP_FAILED else { throw .system(call: "mmap", errno: errno) }
  }

  /// Takes back what ``map(_:isCode:)`` mapped here; says whether the system did.
  func unmap(_ slab: Range<Int>) -> Bool {
    let own = image(of: slab)
    // Reserved again, so that nothing else is mapped there.
    let address = unsafe mmap(
      UnsafeMutableRawPointer(bitPattern: own.lowerBound), own.count, PROT_NONE,
      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | Int32(MAP_NORESERVE), -1, 0)
    guard unsafe address != MAP_FAILED else { return false }
    try? hide(own)
    return true
  }

  /// Sees to it that pages of a slab are there when they are written; says whether there is memory for them. A write without
  /// would end the process.
  func populate(_ pages: Range<Int>) -> Bool {
    let populateForWriting: Int32 = 23
    let address = unsafe UnsafeMutableRawPointer(bitPattern: image(of: pages).lowerBound)
    // Kernels before 5.14 do not know the advice.
    return unsafe madvise(address, pages.count, populateForWriting) == 0 || errno == EINVAL
  }

  /// Empties pages of a slab in all views, those of children too; says whether the system did.
  func discard(_ pages: Range<Int>) -> Bool {
    let remove: Int32 = 9
    // Only the view that can be written will do.
    let address = unsafe UnsafeMutableRawPointer(bitPattern: image(of: pages).lowerBound)
    return unsafe madvise(address, pages.count, remove) == 0
  }

  private func image(of range: Range<Int>) -> Range<Int> {
    range.lowerBound + distance..<range.upperBound + distance
  }

  /// Keeps `range` from children.
  private func hide(_ range: Range<Int>) throws(MemoryError) {
    let doNotFork: Int32 = 10
    // Whole pages, mapped or reserved.
    let address = unsafe UnsafeMutableRawPointer(bitPattern: range.lowerBound)
    guard unsafe madvise(address, range.count, doNotFork) == 0 else {
      throw .system(call: "madvise", errno: errno)
    }
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

/// `memfd_create`, which Swift's view of the C library's headers lacks.
@_extern(c, "memfd_create")
private func memfdCreate(_ name: UnsafePointer<CChar>, _ flags: UInt32) -> Int32
