internal import WeldBytes
internal import WeldELF

/// Thread-local variables that stand in for those that no object defines.
enum PhantomThreadLocals {
  private struct Models: ArchitectureWork {
    let objects: [ObjectFile]

    /// The names of undefined symbols that relocations of thread-local storage refer to.
    func run<A: Architecture>(for _: A.Type) throws(LinkError) -> Set<String> {
      let rules = A.rules
      var names: Set<String> = []
      for object in objects {
        for number in 1..<max(object.sectionCount, 1) {
          let header = object.section(at: SectionIndex(rawValue: UInt32(number)))
          guard header.type == .rela else { continue }
          let table = object.relocations(in: header)
          for entry in 0..<table.count {
            let relocation = table[entry]
            guard rules.rule(relocation.type)?.value.threadLocalModel != nil,
              Int(relocation.symbol.rawValue) < object.symbolCount
            else { continue }
            let symbol = object.symbols[Int(relocation.symbol.rawValue)]
            if symbol.place == .undefined, symbol.nameOffset != 0 { names.insert(object.name(of: symbol)) }
          }
        }
      }
      return names
    }
  }

  /// An object that defines, weakly, what `objects` want of others' thread-local variables; `nil` if they
  /// want none.
  static func object(for objects: [ObjectFile]) throws(LinkError) -> ObjectFile? {
    guard let first = objects.first else { return nil }
    let traits = try SupportedMachine.traits(of: first)
    var models = Models(objects: objects)
    let names = try models.run(for: traits.machine, file: first.name)
    guard !names.isEmpty else { return nil }
    var writer = ObjectWriter(machine: traits.machine, byteOrder: first.header.byteOrder)
    let byteCount: UInt64 = 16
    let room = writer.addZeroSection(
      ".tbss", flags: [.alloc, .write, .tls], alignment: byteCount, byteCount: UInt64(names.count) * byteCount
    )
    for (number, name) in names.sorted().enumerated() {
      _ = writer.addSymbol(
        name, in: room, at: UInt64(number) * byteCount, size: byteCount, type: .tls, binding: .weak)
    }
    do {
      return try ObjectFile(Bytes(writer.bytes()), name: SupportObject.name)
    } catch {
      throw .malformed(error)
    }
  }
}
