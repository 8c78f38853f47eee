import Foundation
import Testing

/// A program of `TestObjects/x86_64` whose sources are C or C++ for any machine, and the lines of `runs` that run it.
struct PortableProgram: CustomTestStringConvertible, Sendable {
  /// How an object is made, as the first lines of its source say.
  struct Recipe: Sendable {
    var source: URL
    var compiler: String
    var flags: [String]
  }

  /// By the object's path in `TestObjects/x86_64`.
  var recipes: [String: Recipe]
  var lines: [RunLine]

  var testDescription: String {
    Set(recipes.values.map { $0.source.lastPathComponent }).sorted().joined(separator: " ")
  }

  /// All of them. Left out is what asks x86-64 what it can do, or is about its code models and relocations, and
  /// the one that cancels a thread at a moment that varies (instead: `Tests/Programs/Other/unwinding.c`).
  static let all: [PortableProgram] = {
    let recipes = allRecipes().filter { _, recipe in
      !["ifunc.c", "codemodel.c", "tls.c", "unwind_c.c"].contains(recipe.source.lastPathComponent)
        && !recipe.flags.contains { $0.hasPrefix("-Wa,-mrelax") }
    }
    var programs: [[String]: PortableProgram] = [:]
    for line in RunLine.all {
      let objects = line.arguments.prefix { $0 != "--" }
      let ofLine = recipes.filter { objects.contains($0.key) }
      guard ofLine.count == Set(objects).count else { continue }
      let sources = Set(ofLine.values.map(\.source.path)).sorted()
      programs[sources, default: PortableProgram(recipes: [:], lines: [])].lines.append(line)
      programs[sources]?.recipes.merge(ofLine) { $1 }
    }
    return programs.values.sorted { $0.testDescription < $1.testDescription }
  }()

  private static func allRecipes() -> [String: Recipe] {
    var recipes: [String: Recipe] = [:]
    let files = FileManager.default.enumerator(atPath: Command.objects.path)
    while let path = files?.nextObject() as? String {
      guard path.hasSuffix(".c") || path.hasSuffix(".cpp") else { continue }
      let source = Command.objects.appending(path: path)
      let text = (try? String(contentsOf: source, encoding: .utf8)) ?? ""
      for line in text.split(separator: "\n").prefix(while: { $0.contains(#/^// [a-z0-9_]+\.o: /#) }) {
        let words = line.split(separator: " ").map(String.init)
        let object = URL(filePath: path).deletingLastPathComponent().relativePath + "/" + words[1].dropLast()
        recipes[object.replacing(#/^\.//#, with: "")] = Recipe(
          source: source, compiler: words[2], flags: Array(words.dropFirst(3)))
      }
    }
    return recipes
  }

  /// Compiles the objects for a machine, to the paths in `scratch` that they have in `TestObjects/x86_64`.
  func compile(for machine: RemoteMachine, in scratch: Scratch) throws {
    for (object, recipe) in recipes {
      let path = scratch.folder.appending(path: object)
      try FileManager.default.createDirectory(
        at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
      let isClang = recipe.compiler.hasPrefix("clang")
      let compiler = isClang ? recipe.compiler : "\(machine.triple)-\(recipe.compiler)"
      let target = isClang ? ["--target=\(machine.triple)"] : []
      try scratch.tool(compiler, target + recipe.flags + ["-c", recipe.source.path, "-o", path.path])
    }
  }
}
