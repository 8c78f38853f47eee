import WeldELF

@testable import WeldLink

// Errors that tests expect; only here is anything used that is not public.

extension LinkError {
  /// A relocation that cannot be applied.
  static func relocation(
    _ problem: RelocationProblem, _ type: String, in section: String = ".text", of file: String = "a.o",
    at offset: UInt64 = 0, to symbol: String = "target", _ addend: Int64 = 0
  ) -> LinkError {
    .relocation(problem, at: place(type, in: section, of: file, at: offset, to: symbol, addend))
  }

  /// How errors describe a relocation.
  static func place(
    _ type: String, in section: String = ".text", of file: String = "a.o", at offset: UInt64 = 0,
    to symbol: String = "target", _ addend: Int64 = 0
  ) -> RelocationPlace {
    RelocationPlace(
      file: file, section: section, offset: offset, type: type, symbol: symbol, addend: addend)
  }

  /// One symbol that nothing defines.
  static func undefined(
    _ name: String, isHidden: Bool = false, _ references: [RelocationPlace], suggestions: [String] = []
  ) -> LinkError {
    .undefinedSymbols([
      UndefinedSymbol(name: name, isHidden: isHidden, references: references, suggestions: suggestions)
    ])
  }
}
