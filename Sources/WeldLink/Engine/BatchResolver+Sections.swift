internal import WeldBytes
internal import WeldELF

// Which sections take part, and as what.
extension BatchResolver {
  mutating func addSections(of object: ObjectFile, at position: Int) throws(LinkError) {
    let first = resolution.batch.first[position].section
    if !object.groupSections.isEmpty { discardGroups(of: object, first: first) }
    for number in 1..<max(object.sectionCount, 1) {
      let index = SectionIndex(rawValue: UInt32(truncatingIfNeeded: number))
      guard object.mayTakePart(index) else { continue }
      let header = object.section(at: index)
      switch header.type {
      case .rela, .rel:
        // The gABI allows a relocation section before or after its target.
        let target = first &+ Int(header.info)
        guard resolution.sections[target].relocationCount == 0 else {
          throw .section(
            .secondRelocationSection, file: object.name,
            section: object.sectionName(SectionIndex(rawValue: header.info)))
        }
        resolution.sections[target].relocationOffset = header.fileRange.lowerBound
        resolution.sections[target].relocationCount = UInt32(
          truncatingIfNeeded: header.fileRange.count / (header.type == .rela ? 24 : 16))
        if header.type == .rel, header.size > 0, isLoaded(object, header.info) {
          throw .relocation(
            .withoutAddend,
            at: RelocationWalk.place(of: object.relocations(in: header)[0], in: object, header.info))
        }
      case .compactRelocations:
        // The reader does not prove what they are for.
        let isKnown = Int(header.info) < object.sectionCount
        if !isKnown || isLoaded(object, header.info) {
          throw .section(
            .compactRelocations, file: object.name,
            section: isKnown
              ? object.sectionName(SectionIndex(rawValue: header.info)) : object.name(of: header))
        }
      // The other fields of such a header mean nothing (gABI, "Section Types").
      case .null: break
      case _ where header.flags.contains(.alloc):
        try addSection(header, number: first &+ number, of: object)
      default: break
      }
    }
    dropLinkOrdered(object, first: first)
  }

  private func isLoaded(_ object: ObjectFile, _ section: UInt32) -> Bool {
    object.section(at: SectionIndex(rawValue: section)).flags.contains(.alloc)
  }

  /// Marks the sections of groups whose signature was seen before.
  private mutating func discardGroups(of object: ObjectFile, first: Int) {
    var groups = self.groups.take() ?? NameTable()
    defer { self.groups = groups }
    for index in object.groupSections {
      let group = object.group(at: index)
      guard group.isCOMDAT else { continue }
      let before = groups.count
      let signature = object.signatureBytes(of: group)
      let hash = signature.nameHash()
      if groups.find(signature, hash: hash) == nil {
        let owned = Bytes([UInt8](copying: signature))
        _ = groups.intern(
          HashedName(byteCount: owned.count, hash: hash), in: groups.addStrings(owned), at: 0)
      }
      guard groups.count == before else { continue }
      for member in group.members { resolution.sections[first &+ Int(member.rawValue)].role = .discarded }
    }
  }

  /// Drops what belongs to a dropped section (`SHF_LINK_ORDER`).
  private mutating func dropLinkOrdered(_ object: ObjectFile, first: Int) {
    guard !object.groupSections.isEmpty else { return }
    for number in 1..<max(object.sectionCount, 1) {
      let header = object.section(at: SectionIndex(rawValue: UInt32(truncatingIfNeeded: number)))
      guard header.flags.contains([.alloc, .linkOrder]), header.link != 0,
        resolution.sections[first &+ Int(header.link)].isDiscarded
      else { continue }
      resolution.sections[first &+ number].role = .discarded
      resolution.sections[first &+ number].kind = .notLoaded
    }
  }

