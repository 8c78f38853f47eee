import Glibc
import Weld

/// Links a whole static archive into this process with Weld, and prints what it took.
///
///     weld-benchmark ARCHIVE ITERATIONS
///
/// The work, its rules and the line that is printed for each iteration are those of
/// `../LLVM/LinkArchive.cpp`.
@main
struct WeldBenchmark {
  static func main() throws {
    if CommandLine.arguments.count > 3 {
      return try LLJITBenchmark.run(Array(CommandLine.arguments.dropFirst()))
    }
    guard CommandLine.arguments.count == 3, let iterations = Int(CommandLine.arguments[2]) else {
      print("usage: weld-benchmark ARCHIVE ITERATIONS")
      exit(2)
    }
    try measure(path: CommandLine.arguments[1], iterations: iterations)
  }

  private static func measure(path: String, iterations: Int) throws {
    let names = try globalNames(path: path)
    let begin = ContinuousClock.now
    var printed = 0
    while printed < iterations {
      let start = ContinuousClock.now
      var linker: RuntimeDyld? = try link(path: path)
      var sum: UInt64 = 0
      for name in names { sum &+= linker?.symbol(named: name)?.address.rawValue ?? 0 }
      let linked = ContinuousClock.now
      let byteCount = try linker.map { try pageByteCount(of: $0) } ?? 0
      precondition(sum != 0, "no symbol was found")
      let removal = ContinuousClock.now
      linker = nil
      let removed = ContinuousClock.now
      // As long for every linker, quick or slow: the processor and the kernel take a while to give a new
      // process its pace.
      guard start - begin >= .milliseconds(200) else { continue }
      printed += 1
      print(
        "weld", nanoseconds(linked - start), nanoseconds(removed - removal), names.count, byteCount,
        separator: "\t")
    }
  }

  /// Maps the archive, links all of its members and finalizes them.
  private static func link(path: String) throws -> RuntimeDyld {
    let archive = try Archive(MappedFile.open(path), name: path)
    let linker = RuntimeDyld(memory: try MappedMemory(), lookup: ProcessOrAbort())
    try linker.load(archive)
    try linker.finalize(registeringFrames: false)
    return linker
  }

  /// The process's symbols; what it does not have is bound to `abort`.
  private struct ProcessOrAbort: SymbolLookup {
    func lookup(_ names: [String]) -> [ResolvedSymbol?] {
      let abort = dlsym(nil, "abort")
      return names.map { name in
        ResolvedSymbol(address: Address(rawValue: UInt64(UInt(bitPattern: dlsym(nil, name) ?? abort))))
      }
    }
  }

  /// The names of everything that members define globally, each once.
  private static func globalNames(path: String) throws -> [String] {
    let archive = try Archive(MappedFile.open(path), name: path)
    var names: Set<String> = []
    for member in archive.members {
      let object = try archive.object(of: member)
      let symbols = object.symbols
      for index in 0..<symbols.count
      where symbols[index].binding != .local && symbols[index].place != .undefined {
        names.insert(object.name(of: symbols[index]))
      }
    }
    return Array(names)
  }

  /// Bytes of the pages that hold sections.
  private static func pageByteCount(of linker: RuntimeDyld) throws -> Int {
    let pageSize = UInt64(sysconf(Int32(_SC_PAGESIZE)))
    var pages: Set<UInt64> = []
    for section in try linker.sections() where section.byteCount > 0 {
      let first = section.address.rawValue / pageSize
      let last = (section.address.rawValue + UInt64(section.byteCount) - 1) / pageSize
      for page in first...last { pages.insert(page) }
    }
    return pages.count * Int(pageSize)
  }

  private static func nanoseconds(_ duration: Duration) -> Int64 {
    duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000
  }
}
