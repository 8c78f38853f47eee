import Weld

/// Objects made from sources at test time, for this machine.
enum Compiler {
  /// Compiles C, or with `language` something else, with GCC; errors call the object `name`.
  static func object(
    _ name: String, _ source: String, _ options: [String] = ["-fPIC"], language: String = "c"
  ) throws -> ObjectFile {
    let folder = try TemporaryFolder()
    try compile(
      source, options, language: language, to: name.split(separator: "/").last.map(String.init) ?? name,
      in: folder)
    return try ObjectFile(Bytes(folder.read(name)), name: name)
  }

  static func compile(
    _ source: String, _ options: [String] = ["-fPIC"], language: String = "c", to file: String,
    in folder: TemporaryFolder
  ) throws {
    try Tool("gcc")(["-O1"] + options + ["-x", language, "-c", "-", "-o", file], in: folder, input: source)
  }

  /// An archive of objects, by file name; `operation` is that of `ar`.
  static func archive(
    _ sources: [(file: String, source: String)], operation: String = "rcs", in folder: TemporaryFolder
  ) throws -> String {
    for (file, source) in sources { try compile(source, to: file, in: folder) }
    try Tool("ar")([operation, "library.a"] + sources.map(\.file), in: folder)
    return folder.path(of: "library.a")
  }
}

/// A `@convention(c)` function without parameters.
typealias IntFunction = @convention(c) () -> Int32
