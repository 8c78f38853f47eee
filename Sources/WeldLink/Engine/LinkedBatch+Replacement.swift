internal import WeldBytes
internal import WeldELF
internal import WeldMemory

// What a graph needs of the batch that it is linked in.
extension LinkedBatch {
  /// The number of a section of the object at `position`.
  func number(ofSection index: Int, of position: Int) -> Int {
    resolution.batch.firstSection[position] + index
  }

  /// The address of a section; `nil` if it is not part of memory.
  func address(ofSection index: Int, of position: Int) -> Address? {
    let number = number(ofSection: index, of: position)
    guard layout.sections[number].kind != .notLoaded else { return nil }
    return Address(rawValue: placement.sectionAddresses[number])
  }

  /// Whether the batch, or the linker for it, defines a symbol.
  func isDefined(_ reference: SymbolReference) -> Bool {
    let number = resolution.batch.firstSymbol[reference.object] + reference.symbol
    return resolution.classes[Int(resolution.canonical[number])].contains(.defined)
  }

  /// Takes another object in the place of the one at `position`: one with the same sections and symbols, but other
  /// contents and relocations.
  ///
  /// - Throws: `graph` with `shapeChanged` for any other, and with `unplannedNeeds` if its relocations need slots or stubs
  ///   that there are none of; what is wrong with relocations.
  func replaceObject(at position: Int, with object: ObjectFile) throws(LinkError) {
    let old = resolution.batch.objects[position]
    guard old.hasSameShape(as: object) else { throw .graph(.shapeChanged(file: object.name)) }
    var new = resolution
    var sections = layout.sections
    let first = new.batch.firstSection[position]
    new.batch.objects[position] = object
    for number in 1..<max(object.sectionCount, 1) {
      let header = object.section(at: SectionIndex(rawValue: UInt32(number)))
      sections[first + number].fileOffset = header.fileRange.lowerBound
      if header.type == .rela {
        let target = first + Int(header.info)
        sections[target].relocationOffset = header.fileRange.lowerBound
        sections[target].relocationCount = UInt32(truncatingIfNeeded: header.fileRange.count / 24)
      } else if sections[first + number].role == .frames {
        try proveFrames(object, header, byteCount: sections[first + number].byteCount)
      }
    }
    new.sections = sections
    var layout = layout
    layout.sections = sections
    var rescan = Rescan(
      scan: Scan(resolution: new, linksThreadLocals: linksThreadLocals, pins: [:]), position: position,
      before: synthesis)
    let needs = try rescan.run(for: traits.machine, file: object.name)
    guard needs.slots.count == synthesis.slots.count, needs.stubs.count == synthesis.stubs.count,
      needs.gotByteCount == synthesis.gotByteCount
    else { throw .graph(.unplannedNeeds(file: object.name)) }
    replace(new, needs, layout)
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
