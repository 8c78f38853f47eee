import Testing
import WeldBytes
import WeldELF
import WeldLink

/// One way to compile for another machine.
struct CrossCompiler: Sendable, CustomTestStringConvertible {
  let machine: CrossMachine
  let isClang: Bool
  let options: [String]

  var testDescription: String { (isClang ? "clang " : "gcc ") + options.joined(separator: " ") }

  /// The object that it makes of a C source in `TestObjects`.
  func object(_ source: String) throws -> ObjectFile {
    let folder = try TemporaryFolder()
    let compiler =
      isClang
      ? ["clang-19", "--target=\(machine == .ppc64le ? "powerpc64le" : "s390x")-linux-gnu"]
      : [machine.prefix + "gcc"]
    let path = TestObjects.folder.appending(path: source)
    try Tool(compiler[0])(
      compiler.dropFirst() + options + ["-c", "-o", folder.path(of: "object.o"), path.path], in: folder)
    return try ObjectFile(Bytes(folder.read("object.o")), name: path.lastPathComponent)
  }

  /// Links the program that is made for all code models, with the C library out of reach.
  func program(relaxes: Bool) throws -> CrossImage {
    let objects = try [object("x86_64/codemodel/codemodel.c"), object("x86_64/codemodel/sink.c")]
    var externals: [String: UInt64] = [:]
    for object in objects {
      for index in 1..<object.symbolCount where object.symbols[index].place == .undefined {
        externals[object.name(of: object.symbols[index])] = 0x7fff_0000_0000 + UInt64(externals.count) * 0x40
      }
    }
    for name in [".TOC.", "_GLOBAL_OFFSET_TABLE_"] { externals[name] = nil }
    return try CrossImage(machine, objects, knowing: externals, relaxes: relaxes)
  }
}

extension CrossImage {
  /// Expects every slot to hold its symbol's address, and every call that goes through a stub to go to one
  /// that leads to its function.
  func expectConsistency() throws {
    #expect(try address("main") > 0)
    for slot in map.slots where slot.kind == .address && slot.symbol != "" {
      guard map.symbols.count(where: { $0.name == slot.symbol }) == 1 else { continue }
      let target = try address(slot.symbol) &+ UInt64(bitPattern: slot.addend)
      #expect(try word(at: slot.address.rawValue) == target, "\(slot.symbol)")
    }
    for relocation in map.relocations where relocation.via == .stub {
      let stub = try #require(map.stubs.first { $0.address == relocation.target })
      #expect(stub.symbol == relocation.symbol)
      guard machine == .ppc64le, stub.kind == "call" || stub.kind == "save-toc" else { continue }
      // ld r2, 24(r1)
      let next = map.sections[relocation.section].address.rawValue + relocation.offset + 4
      #expect(try word(at: next, byteCount: 4) == 0xe841_0018)
    }
  }
}
