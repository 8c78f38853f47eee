internal import WeldELF
internal import WeldMemory

/// Where everything lies within its segment: what the layout gives. Offsets, no addresses.
struct Layout: Sendable {
  /// The sections of the batch.
  var sections: [InputSection]
  /// Where each of them begins, in bytes from the start of its segment.
  var positions: [Int]
  var commons: [CommonSymbol]
  /// Where each group of stubs begins, in bytes from the start of the text segment.
  var stubPositions: [Int]
  /// Where the GOT begins, in bytes from the start of the segment of relocated constants.
  var gotPosition = 0
  /// Frame descriptions of the batch, with their terminator.
  var frames: Block?
  /// `.preinit_array`, `.init_array` and `.fini_array`, by role.
  var arrays: [SectionRole: Block] = [:]
  /// Sections of pointers to functions that run before the program, in the order of their calls.
  var initializerSections: [Int] = []
  /// Those of functions that run after it, likewise.
  var finalizerSections: [Int] = []
  /// Sections with a C identifier for a name, by name.
  var identifiers: [String: Block] = [:]
  /// Bytes of each kind of segment, by `SegmentKind.rawValue`.
  var byteCounts: [Int]
  var alignments: [Int]

  /// Where the common symbols of kind ``SegmentKind/zero`` begin, in bytes from the start of that kind.
  var commonPosition = 0

  /// Sections that lie one after another.
  struct Block: Equatable, Sendable {
    /// The numbers of the first and the last of them.
    var first: Int
    var last: Int
  }

  /// Lays out what takes part, in the order of the input; what must be together, together.
  init(of resolution: Resolution, with synthesis: Synthesis) throws(LinkError) {
    sections = resolution.sections
    positions = [Int](repeating: 0, count: sections.count)
    commons = resolution.commons
    byteCounts = [Int](repeating: 0, count: SegmentKind.allCases.count)
    alignments = [Int](repeating: 1, count: SegmentKind.allCases.count)
    stubPositions = [Int](repeating: -1, count: synthesis.stubGroups.count)

    if synthesis.gotByteCount > 0 {
      gotPosition = try place(synthesis.gotByteCount, alignment: 8, in: .relocatedReadOnly)
    }
    var together: [SectionRole: [Int]] = [:]
    if resolution.hasTOCSections { try placeTOC(resolution, synthesis) }
    // Usually none; the stubs at the end of the text follow no section.
    let groups = Dictionary(
      grouping: stubPositions.indices.filter { synthesis.stubGroups[$0].lastSection >= 0 },
      by: { synthesis.stubGroups[$0].lastSection })
    for number in sections.indices {
      let kind = sections[number].kind
      guard kind != .notLoaded else { continue }
      guard sections[number].role != .toc else { continue }
      guard sections[number].role == .plain else {
        together[sections[number].role, default: []].append(number)
        continue
      }
      positions[number] = try place(
        sections[number].byteCount, alignment: sections[number].alignment, in: kind)
      for group in groups[number] ?? [] { try placeStubs(synthesis.stubGroups[group], group) }
    }
    for (name, numbers) in resolution.identifierSections.sorted(by: { $0.key < $1.key }) {
      identifiers[name] = try lay(out: numbers.filter { sections[$0].kind != .notLoaded })
    }
    for role in [SectionRole.preinitArray, .initArray, .finiArray] {
      guard let numbers = together[role] else { continue }
      arrays[role] = try lay(out: Self.byPriority(numbers, resolution))
    }
    for role in [SectionRole.constructors, .destructors] {
      if let numbers = together[role] { _ = try lay(out: numbers) }
    }
    initializerSections =
      Self.byPriority(together[.preinitArray] ?? [], resolution)
      + Self.byPriority((together[.initArray] ?? []) + (together[.constructors] ?? []), resolution)
    finalizerSections =
      Self.byPriority((together[.finiArray] ?? []) + (together[.destructors] ?? []), resolution).reversed()
    if let numbers = together[.frames] {
      frames = try lay(out: numbers, withoutGaps: true)
      if let frames { _ = try place(Self.terminatorByteCount, alignment: 1, in: sections[frames.first].kind) }
    }
    for group in stubPositions.indices where stubPositions[group] < 0 {
      try placeStubs(synthesis.stubGroups[group], group)
    }
    // Those of the usual kind come first, together.
    commons.sort { ($0.kind.rawValue, $0.symbol) < ($1.kind.rawValue, $1.symbol) }
    commonPosition = byteCounts[Int(SegmentKind.zero.rawValue)]
    for position in commons.indices {
      commons[position].position = try place(
        commons[position].byteCount, alignment: commons[position].alignment, in: commons[position].kind)
    }
  }

  /// Places the GOTs that compilers made: first those of code that reaches only 64 KiB of them.
  private mutating func placeTOC(_ resolution: Resolution, _ synthesis: Synthesis) throws(LinkError) {
    let numbers = sections.indices.filter { sections[$0].role == .toc && sections[$0].kind != .notLoaded }
    let (large, small) = (
      numbers.filter { !synthesis.smallTOCObjects.contains(resolution.batch.object(ofSection: $0)) },
      numbers.filter { synthesis.smallTOCObjects.contains(resolution.batch.object(ofSection: $0)) }
    )
    for number in small + large {
      positions[number] = try place(
        sections[number].byteCount, alignment: sections[number].alignment, in: sections[number].kind)
    }
  }

