import Testing
import Weld

@Suite("What is wrong with an object is told exactly")
struct MalformedObjectTests {
  enum Expected: Sendable {
    case error(LinkError)
    /// The place is given as it is shown.
    case relocation(LinkError.RelocationProblem, at: String)
  }

  struct Row: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var expected: Expected
    var object: @Sendable () throws -> ObjectFile

    init(_ title: String, _ expected: Expected, object: @escaping @Sendable () throws -> ObjectFile) {
      testDescription = title
      self.expected = expected
      self.object = object
    }

    /// An object with a section of eight bytes and one relocation.
    init(
      _ title: String, _ problem: LinkError.RelocationProblem, type: UInt32 = 2, offset: UInt64 = 0,
      addend: Int64 = 0, at place: String = "bad.o: .text+0x0: R_X86_64_PC32 against ''", symbol: UInt32 = 0
    ) {
      self.init(title, .relocation(problem, at: place)) {
        var writer = ObjectWriter.sample
        let text = writer.addText(8)
        writer.addRelocation(type, in: text, at: offset, to: nil, addend: addend)
        return try Image(writer).setting(symbol, at: 12, ofContents: ".rela.text").object()
      }
    }

    /// An object with one section.
    static func section(
      _ title: String, _ problem: LinkError.SectionProblem, name: String = ".bss",
      _ add: @escaping @Sendable (inout ObjectWriter) -> Void
    ) -> Row {
      Row(title, .error(.section(problem, file: "bad.o", section: name))) {
        var writer = ObjectWriter.sample
        add(&writer)
        return try Image(writer).object()
      }
    }
  }

  static let relocations = [
    Row("the first symbol that is not there", .symbolOutOfRange(index: 1, count: 1), symbol: 1),
    Row("the last possible symbol", .symbolOutOfRange(index: .max, count: 1), symbol: .max),
    Row(
      "a field that ends one byte late", .outsideSection(byteCount: 4, sectionByteCount: 8), offset: 5,
      at: "bad.o: .text+0x5: R_X86_64_PC32 against ''"),
    Row(
      "the last possible offset", .outsideSection(byteCount: 4, sectionByteCount: 8), offset: .max,
      at: "bad.o: .text+0xffffffffffffffff: R_X86_64_PC32 against ''"),
    Row(
      "an offset that wraps", .outsideSection(byteCount: 4, sectionByteCount: 8), offset: .max - 3,
      at: "bad.o: .text+0xfffffffffffffffc: R_X86_64_PC32 against ''"),
    Row(
      "an offset with a sign", .outsideSection(byteCount: 4, sectionByteCount: 8), offset: 1 << 63,
      at: "bad.o: .text+0x8000000000000000: R_X86_64_PC32 against ''"),
    Row(
      "a type that is not in use", .unknownType(200), type: 200,
      at: "bad.o: .text+0x0: relocation type 200 against ''"),
    Row(
      "the last possible type", .unknownType(.max), type: .max,
      at: "bad.o: .text+0x0: relocation type 4294967295 against ''"),
    Row(
      "a type of executables", .dynamicOnly, type: 8, at: "bad.o: .text+0x0: R_X86_64_RELATIVE against ''"),
    Row(
      "an addend too large", .field(.overflow(value: .max, range: -0x8000_0000...0x7fff_ffff)), type: 11,
      addend: .max, at: "bad.o: .text+0x0: R_X86_64_32S against '' + 9223372036854775807"),
  ]

  static let sections: [Row] = [
    .section("half of a larger address space", .tooLarge(byteCount: 1 << 47)) { writer in
      _ = writer.addZeroSection(".bss", byteCount: 1 << 47)
    },
    .section("all bits of a size", .tooLarge(byteCount: .max)) { writer in
      _ = writer.addZeroSection(".bss", byteCount: .max)
    },
    .section("an alignment larger than memory", .alignmentTooLarge(1 << 47)) { writer in
      _ = writer.addZeroSection(".bss", alignment: 1 << 47, byteCount: 1)
    },
    .section("the largest alignment", .alignmentTooLarge(1 << 63)) { writer in
      _ = writer.addZeroSection(".bss", alignment: 1 << 63, byteCount: 1)
    },
    .section("a common symbol larger than memory", .tooLarge(byteCount: 1 << 62), name: "huge") { writer in
      _ = writer.addCommonSymbol("huge", size: 1 << 62, alignment: 1)
    },
    .section("a common symbol's alignment", .alignmentTooLarge(.max), name: "strict") { writer in
      _ = writer.addCommonSymbol("strict", size: 1, alignment: .max)
    },
    .section("relocations where nothing is stored", .relocatedZeros) { writer in
      let zeros = writer.addZeroSection(".bss", byteCount: 8)
      writer.addRelocation(1, in: zeros, at: 0, to: nil, addend: 0)
    },
    .section("both writable and executable", .writableAndExecutable, name: ".wx") { writer in
      _ = writer.addSection(".wx", flags: [.alloc, .write, .executable], contents: [0])
    },
    .section("half a pointer", .partialPointer(byteCount: 4), name: ".init_array") { writer in
      _ = writer.addSection(
        ".init_array", type: .initArray, flags: [.alloc, .write], contents: [UInt8](repeating: 0, count: 4))
    },
    Row("two sections that are too large together", .error(.memory(.tooLarge))) {
      var writer = ObjectWriter.sample
      for _ in 0..<2 { _ = writer.addZeroSection(".bss", byteCount: 1 << 46) }
      return try Image(writer).object()
    },
    Row(
      "a second relocation section",
      .error(.section(.secondRelocationSection, file: "bad.o", section: ".text"))
    ) {
      var writer = ObjectWriter.sample
      for _ in 0..<2 { writer.addRelocation(1, in: writer.addText(8), at: 0, to: nil, addend: 0) }
      // The last relocation section is for the second section called `.text`.
      return try Image(writer).setting(1 as UInt32, at: 44, ofHeader: ".rela.text", last: true).object()
    },
    Row(
      "a relocation in an empty section",
      .relocation(
        .outsideSection(byteCount: 8, sectionByteCount: 0), at: "bad.o: .text+0x0: R_X86_64_64 against ''")
    ) {
      var writer = ObjectWriter.sample
      writer.addRelocation(1, in: writer.addText(0), at: 0, to: nil, addend: 0)
      return try Image(writer).object()
    },
  ]

  @Test(arguments: relocations + sections)
  func `malformed`(row: Row) throws {
    let object = try row.object()
    let error = #expect(throws: LinkError.self) { try link(object) }
    switch (row.expected, error) {
    case (.error(let expected), _): #expect(error == expected)
    case (.relocation(let problem, let text), .relocation(let found, let place)?):
      #expect(found == problem)
      #expect(place.description == text)
    default: Issue.record("another error: \(String(describing: error))")
    }
  }

  @Test(arguments: [(1, ".text"), (0x7fff_ffff, ".crel.text"), (.max, ".crel.text")] as [(UInt32, String)])
  func `compact relocations (SHT_CREL) are not passed over`(target: UInt32, section: String) throws {
    let object = try compact(for: target, flags: [.alloc, .executable])
    let error = #expect(throws: LinkError.section(.compactRelocations, file: "bad.o", section: section)) {
      try link(object)
    }
    #expect(try #require(error).description.contains("compile without --crel"))
  }

  @Test func `compact relocations of what is not loaded do no harm`() throws {
    _ = try link(compact(for: 1, flags: []))
  }

  /// An object with a section `.text` and another of compact relocations for section `target`.
  private func compact(for target: UInt32, flags: SectionFlags) throws -> ObjectFile {
    var writer = ObjectWriter.sample
    _ = writer.addSection(".text", flags: flags, contents: [UInt8](repeating: 0x90, count: 8))
    _ = writer.addSection(".crel.text", type: .compactRelocations, flags: [], contents: [0])
    return try Image(writer).setting(target, at: 44, ofHeader: ".crel.text").object()
  }

  @Test func `a section of no type is no section, whatever its size`() throws {
    var writer = ObjectWriter.sample
    _ = writer.addText(8)
    let object = try Image(writer)
      .setting(0 as UInt32, at: 4, ofHeader: ".text").setting(1 << 46 as UInt64, at: 32, ofHeader: ".text")
      .object()
    #expect(try link(object).sections().isEmpty)
  }

  @Test func `frames may refer in any way to what was dropped with its group`() throws {
    for type in [1, 2, 3, 4, 9, 24, 25, 27, 29, 31, 32, 41, 42] as [UInt32] {
      var writer = ObjectWriter.sample
      let text = writer.addText(8)
      // One record of 12 bytes behind its length.
      let contents = [12] + [UInt8](repeating: 0, count: 15)
      let frames = writer.addSection(".eh_frame", flags: [.alloc], contents: contents)
      // Members: the text, the group itself, the relocations, the symbol table.
      _ = writer.addSection(
        ".group", flags: [], contents: [1, 1, 3, 4, 5].flatMap { [$0, 0, 0, 0] })
      let local = writer.addSymbol("local", in: text, binding: .local)
      _ = writer.addSymbol("signature", in: text, binding: .weak)
      writer.addRelocation(type, in: frames, at: 8, to: local, addend: 0)
      let image = try Image(writer)
      let object = try image.setting(17 as UInt32, at: 4, ofHeader: ".group")
        .setting(5 as UInt32, at: 40, ofHeader: ".group")
        .setting(2 as UInt32, at: 44, ofHeader: ".group").object()
      #expect(object.group(at: SectionIndex(rawValue: 3)).isCOMDAT)
      let linker = try link(object, object)
      #expect(try linker.sections().filter { $0.name == ".text" }.count == 1)
    }
  }

  @Test func `sections that belong to each other in a circle`() throws {
    var writer = ObjectWriter.sample
    for name in [".a", ".b", ".c"] {
      _ = writer.addSection(name, flags: [.alloc, .linkOrder], contents: [1])
    }
    _ = writer.addSection(".group", flags: [], contents: [1, 2].flatMap { [$0, 0, 0, 0] })
    _ = writer.addAbsoluteSymbol("signature", value: 0)
    let object = try Image(writer)
      .setting(2 as UInt32, at: 40, ofHeader: ".a").setting(3 as UInt32, at: 40, ofHeader: ".b")
      .setting(1 as UInt32, at: 40, ofHeader: ".c").setting(17 as UInt32, at: 4, ofHeader: ".group")
      .setting(5 as UInt32, at: 40, ofHeader: ".group")
      .setting(1 as UInt32, at: 44, ofHeader: ".group").object()
    _ = try link(object, object).sections()
  }

  @Test func `frames of odd sizes leave no gap that would end them`() throws {
    var writer = ObjectWriter.sample
    for count in [20, 24, 12, 8] {
      // One record behind its length.
      let contents = [UInt8(count - 4)] + [UInt8](repeating: 0, count: count - 1)
      _ = writer.addSection(".eh_frame", flags: [.alloc], alignment: 8, contents: contents)
    }
    let frames = try link(try Image(writer).object()).sections()
    for (frame, next) in zip(frames, frames.dropFirst()) {
      #expect(next.address == frame.address.advanced(by: UInt64(frame.byteCount)))
    }
  }

  @Test func `what takes no room is in reach`() throws {
    var writer = ObjectWriter.sample
    let text = writer.addText(32)
    var offset: UInt64 = 0
    for name in [".rodata", ".data", ".bss"] {
      let flags: SectionFlags = name == ".rodata" ? [.alloc] : [.alloc, .write]
      let symbol = writer.addSymbol("in" + name, in: writer.addSection(name, flags: flags, contents: []))
      writer.addRelocation(2, in: text, at: offset, to: symbol, addend: 0)
      offset += 4
    }
    for name in ["_end", "edata", "__bss_start", "__init_array_start"] {
      writer.addRelocation(2, in: text, at: offset, to: writer.addUndefinedSymbol(name), addend: 0)
      offset += 4
    }
    let memory = ImageMemory(base: Address(rawValue: 0x7f00_0000_0000))
    let linker = RuntimeDyld(memory: memory, lookup: AbsoluteSymbols())
    try linker.load(Image(writer).object())
    try linker.finalize()
  }

  @Test func `zeros of any size among code take no memory`() throws {
    let memory = try MappedMemory(windowByteCount: 1 << 43, placement: .anywhere)
    let linker = RuntimeDyld(memory: memory, lookup: AbsoluteSymbols())
    var writer = ObjectWriter.sample
    _ = writer.addZeroSection(".text.zeros", flags: [.alloc, .executable], byteCount: 1 << 42)
    let text = writer.addText(8)
    _ = writer.addSymbol("after", in: text)
    try linker.load(Image(writer).object())
    try linker.finalize()
    #expect(linker.symbol(named: "after") != nil)
  }

  /// Links `objects` into an image.
  @discardableResult
  private func link(_ objects: ObjectFile...) throws -> RuntimeDyld {
    let linker = RuntimeDyld(
      memory: ImageMemory(base: Address(rawValue: 0x10_0000)), lookup: AbsoluteSymbols())
    for object in objects { try linker.load(object) }
    try linker.finalize()
    return linker
  }
}