  private mutating func addSection(
    _ header: SectionHeader, number: Int, of object: ObjectFile
  ) throws(LinkError) {
    guard !resolution.sections[number].isDiscarded, !header.flags.contains(.exclude) else { return }
    guard resolution.linksThreadLocals || !header.flags.contains(.tls) else { return }
    if header.flags.contains([.write, .executable]) {
      throw .section(.writableAndExecutable, file: object.name, section: object.name(of: header))
    }
    guard let byteCount = Int(exactly: header.size), byteCount < 1 << 47 else {
      throw .section(.tooLarge(byteCount: header.size), file: object.name, section: object.name(of: header))
    }
    guard let alignment = Int(exactly: header.alignment), alignment < 1 << 47 else {
      throw .section(
        .alignmentTooLarge(header.alignment), file: object.name, section: object.name(of: header))
    }
    let (kind, role) = traits.classify(header, object.nameBytes(of: header))
    resolution.sections[number].fileOffset = header.fileRange.lowerBound
    resolution.sections[number].byteCount = byteCount
    resolution.sections[number].alignmentShift = UInt8(truncatingIfNeeded: alignment.trailingZeroBitCount)
    resolution.sections[number].kind = kind
    resolution.sections[number].role = role
    resolution.roles.insert(role)
    resolution.sections[number].isZero = header.type == .nobits
    switch role {
    case .plain: break
    case .frames: try addFrames(header, number: number, of: object)
    case .toc: break
    case .identifier: resolution.identifierSections[object.name(of: header), default: []].append(number)
    default:
      guard byteCount % 8 == 0 else {
        throw .section(
          .partialPointer(byteCount: header.size), file: object.name, section: object.name(of: header))
      }
    }
  }

  /// Proves frame descriptions, and leaves out what ends them: the batch's have one end.
  private mutating func addFrames(
    _ header: SectionHeader, number: Int, of object: ObjectFile
  ) throws(LinkError) {
    do {
      let byteCount = try FrameSection.recordByteCount(
        of: object.contents(of: header), order: object.header.byteOrder)
      resolution.sections[number].byteCount = byteCount
      if byteCount == 0 { resolution.sections[number].kind = .notLoaded }
    } catch {
      throw .section(
        .malformedFrames(offset: error.offset), file: object.name, section: object.name(of: header))
    }
  }

}

extension MachineTraits {
  /// Where a section goes and what it is, from its flags and, where they leave it open, its name.
  fileprivate func classify(_ header: SectionHeader, _ name: RawSpan) -> (SegmentKind, SectionRole) {
    let isLarge = hasLargeSections && header.flags.contains(.large)
    if header.flags.contains(.tls) {
      return (header.type == .nobits ? .threadLocalZero : .threadLocal, .plain)
    }
    if header.flags.contains(.executable) {
      return (isLarge ? .largeText : .text, name.isIdentifier ? .identifier : .plain)
    }
    if name.isIdentifier {
      let writable: SegmentKind = header.type == .nobits ? .zero : .data
      return (header.flags.contains(.write) ? writable : .readOnly, .identifier)
    }
    if !header.flags.contains(.write) {
      if name.equals(".eh_frame") { return (.readOnly, .frames) }
      if header.type == .note, name.equals(".note.gnu.property") { return (.notLoaded, .plain) }
      if let role = arrayRole(header, name) { return (.relocatedReadOnly, role) }
      return (isLarge ? .largeReadOnly : .readOnly, .plain)
    }
    if header.type == .nobits { return (isLarge ? .largeZero : .zero, .plain) }
    // Some compilers make it writable; there is one place for frames.
    if name.equals(".eh_frame") { return (.readOnly, .frames) }
    if let role = arrayRole(header, name) { return (.relocatedReadOnly, role) }
    if let toc = tocSectionName, name.isNamed(toc) { return (.relocatedReadOnly, .toc) }
    if name.starts(with: ".data.rel.ro") { return (.relocatedReadOnly, .plain) }
    return (isLarge ? .largeData : .data, .plain)
  }

  private func arrayRole(_ header: SectionHeader, _ name: RawSpan) -> SectionRole? {
    switch header.type {
    case .initArray: return .initArray
    case .finiArray: return .finiArray
    case .preinitArray: return .preinitArray
    default: break
    }
    if name.isNamed(".ctors") { return .constructors }
    if name.isNamed(".dtors") { return .destructors }
    if name.isNamed(".init_array") { return .initArray }
    if name.isNamed(".fini_array") { return .finiArray }
    if name.isNamed(".preinit_array") { return .preinitArray }
    return nil
  }
}

extension RawSpan {
  /// Whether the name is `base`, or `base` followed by a dot and a suffix.
  fileprivate func isNamed(_ base: StaticString) -> Bool {
    guard starts(with: base) else { return false }
    if byteCount == base.utf8CodeUnitCount { return true }
    let next: UInt8? = try? load(at: base.utf8CodeUnitCount, order: .little)
    return next == UInt8(ascii: ".")
  }

  /// Whether the name could be one of the C language.
  fileprivate var isIdentifier: Bool {
    for offset in byteOffsets {
      guard let byte: UInt8 = try? load(at: offset, order: .little) else { return false }
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"):
        continue
      case UInt8(ascii: "0")...UInt8(ascii: "9") where offset > 0: continue
      default: return false
      }
    }
    return byteCount > 0
  }
}