  private mutating func placeStubs(_ group: Synthesis.StubGroup, _ number: Int) throws(LinkError) {
    stubPositions[number] = byteCounts[Int(SegmentKind.text.rawValue)]
    guard group.byteCount > 0 else { return }
    stubPositions[number] = try place(group.byteCount, alignment: group.alignment, in: .text)
  }

  /// Bytes of zero that end the frame descriptions.
  static let terminatorByteCount = 4

  /// Takes the next `byteCount` bytes of a segment.
  private mutating func place(_ byteCount: Int, alignment: Int, in kind: SegmentKind) throws(LinkError) -> Int
  {
    let used = byteCounts[Int(kind.rawValue)]
    let (sum, overflow) = used.addingReportingOverflow(alignment - 1)
    let start = sum & ~(alignment - 1)
    let (end, tooLong) = start.addingReportingOverflow(byteCount)
    // No more than an address space has, so that whoever adds to it need not fear an overflow.
    guard !overflow, !tooLong, end < 1 << 47 else { throw .memory(.tooLarge) }
    byteCounts[Int(kind.rawValue)] = end
    if alignment > alignments[Int(kind.rawValue)] { alignments[Int(kind.rawValue)] = alignment }
    return start
  }

  /// Lays sections out one after another, nothing else between them.
  ///
  /// - Parameter withoutGaps: whether only the first one is aligned. Four bytes of zero between frame
  ///   descriptions would end them.
  private mutating func lay(out numbers: [Int], withoutGaps: Bool = false) throws(LinkError) -> Block? {
    guard let first = numbers.first else { return nil }
    let kind = sections[first].kind
    for number in numbers {
      positions[number] = try place(
        sections[number].byteCount,
        alignment: withoutGaps && number != first ? 1 : sections[number].alignment,
        in: kind)
    }
    return Block(first: first, last: numbers[numbers.count - 1])
  }

  /// Puts arrays of pointers in the order of their priorities, and of the input where these are equal.
  ///
  /// The number in `.init_array.N` and `.fini_array.N` is the priority, in `.ctors.N` and `.dtors.N` it is
  /// 65535 minus the priority; sections without a number come last. So GNU ld joins the old arrays to the new
  /// ones.
  private static func byPriority(_ numbers: [Int], _ resolution: Resolution) -> [Int] {
    let keyed = numbers.map { (key: priority(of: $0, resolution), number: $0) }
    return keyed.sorted { ($0.key, $0.number) < ($1.key, $1.number) }.map(\.number)
  }

  private static func priority(of number: Int, _ resolution: Resolution) -> Int {
    let suffix = resolution.batch.sectionName(number).split(separator: ".").last.flatMap { UInt16($0) }
    let role = resolution.sections[number].role
    let isOldStyle = role == .constructors || role == .destructors
    return suffix.map { isOldStyle ? 65535 - Int($0) : Int($0) } ?? Initializers.Run.lastPriority
  }

  /// The pointers in these sections, which are in the order of their calls.
  func runs(_ numbers: [Int], _ resolution: Resolution, at placement: Placement) -> [Initializers.Run] {
    numbers.map { number in
      let section = sections[number]
      return Initializers.Run(
        address: Address(rawValue: placement.sectionAddresses[number]),
        count: section.byteCount / 8,
        isReversed: section.role == .constructors || section.role == .finiArray,
        priority: section.role == .preinitArray ? -1 : Self.priority(of: number, resolution))
    }
  }
}

extension Layout {
  /// The segments that memory is asked for, and which kinds of section each of them holds.
  var segments: [(request: SegmentRequest, kinds: [SegmentKind])] {
    let plan: [(Protection, [SegmentKind])] = [
      ([.read, .execute], [.text]), (.read, [.relocatedReadOnly]), (.read, [.readOnly]),
      (.read, [.threadLocal, .threadLocalZero]), ([.read, .write], [.data, .zero]),
      ([.read, .execute], [.largeText]), (.read, [.largeReadOnly]),
      ([.read, .write], [.largeData, .largeZero]),
    ]
    return plan.compactMap { protection, kinds in
      let alignment = kinds.reduce(1) { max($0, alignments[Int($1.rawValue)]) }
      let contents = byteCounts[Int(kinds[0].rawValue)]
      let start = kinds.count > 1 ? offset(of: kinds[1]) : 0
      let zeros = kinds.count > 1 ? byteCounts[Int(kinds[1].rawValue)] : 0
      guard contents > 0 || zeros > 0 else { return nil }
      return (
        SegmentRequest(
          protection: protection, contentByteCount: contents,
          byteCount: kinds.count > 1 ? start + zeros : contents,
          alignment: alignment), kinds
      )
    }
  }

  /// Where a kind begins within its segment, in bytes: after the data, for zeros.
  func offset(of kind: SegmentKind) -> Int {
    let before: SegmentKind
    switch kind {
    case .zero: before = .data
    case .threadLocalZero: before = .threadLocal
    case .largeZero: before = .largeData
    default: return 0
    }
    let alignment = alignments[Int(kind.rawValue)]
    return (byteCounts[Int(before.rawValue)] + alignment - 1) & ~(alignment - 1)
  }
}
