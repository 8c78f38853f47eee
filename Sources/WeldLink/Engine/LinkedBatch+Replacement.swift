internal import WeldBytes
internal import WeldELF
internal import WeldMemory

// What a graph needs of the batch that it is linked in.
extension LinkedBatch {
  /// The number of a section of the object at `position`.
  func number(ofSection index: Int, of position: Int) -> Int {
    plan.resolution.batch.first[position].section + index
  }

  /// The address of a section; `nil` if it is not part of memory.
  func address(ofSection index: Int, of position: Int) -> Address? {
    let number = number(ofSection: index, of: position)
    guard plan.resolution.sections[number].kind != .notLoaded else { return nil }
    return Address(rawValue: plan.resolution.sections[number].address)
  }

  /// Whether the batch, or the linker for it, defines a symbol.
  func isDefined(_ reference: SymbolReference) -> Bool {
    let number = plan.resolution.batch.first[reference.object].symbol + reference.symbol
    return plan.resolution.symbols[Int(plan.resolution.symbols[number].canonical)].classes.contains(.defined)
  }

  /// Takes another object in the place of the one at `position`: one with the same sections and symbols, but other
  /// contents and relocations. After an error that object can only be skipped.
  ///
  /// - Throws: `graph` with `shapeChanged` for any other, and with `unplannedNeeds` if its relocations need slots or stubs
  ///   that there are none of; what is wrong with relocations.
  func replaceObject(at position: Int, with object: ObjectFile) throws(LinkError) {
    guard plan.resolution.batch.objects[position].hasSameShape(as: object) else {
      throw .graph(.shapeChanged(file: object.name))
    }
    let first = plan.resolution.batch.first[position].section
    for number in 1..<max(object.sectionCount, 1)
    where plan.resolution.sections[first + number].role == .frames {
      try proveFrames(
        object, object.section(at: SectionIndex(rawValue: UInt32(number))),
        byteCount: plan.resolution.sections[first + number].byteCount)
    }
    replace { resolution in
      resolution.batch.objects[position] = object
      resolution.sections.relocate(object, from: first)
    }
    var rescan = Rescan(batch: self, position: position)
    try rescan.run(for: object.header.machine, file: object.name)
  }

  private func proveFrames(
    _ object: ObjectFile, _ header: SectionHeader, byteCount: Int
  ) throws(LinkError) {
    let found: Int
    do {
      found = try FrameSection.recordByteCount(
        of: object.contents(of: header), order: object.header.byteOrder)
    } catch {
      throw .section(
        .malformedFrames(offset: error.offset), file: object.name, section: object.name(of: header))
    }
    guard found == byteCount else { throw .graph(.shapeChanged(file: object.name)) }
  }
}

extension [InputSection] {
  /// Notes where the contents and relocations of `object`, whose sections are numbered from `first` on, are in its file.
  fileprivate mutating func relocate(_ object: ObjectFile, from first: Int) {
    for number in 1..<Swift.max(object.sectionCount, 1) {
      let header = object.section(at: SectionIndex(rawValue: UInt32(number)))
      self[first + number].fileOffset = header.fileRange.lowerBound
      guard header.type == .rela else { continue }
      self[first + Int(header.info)].relocationOffset = header.fileRange.lowerBound
      self[first + Int(header.info)].relocationCount = UInt32(truncatingIfNeeded: header.fileRange.count / 24)
    }
  }
}

extension ObjectFile {
  /// Whether sections and symbols are the same, in the same order; contents and relocations may differ.
  fileprivate func hasSameShape(as other: ObjectFile) -> Bool {
    guard sectionCount == other.sectionCount, symbolCount == other.symbolCount,
      symbolTable?.firstGlobal == other.symbolTable?.firstGlobal,
      Self.areEqual(bytes.span.extracting(symbolNames), other.bytes.span.extracting(other.symbolNames))
    else { return false }
    for number in 1..<max(sectionCount, 1) {
      let index = SectionIndex(rawValue: UInt32(number))
      let (mine, others) = (section(at: index), other.section(at: index))
      guard mine.type == others.type, mine.flags == others.flags, mine.nameOffset == others.nameOffset,
        mine.alignment == others.alignment, mine.type == .rela || mine.size == others.size
      else { return false }
    }
    for number in 0..<symbolCount {
      let index = SymbolIndex(rawValue: UInt32(number))
      if symbol(at: index) != other.symbol(at: index) { return false }
    }
    return true
  }

  private static func areEqual(_ left: RawSpan, _ right: RawSpan) -> Bool {
    [UInt8](copying: left) == [UInt8](copying: right)
  }
}
