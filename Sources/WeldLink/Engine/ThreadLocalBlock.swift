/// The thread-local storage of the program (ELF Handling For Thread-Local Storage, section 3), where its
/// initial values are.
struct ThreadLocalBlock: Equatable, Sendable {
  /// Where it begins.
  var start: UInt64 = 0
  var byteCount: UInt64 = 0
  /// A power of two, in bytes.
  var alignment: UInt64 = 1
  /// What formulas call `TP`: the thread pointer, if the initial values were the block of a thread.
  var threadPointer: UInt64 = 0
  /// What formulas call `DTP`: what offsets in the block are counted from.
  var moduleBase: UInt64 = 0

  /// The block that the thread-local sections of a batch make up.
  init(
    of resolution: borrowing Resolution, _ layout: borrowing Layout, at placement: borrowing Placement,
    _ traits: MachineTraits
  ) {
    var end: UInt64 = 0
    var isEmpty = true
    for number in resolution.sections.indices where layout.hasThreadLocals {
      let section = resolution.sections[number]
      guard section.byteCount > 0, section.kind == .threadLocal || section.kind == .threadLocalZero else {
        continue
      }
      let address = placement.sectionAddresses[number]
      start = isEmpty ? address : min(start, address)
      end = max(end, address &+ UInt64(section.byteCount))
      alignment = max(alignment, UInt64(section.alignment))
      isEmpty = false
    }
    byteCount = end &- start
    switch traits.threadPointer {
    case .afterStart(let distance): threadPointer = start & ~(alignment &- 1) &+ distance
    case .atEnd: threadPointer = (end &+ alignment &- 1) & ~(alignment &- 1)
    }
    moduleBase = start &+ traits.moduleBias
  }
}