extension ObjectWriter {
  fileprivate static var sample: ObjectWriter { ObjectWriter(machine: .x86_64, byteOrder: .little) }

  /// Adds code of `byteCount` bytes.
  fileprivate mutating func addText(_ byteCount: Int) -> SectionID {
    addSection(
      ".text", flags: [.alloc, .executable], contents: [UInt8](repeating: 0x90, count: byteCount))
  }
}

/// An object, in which fields are changed that `ObjectWriter` writes right.
private struct Image {
  private let whole: ObjectFile
  private var bytes: [UInt8]

  struct NoSection: Error {}

  init(_ writer: ObjectWriter) throws {
    bytes = writer.bytes()
    whole = try ObjectFile(Bytes(bytes), name: "whole.o")
  }

  /// Sets a field at `offset` of the header of a section: of the first of its name, or of the last.
  func setting<T: FixedWidthInteger>(
    _ value: T, at offset: Int, ofHeader section: String, last: Bool = false
  ) throws -> Image {
    let number = try number(of: section, last: last)
    return setting(value, at: Int(whole.header.sectionHeaderOffset) + number * 64 + offset)
  }

  /// Sets a field at `offset` of the contents of a section.
  func setting<T: FixedWidthInteger>(_ value: T, at offset: Int, ofContents section: String) throws -> Image {
    let header = whole.section(at: SectionIndex(rawValue: UInt32(try number(of: section, last: false))))
    return setting(value, at: header.fileRange.lowerBound + offset)
  }

  private func number(of section: String, last: Bool) throws -> Int {
    let numbers = (1..<whole.sectionCount).filter {
      whole.sectionName(SectionIndex(rawValue: UInt32($0))) == section
    }
    guard let number = last ? numbers.last : numbers.first else { throw NoSection() }
    return number
  }

  private func setting<T: FixedWidthInteger>(_ value: T, at offset: Int) -> Image {
    var copy = self
    for byte in 0..<T.bitWidth / 8 {
      copy.bytes[offset + byte] = UInt8(truncatingIfNeeded: value >> T(byte * 8))
    }
    return copy
  }

  func object() throws -> ObjectFile { try ObjectFile(Bytes(bytes), name: "bad.o") }
}
