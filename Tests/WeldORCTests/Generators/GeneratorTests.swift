import Testing
import Weld

@Suite("Generators: libraries, archives, re-exports")
struct GeneratorTests {
  private static let members = [
    (file: "one.o", source: "int two(void); int one(void) { return two() - 1; }"),
    (file: "two.o", source: "int two(void) { return 2; }"),
    (file: "three.o", source: "int three(void) { return 3; }"),
  ]

  @Test(arguments: ["rcs", "rcS", "rcsT"])
  func `members of an archive are added by need, with an index, without one, and thin`(operation: String)
    throws
  {
    let folder = try TemporaryFolder()
    let jit = try LLJIT()
    try jit.linkStaticLibrary(Compiler.archive(Self.members, operation: operation, in: folder))
    let name = jit.session.intern("one")
    #expect(throws: OrcError.self) {
      try jit.session.lookup(
        SymbolLookupSet(name), in: [SearchedJITDylib(jit.mainDylib)], kind: .dlsym)
    }
    #expect(try jit.lookup("one", as: IntFunction.self)() == 1)
    #expect(jit.mainDylib.state(of: jit.session.intern("two")) == .ready)
    #expect(jit.mainDylib.state(of: jit.session.intern("three")) == nil)
  }

  @Test func `a whole archive is added, and a second strong definition is an error`() throws {
    let folder = try TemporaryFolder()
    let path = try Compiler.archive(Self.members, in: folder)
    let archive = try Archive(MappedFile.open(path), name: path)
    let jit = try LLJIT()
    try jit.objectLayer.addWholeArchive(archive, to: jit.mainDylib)
    #expect(jit.mainDylib.state(of: jit.session.intern("three")) == .neverSearched)
    #expect(throws: OrcError.duplicateDefinition([OrcError.Symbol(name: "one", dylib: "main")])) {
      try jit.objectLayer.addWholeArchive(archive, to: jit.mainDylib)
    }
  }

  @Test func `the process is searched, as far as the filter allows`() throws {
    let fixture = try CoreFixture()
    try fixture.main.addGenerator(
      DynamicLibrarySearchGenerator.forProcess(of: fixture.session) { $0 != "malloc" })
    let found = fixture.start(["free", "malloc", "there is no such name"], .ready, .weaklyReferenced)
    #expect(found.names == ["free"])
    #expect(try fixture.session.lookup("free", in: fixture.order).flags == [.exported, .callable])
  }

  @Test func `symbols of another dylib are re-exported, as far as the filter allows`() throws {
    let fixture = try CoreFixture()
    let other = try fixture.session.createDylib("other")
    try other.define(absoluteSymbols(fixture.definitions(["foo", "bar"])))
    try fixture.main.addGenerator(
      ReexportsGenerator(from: SearchedJITDylib(other)) { $0.hasPrefix("f") })
    #expect(fixture.start(["foo", "bar"], .ready, .weaklyReferenced).names == ["foo"])
    #expect(try fixture.session.lookup("foo", in: fixture.order).address == testAddress("foo"))
  }

  @Test func `a weak reference wants no member of an archive, unless something else does`() throws {
    let folder = try TemporaryFolder()
    let archive = try Compiler.archive(
      [("w.o", "int w(void) { return 9; }"), ("r.o", "int w(void); int r(void) { return w(); }")], in: folder)
    let weak = try Compiler.object(
      "weak.o", "__attribute__((weak)) int w(void); int f(void) { return w ? w() : 3; }")
    for (name, expected) in [("f", Int32(3)), ("r", 9)] {
      let jit = try LLJIT()
      try jit.linkStaticLibrary(archive)
      try jit.addObject(weak)
      #expect(try jit.lookup(name, as: IntFunction.self)() == expected)
      if name == "r" { #expect(try jit.lookup("f", as: IntFunction.self)() == 9) }
    }
  }
}
