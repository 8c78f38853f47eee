public import WeldELF
public import WeldMemory

extension LinkMap {
  /// An ELF executable with the image's loaded sections at their addresses, for tools that read or run such
  /// files.
  ///
  /// Slots of indirect functions hold the addresses of their resolvers: nothing in the file calls these.
  ///
  /// Symbols from outside of the image are absolute ones there. Sections that are not loaded (`.debug_*`) are
  /// left out with their symbols, and so are section symbols and those without a name.
  ///
  /// - Parameters:
  ///   - entry: where a program begins.
  ///   - pageByteCount: what the system's pages are multiples of or equal to, a power of two.
  public func executable(
    entry: Address, pageByteCount: Int = 4096
  ) throws(ExecutableError) -> [UInt8] {
    var writer = ExecutableWriter(machine: machine, byteOrder: byteOrder, pageByteCount: pageByteCount)
    writer.entry = entry.rawValue
    var written: [ExecutableWriter.SectionID?] = []
    for section in sections {
      guard !section.protection.isEmpty else {
        written.append(nil)
        continue
      }
      var flags: SectionFlags = .alloc
      if section.protection.contains(.write) { flags.insert(.write) }
      if section.protection.contains(.execute) { flags.insert(.executable) }
      if section.isThreadLocal { flags.insert(.tls) }
      // An address that was chosen for the section need not be a multiple of it.
      let alignment =
        UInt64(1)
        << UInt64(min(section.alignment.trailingZeroBitCount, section.address.rawValue.trailingZeroBitCount))
      written.append(
        section.contents.isEmpty && section.byteCount > 0
          ? writer.addZeroSection(
            section.name, flags: flags, address: section.address.rawValue, alignment: alignment,
            byteCount: UInt64(section.byteCount))
          : writer.addSection(
            section.name, flags: flags, address: section.address.rawValue, alignment: alignment,
            contents: section.contents))
    }
    for symbol in symbols where !symbol.name.isEmpty && symbol.type != .section && symbol.type != .file {
      let section = symbol.section.flatMap { written[$0] }
      guard section != nil || symbol.section == nil else { continue }
      writer.addSymbol(
        symbol.name, at: symbol.address.rawValue, in: section,
        size: symbol.byteCount, type: symbol.type, binding: symbol.binding, other: symbol.other)
    }
    return try writer.bytes()
  }
}
