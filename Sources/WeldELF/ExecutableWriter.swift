public import WeldBytes

/// Writes ELF64 executables for fixed addresses (`ET_EXEC`), from sections that are linked already.
///
/// Section headers are in the order in which sections were added; so are symbols, local ones first. What is
/// loaded follows from the sections' flags: each page may be read, and written or executed if one of its
/// sections may be. The stack is not executable.
public struct ExecutableWriter: Sendable {
  let machine: Machine
  let byteOrder: ByteOrder
  let page: UInt64
  /// `e_flags`. By default 2 on little-endian ppc64, for its ABI, ELFv2, and 0 on other machines.
  public var flags: UInt32
  /// `e_entry`: the address where a program begins.
  public var entry: UInt64 = 0
  private(set) var sections: [Section] = []
  private(set) var symbols: [Entry] = []

  /// A section of an executable being written.
  public struct SectionID: Hashable, Sendable {
    var position: Int
  }

  struct Section {
    var name: String
    var type: SectionType
    var flags: SectionFlags
    var address: UInt64
    var alignment: UInt64
    var contents: [UInt8]
    var byteCount: UInt64

    var place: ExecutableError.Place {
      ExecutableError.Place(section: name, address: address, byteCount: byteCount)
    }
    /// Whether it takes memory at its address. Thread-local zeros take none: they are only counted in the
    /// template, and what follows may have the same addresses.
    var isLoaded: Bool { byteCount > 0 && !(type == .nobits && flags.contains(.tls)) }
  }

  struct Entry {
    var name: String
    var binding: SymbolBinding
    var type: SymbolType
    var other: UInt8
    var section: SectionID?
    var address: UInt64
    var size: UInt64
  }

  /// An executable without sections.
  ///
  /// - Parameter pageByteCount: what the system's pages are multiples of or equal to, a power of two. A
  ///   system with larger pages cannot load the file.
  public init(machine: Machine, byteOrder: ByteOrder, pageByteCount: Int = 4096) {
    precondition(pageByteCount > 0 && pageByteCount & (pageByteCount - 1) == 0, "not a power of two")
    self.machine = machine
    self.byteOrder = byteOrder
    page = UInt64(pageByteCount)
    flags = machine == .ppc64 && byteOrder == .little ? 2 : 0
  }

  /// Adds a section with contents; those with ``SectionFlags/tls`` are the template of thread-local storage.
  public mutating func addSection(
    _ name: String, type: SectionType = .progbits, flags: SectionFlags, address: UInt64,
    alignment: UInt64 = 1, contents: [UInt8]
  ) -> SectionID {
    sections.append(
      Section(
        name: name, type: type, flags: flags.union(.alloc), address: address, alignment: alignment,
        contents: contents, byteCount: UInt64(contents.count)))
    return SectionID(position: sections.count - 1)
  }

  /// Adds a section of `byteCount` zero bytes (`NOBITS`), which take no room in the file.
  public mutating func addZeroSection(
    _ name: String, flags: SectionFlags = [.alloc, .write], address: UInt64, alignment: UInt64 = 1,
    byteCount: UInt64
  ) -> SectionID {
    sections.append(
      Section(
        name: name, type: .nobits, flags: flags.union(.alloc), address: address, alignment: alignment,
        contents: [], byteCount: byteCount))
    return SectionID(position: sections.count - 1)
  }

  /// Adds a symbol at `address`, which lies in `section`, or in none that the file has.
  ///
  /// - Parameter other: `st_other`: the visibility, and bits of the processor's own.
  public mutating func addSymbol(
    _ name: String, at address: UInt64, in section: SectionID?, size: UInt64 = 0, type: SymbolType = .none,
    binding: SymbolBinding = .global, other: UInt8 = 0
  ) {
    symbols.append(
      Entry(
        name: name, binding: binding, type: type, other: other, section: section, address: address, size: size
      ))
  }
}

// MARK: - The file

