import Testing
import WeldELF

@Suite("Symbols")
struct SymbolTests {
  @Test func `information and visibility are unpacked`() {
    let symbol = Symbol(nameOffset: 0, info: 0xa6, other: 0xfe, place: .undefined, value: 0, size: 0)
    #expect(symbol.binding == .unique)
    #expect(symbol.type == .tls)
    #expect(symbol.visibility == .hidden)
  }

  @Test(arguments: [
    (SymbolBinding.local, "local"), (.global, "global"), (.weak, "weak"), (.unique, "unique"),
    (SymbolBinding(rawValue: 13), "binding 13"),
  ])
  func `bindings have names`(binding: SymbolBinding, name: String) { #expect(binding.description == name) }

  @Test(arguments: [
    (SymbolType.none, "notype"), (.object, "object"), (.function, "func"), (.section, "section"),
    (.file, "file"),
    (.common, "common"), (.tls, "tls"), (.indirectFunction, "ifunc"), (SymbolType(rawValue: 13), "type 13"),
  ])
  func `types have names`(type: SymbolType, name: String) { #expect(type.description == name) }

  @Test(arguments: [
    (SymbolVisibility.default, "default", false), (.internal, "internal", true), (.hidden, "hidden", true),
    (.protected, "protected", false),
  ])
  func `internal is hidden too`(visibility: SymbolVisibility, name: String, isHidden: Bool) {
    #expect(visibility.description == name)
    #expect(visibility.isHidden == isHidden)
  }

  @Test func `the most constraining visibility holds, whichever file says it`() {
    let order: [SymbolVisibility] = [.internal, .hidden, .protected, .default]
    for (strong, left) in order.enumerated() {
      for (weak, right) in order.enumerated() {
        #expect(SymbolVisibility.mostConstraining(left, right) == order[min(strong, weak)])
      }
    }
  }
}
