import Testing
import WeldBytes
import WeldELF
import WeldLink

@Suite("Which members of archives take part")
struct InputSelectionTests {
  /// An object that defines and wants names; `weak:` and `common:` say how.
  private func object(_ name: String, defines: [String] = [], wants: [String] = []) -> (String, ObjectWriter)
  {
    var object = ObjectWriter.x86_64
    let text = object.addText([0xc3])
    for definition in defines {
      let parts = definition.split(separator: ":").map(String.init)
      switch parts[0] {
      case "weak": _ = object.addSymbol(parts[1], in: text, binding: .weak)
      case "common": _ = object.addCommonSymbol(parts[1], size: 8, alignment: 8)
      default: _ = object.addSymbol(parts[0], in: text)
      }
    }
    for wanted in wants {
      let parts = wanted.split(separator: ":").map(String.init)
      _ = object.addUndefinedSymbol(parts[parts.count - 1], binding: parts.count > 1 ? .weak : .global)
    }
    return (name, object)
  }

  /// An archive of these objects, as `ar` makes it.
  private func archive(_ members: [(String, ObjectWriter)], hasIndex: Bool = true) throws -> LinkInput {
    let folder = try TemporaryFolder()
    for (name, object) in members { try folder.write(object.bytes(), to: name) }
    try Tool("ar")([hasIndex ? "rcs" : "rcS", "archive.a"] + members.map(\.0), in: folder)
    return .archive(try Archive(Bytes(folder.read("archive.a")), name: "archive.a"))
  }

  private func input(_ member: (String, ObjectWriter)) throws -> LinkInput {
    .object(try member.1.object(member.0))
  }

  private func selected(
    _ inputs: [LinkInput], whole: Bool = false, wanting names: [String] = [], aliases: [Alias] = []
  ) throws -> [String] {
    try InputSelection.select(inputs, wholeArchives: whole, wanting: names, aliases: aliases).map(\.name)
  }

  @Test(arguments: [true, false])
  func `members are pulled in by need, in any order`(hasIndex: Bool) throws {
    let members = [
      object("unneeded.o", defines: ["nobody_wants_it"]), object("c.o", defines: ["c"]),
      object("b.o", defines: ["b"], wants: ["c", "main"]), object("a.o", defines: ["a"], wants: ["b"]),
    ]
    let main = try input(object("main.o", defines: ["main"], wants: ["a"]))
    let archive = try archive(members, hasIndex: hasIndex)
    let expected = ["archive.a(a.o)", "archive.a(b.o)", "archive.a(c.o)"]
    #expect(try selected([main, archive]) == ["main.o"] + expected)
    // The order of the inputs does not matter.
    #expect(try selected([archive, main]) == ["main.o"] + expected)
  }

  @Test func `archives may need each other`() throws {
    let first = try archive([
      object("one.o", defines: ["one"], wants: ["two"]), object("three.o", defines: ["three"]),
    ])
    let second = try archive([object("two.o", defines: ["two"], wants: ["three"])])
    let main = try input(object("main.o", wants: ["one"]))
    let expected = ["main.o", "archive.a(one.o)", "archive.a(two.o)", "archive.a(three.o)"]
    #expect(try selected([main, first, second]) == expected)
    #expect(try selected([main, second, first]) == expected)
  }

  @Test func `the first of several definitions is taken`() throws {
    let first = try archive([object("first.o", defines: ["twice"]), object("again.o", defines: ["twice"])])
    let second = try archive([object("second.o", defines: ["twice"])])
    let main = try input(object("main.o", wants: ["twice"]))
    #expect(try selected([main, first, second]) == ["main.o", "archive.a(first.o)"])
    // An object that stands by itself comes before all archives.
    let own = try input(object("own.o", defines: ["twice"]))
    #expect(try selected([main, first, own]) == ["main.o", "own.o"])
  }

  @Test func `weak references and common symbols want nothing`() throws {
    let archive = try archive([object("a.o", defines: ["a"]), object("b.o", defines: ["b"])])
    let main = try input(object("main.o", defines: ["common:b"], wants: ["weak:a"]))
    #expect(try selected([main, archive]) == ["main.o"])
    // Once somebody else wants it, it is there for all.
    let other = try input(object("other.o", wants: ["a"]))
    #expect(try selected([main, archive, other]) == ["main.o", "other.o", "archive.a(a.o)"])
  }

  @Test func `weak definitions of members count`() throws {
    let archive = try archive([object("a.o", defines: ["weak:a"]), object("b.o", defines: ["a"])])
    #expect(try selected([input(object("main.o", wants: ["a"])), archive]) == ["main.o", "archive.a(a.o)"])
  }

  @Test func `names can be wanted from outside`() throws {
    let archive = try archive([object("a.o", defines: ["a"]), object("b.o", defines: ["b"])])
    #expect(try selected([archive], wanting: ["b", "c"]) == ["archive.a(b.o)"])
    #expect(try selected([archive]) == [])
  }

  @Test func `who wants an alias wants its target`() throws {
    let archive = try archive([object("a.o", defines: ["target"]), object("b.o", defines: ["b"])])
    let main = try input(object("main.o", wants: ["alias"]))
    let aliases = [Alias("alias", for: "second"), Alias("second", for: "target")]
    #expect(try selected([main, archive], aliases: aliases) == ["main.o", "archive.a(a.o)"])
    // A circle wants nothing that there is.
    let circle = [Alias("alias", for: "second"), Alias("second", for: "alias")]
    #expect(try selected([main, archive], aliases: circle) == ["main.o"])
  }

  @Test func `whole archives take part with all members, in place`() throws {
    let archive = try archive([object("a.o", defines: ["a"]), object("b.o")])
    let main = try input(object("main.o"))
    #expect(try selected([archive, main], whole: true) == ["archive.a(a.o)", "archive.a(b.o)", "main.o"])
  }

  @Test func `what is no object is no harm where it is not needed, and an error where it is`() throws {
    let folder = try TemporaryFolder()
    try folder.write(Array("Read me\n".utf8), to: "README")
    try folder.write(object("a.o", defines: ["a"]).1.bytes(), to: "a.o")
    try Tool("ar")(["rcS", "archive.a", "README", "a.o"], in: folder)
    let archive = LinkInput.archive(try Archive(Bytes(folder.read("archive.a")), name: "archive.a"))
    #expect(try selected([archive], wanting: ["a"]) == ["archive.a(a.o)"])
    #expect { try selected([archive], whole: true) } throws: { error in
      guard case .malformed(let problem)? = error as? LinkError else { return false }
      return problem.file == "archive.a(README)"
    }
  }
}
