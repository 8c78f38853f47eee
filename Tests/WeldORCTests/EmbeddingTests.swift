import Testing
import Weld

@Suite("The examples of README.md and docs/embedding.md")
struct EmbeddingTests {
  private static let folder =
    #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/TestObjects/x86_64/archives/"

  private struct Host: SymbolLookup {
    let functions: [String: Address]

    func lookup(_ names: [String]) -> [ResolvedSymbol?] {
      names.map { name in functions[name].map { ResolvedSymbol(address: $0, isFunction: true) } }
    }
  }

  private func load(_ name: String, into linker: RuntimeDyld) throws {
    try linker.load(ObjectFile(MappedFile.open(Self.folder + name), name: name))
  }

  @Test func `a function of an object is called`() throws {
    let linker = RuntimeDyld(memory: try MappedMemory(windowByteCount: 1 << 24), lookup: AbsoluteSymbols())
    try load("members_loaded.o", into: linker)
    try load("even.o", into: linker)
    try load("odd.o", into: linker)
    try linker.finalize()
    let symbol = try #require(linker.symbol(named: "isEven"))
    #expect(symbol.flags == [.exported, .callable])
    let isEven = unsafeBitCast(UInt(symbol.address.rawValue), to: (@convention(c) (UInt32) -> Int32).self)
    #expect(isEven(10) == 1)
    #expect(isEven(7) == 0)
  }

  @Test func `a function of the host is called back, however far away it is`() throws {
    let isOdd: @convention(c) (UInt32) -> Int32 = { $0 % 2 == 1 ? 1 : 0 }
    let address = Address(rawValue: UInt64(UInt(bitPattern: unsafeBitCast(isOdd, to: UnsafeRawPointer.self))))
    let memory = try MappedMemory(
      windowByteCount: 1 << 24, placement: .at(Address(rawValue: 0x3000_0000_0000)))
    let linker = RuntimeDyld(memory: memory, lookup: Host(functions: ["isOdd": address]))
    try load("members_loaded.o", into: linker)
    try load("even.o", into: linker)
    try linker.finalize()
    let symbol = try #require(linker.symbol(named: "isEven"))
    let isEven = unsafeBitCast(UInt(symbol.address.rawValue), to: (@convention(c) (UInt32) -> Int32).self)
    #expect(isEven(10) == 1)
    #expect(isEven(7) == 0)
  }

  @Test func `what is missing can be loaded after it was missed`() throws {
    let linker = RuntimeDyld(memory: try MappedMemory(windowByteCount: 1 << 24), lookup: AbsoluteSymbols())
    try load("members_loaded.o", into: linker)
    try load("even.o", into: linker)
    let error = #expect(throws: LinkError.self) { try linker.finalize() }
    guard case .undefinedSymbols(let missing)? = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(missing.map(\.name) == ["isOdd"])
    #expect(missing.first?.references.count == 1)
    try load("odd.o", into: linker)
    try linker.finalize()
    #expect(linker.symbol(named: "isOdd") != nil)
  }
}
