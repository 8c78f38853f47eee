internal import WeldELF
public import WeldMemory

/// A section at a fixed address.
public struct SectionAddress: Hashable, Sendable {
  /// The base name of the section's file: what follows the last `/`, for a member of an archive the member's
  /// name. Any file will do for a section that the linker makes (``SyntheticSection``).
  public var file: String
  /// The section's name. Several of one name lie one after another.
  public var section: String
  /// Where it is used.
  public var address: Address

  /// Puts `section` of `file` at `address`.
  public init(file: String, section: String, address: Address) {
    self.file = file
    self.section = section
    self.address = address
  }
}

extension String {
  /// The name of a file without its folder; of a member of an archive, which is called `archive(member)`, the
  /// member's.
  public var baseName: Substring {
    if last == ")", let parenthesis = lastIndex(of: "(") {
      return self[index(after: parenthesis)..<index(before: endIndex)]
    }
    return lastIndex(of: "/").map { self[index(after: $0)...] } ?? self[...]
  }
}

extension RuntimeDyld.Options {
  /// The sections of a batch that are used at addresses of their own.
  ///
  /// - Throws: `noSuchSection` for one that no file has.
  func pins(of resolution: borrowing Resolution) throws(LinkError) -> Placement.Pins {
    var pins = Placement.Pins()
    pins.gotBase = gotBase?.rawValue
    guard !sectionAddresses.isEmpty else { return pins }
    let sections = namedSections(of: Set(sectionAddresses.map(\.file)), resolution)
    for wanted in sectionAddresses {
      let numbers = sections[wanted.file]?[wanted.section] ?? []
      var address = wanted.address.rawValue
      for number in numbers {
        let alignment = UInt64(resolution.sections[number].alignment)
        if number != numbers.first { address = (address &+ alignment &- 1) & ~(alignment &- 1) }
        pins.sections[number] = address
        address &+= UInt64(resolution.sections[number].byteCount)
      }
      var isFound = !numbers.isEmpty
      if !isFound, let section = SyntheticSection(rawValue: wanted.section) {
        pins.synthetic[section] = wanted.address.rawValue
        isFound = true
      }
      guard isFound else { throw .noSuchSection(file: wanted.file, section: wanted.section) }
    }
    return pins
  }

  /// The numbers of the loaded sections of the files with these base names, by file and name.
  private func namedSections(
    of files: Set<String>, _ resolution: borrowing Resolution
  ) -> [String: [String: [Int]]] {
    var found: [String: [String: [Int]]] = [:]
    let batch = resolution.batch
    for (position, object) in batch.objects.enumerated() {
      let file = String(object.name.baseName)
      guard files.contains(file) else { continue }
      for number in batch.first[position].section..<batch.first[position + 1].section
      where resolution.sections[number].kind != .notLoaded {
        found[file, default: [:]][batch.sectionName(number), default: []].append(number)
      }
    }
    return found
  }
}
