internal import WeldELF

extension LinkGraph {
  /// Marks what is kept: symbols for which `isRoot` holds, arrays of initializers, sections that are to be retained
  /// (`SHF_GNU_RETAIN`), notes, and sections whose bounds have names.
  package func markLive(_ isRoot: (Symbol) -> Bool) {
    for symbol in symbols where !symbol.isLive && symbol.isDefined && isRoot(symbol) { symbol.isLive = true }
    for symbol in symbols where !symbol.isLive && symbol.isAbsolute && isRoot(symbol) { symbol.isLive = true }
    for section in sections where section.isRetained {
      for block in section.blocks { block.isKept = true }
    }
  }

  /// Removes the blocks and symbols that nothing needs which is live. LLVM's `prune`.
  ///
  /// Frame descriptions live as long as the code that they describe. What is not part of memory stays, and keeps
  /// nothing alive.
  package func prune() {
    var sweep = Sweep(self)
    for symbol in symbols where symbol.isLive { sweep.reach(symbol) }
    for block in blocks where block.isKept { sweep.reach(block) }
    sweep.run()
    for block in blocks {
      if block.section.isAllocated && !block.isReached { removeBlock(block) }
    }
    for frames in sweep.frames where !frames.block.isRemoved { frames.removeDead() }
    for symbol in symbols where !symbol.isReached {
      switch symbol.place {
      case .external, .common, .absolute: forget(symbol)
      // They cost nothing, and name places for those who look.
      case .defined, .removed: break
      }
    }
  }
}

extension LinkGraph.Section {
  /// Whether its blocks are there for somebody whom no edge shows.
  fileprivate var isRetained: Bool {
    guard isAllocated else { return false }
    switch type {
    case .initArray, .finiArray, .preinitArray, .note: return true
    default: break
    }
    if flags.contains(.retain) { return true }
    let old = [".ctors", ".dtors", ".init_array", ".fini_array", ".preinit_array"]
    if old.contains(where: { name == $0 || name.hasPrefix($0 + ".") }) { return true }
    // What belongs to other sections goes with them.
    if flags.contains(.linkOrder) { return false }
    // `__start_NAME` and `__stop_NAME` are theirs.
    return name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
  }
}

/// A walk over all that is needed.
private struct Sweep {
  private var pending: [LinkGraph.Block] = []
  /// Blocks that are dropped with the block of this identity, and so live with it.
  private var followers: [ObjectIdentifier: [LinkGraph.Block]] = [:]
  private(set) var frames: [FrameGraph] = []

  init(_ graph: LinkGraph) {
    for symbol in graph.symbols { symbol.isReached = false }
    for block in graph.blocks {
      block.isReached = false
      if let other = block.linkedBlock { followers[ObjectIdentifier(other), default: []].append(block) }
      guard block.holdsFrames else { continue }
      if let known = FrameGraph(of: block) {
        block.isReached = true
        frames.append(known)
      } else {
        reach(block)
      }
    }
  }

  mutating func reach(_ symbol: LinkGraph.Symbol) {
    guard !symbol.isReached else { return }
    symbol.isReached = true
    if let block = symbol.block { reach(block) }
  }

  mutating func reach(_ block: LinkGraph.Block) {
    guard !block.isReached else { return }
    block.isReached = true
    pending.append(block)
  }

  mutating func run() {
    // Debug information describes external symbols, too, but does not need them.
    for frames in frames { frames.takeUnconditional { reach($0) } }
    while let block = pending.popLast() {
      var targets: [LinkGraph.Symbol] = []
      block.forEachTarget { targets.append($0) }
      for target in targets { reach(target) }
      for follower in followers[ObjectIdentifier(block)] ?? [] { reach(follower) }
      for frames in frames { frames.take(describing: block) { reach($0) } }
    }
  }
}
