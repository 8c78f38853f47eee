internal import WeldELF
public import WeldMemory

/// A section at a fixed address.
public struct SectionAddress: Hashable, Sendable {
  /// The base name of the section's file: what follows the last `/`, for a member of an archive the member's
  /// name. Any file will do for a section that the linker makes (``SyntheticSection``).
  public var file: String
  /// The section's name.
  public var section: String
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
  /// - Throws: `notDefined` for a section that no file has.
  func pins(of resolution: Resolution) throws(LinkError) -> Placement.Pins {
    var pins = Placement.Pins()
    pins.gotBase = gotBase?.rawValue
    guard !sectionAddresses.isEmpty else { return pins }
    let batch = resolution.batch
    let positions = Dictionary(grouping: batch.objects.indices) { String(batch.objects[$0].name.baseName) }
    for wanted in sectionAddresses {
      var isFound = false
      for position in positions[wanted.file] ?? [] {
        for number in batch.firstSection[position]..<batch.firstSection[position + 1]
        where resolution.sections[number].kind != .notLoaded && batch.sectionName(number) == wanted.section {
          pins.sections[number] = wanted.address.rawValue
          isFound = true
        }
      }
      if !isFound, let section = SyntheticSection(rawValue: wanted.section) {
        pins.synthetic[section] = wanted.address.rawValue
        isFound = true
      }
      guard isFound else { throw .noSuchSection(file: wanted.file, section: wanted.section) }
    }
    return pins
  }
}
