/// The thread-local storage of the program (ELF Handling For Thread-Local Storage, section 3), where its
/// initial values are.
struct ThreadLocalBlock: Equatable, Sendable {
  /// What formulas call `TP`: the thread pointer, if the initial values were the block of a thread.
  private(set) var threadPointer: UInt64 = 0
  /// What formulas call `DTP`: what offsets in the block are counted from.
  private(set) var moduleBase: UInt64 = 0
  private let variant: MachineTraits.ThreadPointer
  private let moduleBias: UInt64

  /// The block that the thread-local sections of a batch make up.
  init(of resolution: borrowing Resolution, _ layout: borrowing Layout, _ traits: MachineTraits) {
    variant = traits.threadPointer
    moduleBias = traits.moduleBias
    refresh(resolution, layout)
  }

  /// Finds the block where the sections are now.
  mutating func refresh(_ resolution: borrowing Resolution, _ layout: borrowing Layout) {
    var start = UInt64.max
    var end: UInt64 = 0
    var alignment: UInt64 = 1
    if layout.hasThreadLocals {
      for number in resolution.sections.indices {
        let section = resolution.sections[number]
        guard section.byteCount > 0, section.kind == .threadLocal || section.kind == .threadLocalZero else {
          continue
        }
        start = min(start, section.address)
        end = max(end, section.address &+ UInt64(section.byteCount))
        alignment = max(alignment, UInt64(section.alignment))
      }
    } else {
      start = 0
    }
    switch variant {
    case .afterStart(let distance): threadPointer = start & ~(alignment &- 1) &+ distance
    case .atEnd: threadPointer = (end &+ alignment &- 1) & ~(alignment &- 1)
    }
    moduleBase = start &+ moduleBias
  }
}
