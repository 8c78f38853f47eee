import Testing
import Weld

/// After LLVM's `IndirectionUtilsTest`.
@Suite("Indirect stubs")
struct IndirectStubsManagerTests {
  private let fixture: CoreFixture
  private let stubs: IndirectStubsManager

  init() throws {
    fixture = try CoreFixture()
    stubs = try IndirectStubsManager(for: fixture.session)
  }

  @Test func `lead where their pointers say`() throws {
    try stubs.createStub("f", target: Functions.addOne)
    let stub = try #require(stubs.findStub("f"))
    let pointer = try #require(stubs.findPointer("f"))
    let executor = fixture.session.executor
    #expect(stub.flags == [.exported, .callable])
    #expect(Functions.call(stub.address, 5) == 6)
    #expect(try executor.read(8, at: pointer.address) == bytes(Functions.addOne))
    try stubs.updatePointer(of: "f", to: Functions.double)
    #expect(Functions.call(stub.address, 5) == 10)
    #expect(stubs.findStub("f") == stub)
    #expect(try executor.read(8, at: pointer.address) == bytes(Functions.double))
  }

  private func bytes(_ address: Address) -> [UInt8] {
    withUnsafeBytes(of: address.rawValue) { Array($0) }
  }

  @Test func `are found exported only, or all`() throws {
    try stubs.createStubs([
      "seen": fixture.function(Functions.addOne), "hidden": fixture.function(Functions.double, .callable),
    ])
    #expect(stubs.findStub("seen", exportedOnly: true) != nil)
    #expect(stubs.findStub("hidden", exportedOnly: true) == nil)
    #expect(stubs.findStub("hidden")?.flags == .callable)
    #expect(stubs.findStub("other") == nil)
    #expect(stubs.findPointer("other") == nil)
  }

  @Test func `are code that cannot be written, and pointers that cannot be run`() throws {
    try stubs.createStub("f", target: Functions.addOne)
    #expect(try protection(of: #require(stubs.findStub("f")).address)?.hasPrefix("r-x") == true)
    #expect(try protection(of: #require(stubs.findPointer("f")).address)?.hasPrefix("rw-") == true)
  }

  private func protection(of address: Address) throws -> String? {
    let file = try MappedFile.open("/proc/self/maps")
    let maps = String(decoding: file.span).split(separator: "\n")
    for line in maps {
      let words = line.split(separator: " ")
      let bounds = words[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
      if (bounds[0]..<bounds[1]).contains(address.rawValue) { return String(words[1]) }
    }
    return nil
  }

  @Test func `are many`() throws {
    let names = (0..<3000).map { "f\($0)" }
    let targets = [Functions.addOne, Functions.double, Functions.negate]
    var initial: [String: EvaluatedSymbol] = [:]
    for (number, name) in names.enumerated() { initial[name] = fixture.function(targets[number % 3]) }
    try stubs.createStubs(initial)
    var addresses: Set<Address> = []
    for (number, name) in names.enumerated() {
      let stub = try #require(stubs.findStub(name))
      addresses.insert(stub.address)
      #expect(Functions.call(stub.address, 7) == [8, 14, -7][number % 3])
    }
    #expect(addresses.count == names.count)
  }

  @Test func `have names of their own`() throws {
    let other = try fixture.session.createDylib("other")
    try stubs.createStub("f", target: Functions.addOne)
    try stubs.createStub("f", in: fixture.main, target: Functions.double)
    try stubs.createStub("f", in: other, target: Functions.negate)
    #expect(
      throws: OrcError.duplicateDefinition([OrcError.Symbol(name: "f", dylib: "other")])
    ) { try stubs.createStubs(["f": fixture.function(.zero), "g": fixture.function(.zero)], in: other) }
    #expect(stubs.findStub("g", in: other) == nil)
    let found = [nil, fixture.main, other].compactMap { stubs.findStub("f", in: $0) }
    #expect(found.map { Functions.call($0.address, 3) } == [4, 6, -3])
  }

  @Test func `that are not there cannot be changed`() throws {
    try stubs.createStub("f", target: Functions.addOne)
    #expect(throws: OrcError.symbolsNotFound(["g"], searched: [])) {
      try stubs.updatePointers(["f": Functions.double, "g": Functions.double])
    }
    #expect(Functions.call(try #require(stubs.findStub("f")).address, 1) == 2)
    stubs.removeStubs(["f", "nothing"])
    #expect(stubs.findStub("f") == nil)
    #expect(throws: OrcError.symbolsNotFound(["f"], searched: ["main"])) {
      try stubs.updatePointer(of: "f", in: fixture.main, to: Functions.double)
    }
  }

  @Test func `are used again`() throws {
    let names = (0..<100).map { "f\($0)" }
    var initial: [String: EvaluatedSymbol] = [:]
    for name in names { initial[name] = fixture.function(Functions.addOne) }
    var pages: Set<UInt64> = []
    for _ in 0..<10_000 {
      try stubs.createStubs(initial)
      for name in ["f0", "f99"] {
        let stub = try #require(stubs.findStub(name)).address
        pages.insert(stub.rawValue >> 12)
      }
      stubs.removeStubs(names)
    }
    #expect(pages.count == 1)
  }

  @Test func `end with the session, and are not made after it`() throws {
    try fixture.session.endSession()
    #expect(throws: OrcError.sessionClosed) { try IndirectStubsManager(for: fixture.session) }
    #expect(throws: OrcError.sessionClosed) { try LazyCallThroughManager(for: fixture.session) }
  }
}
