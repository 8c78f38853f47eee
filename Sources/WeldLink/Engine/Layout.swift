internal import WeldELF
internal import WeldMemory

/// Where everything lies within its segment: what the layout gives, beside ``InputSection/position``. Offsets, no
/// addresses.
struct Layout: ~Copyable, Sendable {
  var commons: [CommonSymbol]
  /// Where each group of stubs begins, in bytes from the start of the text segment.
  private(set) var stubPositions: [Int]
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
  /// Bytes of each kind of segment.
  private(set) var byteCounts = PerSegmentKind(repeating: 0)
  /// Those that have bytes.
  private var usedKinds = SegmentKinds()
  /// The binary logarithms of their alignments.
  private var alignmentShifts = PerSegmentKind<UInt8>(repeating: 0)

  /// Where the common symbols of kind ``SegmentKind/zero`` begin, in bytes from the start of that kind.
  var commonPosition = 0

  /// Sections that lie one after another.
  struct Block: Equatable, Sendable {
    /// The numbers of the first and the last of them.
    var first: Int
    var last: Int
  }

  /// Lays out what takes part, in the order of the input; what must be together, together.
  init(of resolution: inout Resolution, with synthesis: borrowing Synthesis) throws(LinkError) {
    commons = resolution.commons
    stubPositions = Array(of: -1, count: synthesis.stubGroups.count)
    if synthesis.gotByteCount > 0 {
      gotPosition = try place(synthesis.gotByteCount, alignment: 8, in: .relocatedReadOnly)
    }
    if resolution.roles.contains(.toc) { try placeTOC(&resolution, synthesis) }
    try placePlainSections(&resolution, synthesis)
    if resolution.roles.contains(.identifier) { try placeIdentifiers(&resolution) }
    try placeArrays(&resolution)
    if resolution.roles.contains(.frames) { try placeFrames(&resolution) }
    for group in stubPositions.indices where stubPositions[group] < 0 {
      try placeStubs(synthesis.stubGroups[group], group)
    }
    commonPosition = byteCounts[.zero]
    if !commons.isEmpty { try placeCommons() }
  }

  /// Places what lies where it comes, and stubs behind the sections that they follow.
  private mutating func placePlainSections(
    _ resolution: inout Resolution, _ synthesis: borrowing Synthesis
  ) throws(LinkError) {
    // Usually none; the stubs at the end of the text follow no section.
    var groups: [Int: [Int]] = [:]
    for (group, stubs) in synthesis.stubGroups.enumerated() where stubs.lastSection >= 0 {
      groups[stubs.lastSection, default: []].append(group)
    }
    for number in resolution.sections.indices {
      guard resolution.sections[number].kind != .notLoaded else { continue }
      let section = resolution.sections[number]
      guard section.role == .plain else { continue }
      resolution.sections[number].position = try place(
        section.byteCount, alignment: section.alignment, in: section.kind)
      guard !groups.isEmpty else { continue }
      for group in groups[number] ?? [] { try placeStubs(synthesis.stubGroups[group], group) }
    }
  }

  /// Places sections with C identifiers for names, with their namesakes.
  private mutating func placeIdentifiers(_ resolution: inout Resolution) throws(LinkError) {
    for (name, numbers) in resolution.identifierSections.sorted(by: { $0.key < $1.key }) {
      identifiers[name] = try lay(
        out: numbers.filter { resolution.sections[$0].kind != .notLoaded }, &resolution)
    }
  }

  /// Places pointers to functions that run before and after the program.
  private mutating func placeArrays(_ resolution: inout Resolution) throws(LinkError) {
    guard SectionRole.functionPointers.contains(where: { resolution.roles.contains($0) }) else { return }
    for role in [SectionRole.preinitArray, .initArray, .finiArray] {
      arrays[role] = try lay(out: Self.byPriority(resolution.numbers(of: [role]), resolution), &resolution)
    }
    for role in [SectionRole.constructors, .destructors] {
      _ = try lay(out: resolution.numbers(of: [role]), &resolution)
    }
    initializerSections =
      Self.byPriority(resolution.numbers(of: [.preinitArray]), resolution)
      + Self.byPriority(resolution.numbers(of: [.initArray, .constructors]), resolution)
    finalizerSections =
      Self.byPriority(resolution.numbers(of: [.finiArray, .destructors]), resolution).reversed()
  }

  /// Places frame descriptions one after another, and what ends them.
  private mutating func placeFrames(_ resolution: inout Resolution) throws(LinkError) {
    for number in resolution.sections.indices {
      guard resolution.sections[number].role == .frames else { continue }
      let section = resolution.sections[number]
      guard section.kind != .notLoaded else { continue }
      // Only the first one is aligned: four bytes of zero between frame descriptions would end them.
      resolution.sections[number].position = try place(
        section.byteCount, alignment: frames == nil ? section.alignment : 1, in: section.kind)
      frames = Block(first: frames?.first ?? number, last: number)
    }
    guard let frames else { return }
    _ = try place(Self.terminatorByteCount, alignment: 1, in: resolution.sections[frames.first].kind)
  }

  /// Places common symbols; those of the usual kind come first, together.
  private mutating func placeCommons() throws(LinkError) {
    commons.sort { ($0.kind.rawValue, $0.symbol) < ($1.kind.rawValue, $1.symbol) }
    for position in commons.indices {
      commons[position].position = try place(
        commons[position].byteCount, alignment: commons[position].alignment, in: commons[position].kind)
    }
  }

