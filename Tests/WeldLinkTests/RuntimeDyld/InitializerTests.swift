import Testing
import WeldELF
import WeldLink
import WeldMemory

@Suite("RuntimeDyld: functions that run before and after a program")
struct InitializerTests {
  /// A section of pointers in the object `file`.
  private func object(
    _ file: String, _ name: String, type: SectionType = .progbits, pointers: Int = 1, byteCount: Int? = nil
  ) throws -> ObjectFile {
    var object = ObjectWriter.x86_64
    _ = object.addSection(
      name, type: type, flags: [.alloc, .write], alignment: 8,
      contents: [UInt8](repeating: 0, count: byteCount ?? pointers * 8))
    return try object.object(file)
  }

  /// The names and files of the sections that runs cover, in their order.
  private func names(_ runs: [Initializers.Run], of image: LinkedImage) throws -> [String] {
    let sections = try image.linker.sections()
    return runs.map { run in
      sections.first { $0.address == run.address && $0.byteCount == run.count * 8 }
        .map { "\($0.file)\($0.name)" + (run.isReversed ? " reversed" : "") } ?? "?"
    }
  }

  @Test func `constructors run by priority, those without one last`() throws {
    let image = try LinkedImage([
      object("1", ".init_array"), object("2", ".init_array.00200"), object("3", ".init_array.101"),
      // The number of old-style sections is 65535 minus the priority.
      object("4", ".ctors.65434"), object("5", ".ctors.65335"), object("6", ".ctors"),
      object("7", ".init_array.65535"), object("8", ".init_array.0"), object("9", ".ctors.00000"),
      object("10", ".preinit_array"), object("11", ".init_array"), object("12", ".init_array.1000"),
    ])
    let found = try image.linker.initializers()
    #expect(found.count == 1)
    #expect(
      try names(found[0].before, of: image) == [
        "10.preinit_array", "8.init_array.0", "3.init_array.101", "4.ctors.65434 reversed",
        "2.init_array.00200", "5.ctors.65335 reversed", "12.init_array.1000", "7.init_array.65535",
        "9.ctors.00000 reversed", "1.init_array", "6.ctors reversed", "11.init_array",
      ])
    #expect(found[0].after.isEmpty)
  }

  @Test func `destructors run the other way around`() throws {
    let image = try LinkedImage([
      object("1", ".fini_array"), object("2", ".fini_array.00200"), object("3", ".fini_array.101"),
      object("4", ".dtors.65434"), object("5", ".dtors"), object("6", ".fini_array"),
    ])
    let found = try image.linker.initializers()
    #expect(
      try names(found[0].after, of: image) == [
        "6.fini_array reversed", "5.dtors", "1.fini_array reversed", "2.fini_array.00200 reversed",
        "4.dtors.65434", "3.fini_array.101 reversed",
      ])
    #expect(found[0].before.isEmpty)
  }

  @Test func `arrays lie together, in the order of their calls`() throws {
    let image = try LinkedImage([
      object("1", ".init_array"), object("2", ".init_array.200", pointers: 3), object("3", ".init_array.101"),
      object("4", ".data"),
    ])
    let runs = try image.linker.initializers()[0].before
    #expect(runs.map(\.count) == [1, 3, 1])
    let start = runs[0].address.rawValue
    #expect(runs.map(\.address.rawValue) == [start, start + 8, start + 32])
  }

  @Test func `the type tells as well as the name`() throws {
    let image = try LinkedImage([
      object("1", ".my_init", type: .initArray), object("2", ".my_fini", type: .finiArray),
      object("3", ".my_preinit", type: .preinitArray),
      // Names that only begin alike.
      object("4", ".init_arrays"), object("5", ".ctorsx"), object("6", ".fini"),
    ])
    let found = try image.linker.initializers()[0]
    #expect(try names(found.before, of: image) == ["3.my_preinit", "1.my_init"])
    #expect(try names(found.after, of: image) == ["2.my_fini reversed"])
  }

  @Test func `each batch has its own`() throws {
    let image = try LinkedImage([object("1", ".init_array")])
    _ = try image.linker.sections()
    try image.linker.load(object("2", ".init_array.5"))
    try image.spread()
    let found = try image.linker.initializers()
    #expect(try found.map { try names($0.before, of: image) } == [["1.init_array"], ["2.init_array.5"]])
  }

  @Test func `they follow their sections`() throws {
    let image = try LinkedImage([object("1", ".init_array", pointers: 2)])
    try image.map(".init_array", to: 0x7000)
    let runs = try image.linker.initializers()[0].before
    #expect(runs.map(\.address.rawValue) == [0x7000])
    #expect(runs.map(\.count) == [2])
  }

  @Test(
    arguments: [
      ".init_array", ".init_array.7", ".fini_array", ".preinit_array", ".ctors", ".ctors.65000", ".dtors",
    ], [1, 4, 7, 12, 1001])
  func `an array of part of a pointer is refused`(name: String, byteCount: Int) throws {
    let image = try LinkedImage([object("a.o", name, byteCount: byteCount)])
    let problem = LinkError.SectionProblem.partialPointer(byteCount: UInt64(byteCount))
    #expect(throws: LinkError.section(problem, file: "a.o", section: name)) { try image.resolve() }
  }

  @Test func `empty arrays are none`() throws {
    let image = try LinkedImage([
      object("a.o", ".init_array", pointers: 0), object("b.o", ".ctors", pointers: 0),
    ])
    let runs = try image.linker.initializers()[0].before
    #expect(runs.allSatisfy { $0.count == 0 })
  }
}