extension ExecutableWriter {
  /// The executable's bytes.
  public func bytes() throws(ExecutableError) -> [UInt8] {
    let loaded = try loadedSections()
    let template = threadLocalTemplate()
    // The number of segments is known only when they are laid out, but not more than two for each section.
    var cursor = UInt64(FileHeader.byteCount)
    let count = LoadSegment.covering(loaded, page: page, cursor: &cursor).count
    let headerCount = count + (template == nil ? 0 : 1) + 1
    guard headerCount < 0xffff else { throw .tooManySegments(headerCount) }
    cursor = UInt64(FileHeader.byteCount + headerCount * 56)
    let segments = LoadSegment.covering(loaded, page: page, cursor: &cursor)

    var file = [UInt8](repeating: 0, count: Int(cursor))
    let offsets = sections.map { offset(of: $0, in: segments) }
    for (section, offset) in zip(sections, offsets) where !section.contents.isEmpty {
      file.replaceSubrange(Int(offset)..<Int(offset) + section.contents.count, with: section.contents)
    }
    let tables = appendTables(to: &file, offsets: offsets, template: template)

    var header = ByteWriter(order: byteOrder)
    // `STT_GNU_IFUNC` and `STB_GNU_UNIQUE` mean what they do on systems with `ELFOSABI_GNU`, 3.
    let isGNU = symbols.contains { $0.type == .indirectFunction || $0.binding == .unique }
    header.append([0x7f, 0x45, 0x4c, 0x46, 2, byteOrder == .little ? 1 : 2, 1, isGNU ? 3 : 0])
    header.append([UInt8](repeating: 0, count: 8))
    header.append(FileType.executable.rawValue)
    header.append(machine.rawValue)
    header.append(1 as UInt32)
    header.append(entry)
    header.append(UInt64(FileHeader.byteCount))
    header.append(tables.headerOffset)
    header.append(flags)
    header.append(UInt16(FileHeader.byteCount))
    header.append(56 as UInt16)
    header.append(UInt16(headerCount))
    header.append(UInt16(SectionHeader.byteCount))
    // Numbers too large for these fields are in the section header 0.
    header.append(tables.count < Self.firstReservedIndex ? UInt16(tables.count) : 0)
    header.append(tables.count - 1 < Self.firstReservedIndex ? UInt16(tables.count - 1) : 0xffff)
    appendSegments(segments, template, to: &header)
    file.replaceSubrange(0..<header.bytes.count, with: header.bytes)
    return file
  }

  /// `SHN_LORESERVE`.
  static let firstReservedIndex = 0xff00

  /// The sections that take memory, by address.
  private func loadedSections() throws(ExecutableError) -> [LoadSegment.Content] {
    let sorted = sections.filter(\.isLoaded).sorted { $0.address < $1.address }
    var contents: [LoadSegment.Content] = []
    for (position, section) in sorted.enumerated() {
      let (end, overflow) = section.address.addingReportingOverflow(section.byteCount)
      guard !overflow, end <= 0 &- page else { throw .outsideAddressSpace(section.place) }
      if let previous = contents.last, section.address < previous.range.upperBound {
        throw .overlap(sorted[position - 1].place, section.place)
      }
      contents.append(
        LoadSegment.Content(
          range: section.address..<end, isZero: section.type == .nobits, flags: section.flags))
    }
    return contents
  }

  /// Where the section's bytes begin in the file.
  func offset(of section: Section, in segments: [LoadSegment]) -> UInt64 {
    // The first segment that ends behind the section's start; they are sorted by address.
    var bounds = segments.startIndex..<segments.endIndex
    while !bounds.isEmpty {
      let middle = bounds.lowerBound + bounds.count / 2
      bounds =
        segments[middle].used.upperBound > section.address
        ? bounds.lowerBound..<middle : middle + 1..<bounds.upperBound
    }
    guard bounds.lowerBound < segments.count, segments[bounds.lowerBound].used.contains(section.address)
    else { return UInt64(FileHeader.byteCount) }
    return segments[bounds.lowerBound].offset(of: section.address)
  }
}
