import ArgumentParser
import Weld

/// `weld link`: links, and writes what came of it.
struct LinkCommand: Verb {
  static let configuration = CommandConfiguration(
    commandName: "link", abstract: "Link objects and archives at chosen addresses and write the image.",
    discussion: """
      Objects always take part, members of archives as needed. Nothing is run, so the machine of the objects may be \
      any that Weld links.

      Exit status: 0, or 2 if the link failed or the image could not be written.
      """)

  static let failureStatus: Int32 = 2

  @Option(
    help: ArgumentHelp(
      "Write a file for each section, and map.json, into this folder, which is made, or replaced if it is an image.",
      valueName: "folder"))
  var outputImage: String?

  @Option(
    name: .customLong("output-elf"),
    help: ArgumentHelp(
      "Write an executable with the image's sections at their addresses.", valueName: "file"))
  var outputELF: String?

  @OptionGroup var image: ImageOptions

  func validate() throws {
    guard outputImage != nil || outputELF != nil else {
      throw ValidationError("Nothing to write: expected --output-image <folder> or --output-elf <file>")
    }
  }

  func run() throws {
    let map = try image.link()
    var outputs: [StagedOutput] = []
    do {
      if let outputELF {
        outputs.append(try StagedOutput(executable: try executable(map, at: outputELF), at: outputELF))
      }
      if let outputImage { outputs.append(try ImageFolder.stage(map, at: outputImage)) }
      for position in outputs.indices { try outputs[position].publish() }
    } catch {
      for output in outputs { output.discard() }
      throw error
    }
  }

  private func executable(_ map: LinkMap, at path: String) throws -> [UInt8] {
    // Smaller pages no system has; for larger ones no system wants files to be aligned.
    let pageByteCount = min(max(image.pageSize?.byteCount ?? 0, 0x1000), 0x1_0000)
    let entry = try entry(of: map)
    do {
      return try map.executable(entry: entry, pageByteCount: pageByteCount)
    } catch {
      throw OutputError.notExecutable(path: path, error)
    }
  }

  /// Where a program begins: at `--entry`, else at `_start`, else nowhere.
  private func entry(of map: LinkMap) throws -> Address {
    let name = image.entry ?? "_start"
    let names = [name] + image.aliases.filter { $0.alias.name == name }.map(\.alias.target)
    if let found = map.symbols.first(where: { $0.binding != .local && names.contains($0.name) }) {
      return found.address
    }
    guard image.entry == nil else { throw LinkError.notDefined(symbol: name, suggestions: []) }
    return .zero
  }
}
