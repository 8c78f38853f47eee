import Weld

/// The folder that `--output-image` writes.
enum ImageFolder {
  private static let mapName = "map.json"

  /// Writes the folder for `map` at `path`, where it may replace an earlier one.
  static func stage(_ map: LinkMap, at path: String) throws(OutputError) -> StagedOutput {
    let names = fileNames(of: map)
    var files = zip(map.sections, names).compactMap { section, name in
      name.map { (name: $0, bytes: section.contents) }
    }
    files.append((mapName, LinkMapReport.json(of: map, files: names)))
    return try StagedOutput(folder: files, at: path, mayReplace: isImage)
  }

  /// The name of each section's file: its position. Sections without bytes have none.
  private static func fileNames(of map: LinkMap) -> [String?] {
    map.sections.enumerated().map { position, section in
      guard !section.contents.isEmpty else { return nil }
      let digits = String(position)
      return String(repeating: "0", count: max(4 - digits.count, 0)) + digits + ".bin"
    }
  }

  /// Whether these files, and no others, may be those of an image.
  private static func isImage(_ names: Set<String>) -> Bool {
    names.contains(mapName)
      && names.allSatisfy { name in
        name == mapName
          || name.hasSuffix(".bin") && name.count >= 8 && name.dropLast(4).allSatisfy { "0"..."9" ~= $0 }
      }
  }
}