  /// Places the GOTs that compilers made: first those of code that reaches only 64 KiB of them.
  private mutating func placeTOC(
    _ resolution: inout Resolution, _ synthesis: borrowing Synthesis
  ) throws(LinkError) {
    let numbers = resolution.numbers(of: [.toc])
    for isSmall in [true, false] {
      for number in numbers
      where synthesis.smallTOCObjects.contains(resolution.batch.object(ofSection: number)) == isSmall {
        let section = resolution.sections[number]
        resolution.sections[number].position = try place(
          section.byteCount, alignment: section.alignment, in: section.kind)
      }
    }
  }

  private mutating func placeStubs(_ group: Synthesis.StubGroup, _ number: Int) throws(LinkError) {
    stubPositions[number] = byteCounts[.text]
    guard group.byteCount > 0 else { return }
    stubPositions[number] = try place(group.byteCount, alignment: group.alignment, in: .text)
  }

  /// Bytes of zero that end the frame descriptions.
  static let terminatorByteCount = 4

  /// Takes the next `byteCount` bytes of a segment.
  private mutating func place(_ byteCount: Int, alignment: Int, in kind: SegmentKind) throws(LinkError) -> Int
  {
    let used = byteCounts[kind]
    let (sum, overflow) = used.addingReportingOverflow(alignment - 1)
    let start = sum & ~(alignment - 1)
    let (end, tooLong) = start.addingReportingOverflow(byteCount)
    // No more than an address space has, so that whoever adds to it need not fear an overflow.
    guard !overflow, !tooLong, end < 1 << 47 else { throw .memory(.tooLarge) }
    byteCounts[kind] = end
    if end > 0 { usedKinds.insert(kind) }
    alignmentShifts[kind] = max(alignmentShifts[kind], UInt8(alignment.trailingZeroBitCount))
    return start
  }

  /// Lays sections out one after another, nothing else between them.
  private mutating func lay(
    out numbers: [Int], _ resolution: inout Resolution
  ) throws(LinkError) -> Block? {
    guard let first = numbers.first else { return nil }
    let kind = resolution.sections[first].kind
    for number in numbers {
      let section = resolution.sections[number]
      resolution.sections[number].position = try place(
        section.byteCount, alignment: section.alignment, in: kind)
    }
    return Block(first: first, last: numbers[numbers.count - 1])
  }

  /// Puts arrays of pointers in the order of their priorities, and of the input where these are equal.
  ///
  /// The number in `.init_array.N` and `.fini_array.N` is the priority, in `.ctors.N` and `.dtors.N` it is
  /// 65535 minus the priority; sections without a number come last. So GNU ld joins the old arrays to the new
  /// ones.
  private static func byPriority(_ numbers: [Int], _ resolution: borrowing Resolution) -> [Int] {
    guard numbers.count > 1 else { return numbers }
    var keyed: [(key: Int, number: Int)] = []
    for number in numbers { keyed.append((priority(of: number, resolution), number)) }
    return keyed.sorted { ($0.key, $0.number) < ($1.key, $1.number) }.map(\.number)
  }

  private static func priority(of number: Int, _ resolution: borrowing Resolution) -> Int {
    let suffix = resolution.batch.sectionName(number).split(separator: ".").last.flatMap { UInt16($0) }
    let role = resolution.sections[number].role
    let isOldStyle = role == .constructors || role == .destructors
    return suffix.map { isOldStyle ? 65535 - Int($0) : Int($0) } ?? Initializers.Run.lastPriority
  }

  /// The pointers in these sections, which are in the order of their calls.
  func runs(_ numbers: [Int], _ resolution: borrowing Resolution) -> [Initializers.Run] {
    var runs: [Initializers.Run] = []
    for number in numbers {
      let section = resolution.sections[number]
      runs.append(
        Initializers.Run(
          address: Address(rawValue: section.address),
          count: section.byteCount / 8,
          isReversed: section.role == .constructors || section.role == .finiArray,
          priority: section.role == .preinitArray ? -1 : Self.priority(of: number, resolution)))
    }
    return runs
  }
}

extension Layout {
  /// The segments that memory is asked for: those of ``Segment/all`` that are not empty.
  var requests: [SegmentRequest] {
    var requests: [SegmentRequest] = []
    requests.reserveCapacity(Segment.all.count)
    for segment in Segment.all where !isEmpty(segment) { requests.append(request(for: segment)) }
    return requests
  }

  func isEmpty(_ segment: Segment) -> Bool { usedKinds.isDisjoint(with: segment.kinds) }

  private func request(for segment: Segment) -> SegmentRequest {
    let contents = byteCounts[segment.contents]
    guard let zeros = segment.zeros else {
      return SegmentRequest(
        protection: segment.protection, contentByteCount: contents, byteCount: contents,
        alignment: alignment(of: segment.contents))
    }
    return SegmentRequest(
      protection: segment.protection, contentByteCount: contents,
      byteCount: offset(of: zeros) + byteCounts[zeros],
      alignment: max(alignment(of: segment.contents), alignment(of: zeros)))
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
    return (byteCounts[before] + alignment(of: kind) - 1) & ~(alignment(of: kind) - 1)
  }

  private func alignment(of kind: SegmentKind) -> Int { 1 << Int(alignmentShifts[kind]) }

  /// Whether the batch has thread-local variables.
  var hasThreadLocals: Bool { byteCounts[.threadLocal] > 0 || byteCounts[.threadLocalZero] > 0 }
}

extension Resolution {
  /// The sections that are loaded and have one of these roles, role by role.
  fileprivate func numbers(of roles: [SectionRole]) -> [Int] {
    roles.flatMap { role in
      self.roles.contains(role)
        ? sections.indices.filter { sections[$0].role == role && sections[$0].kind != .notLoaded } : []
    }
  }
}
