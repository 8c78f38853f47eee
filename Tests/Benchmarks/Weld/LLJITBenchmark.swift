import Glibc
import Weld

/// Uses Weld's LLJIT, and prints what it took. The work, its rules and the lines that are printed are those of
/// `../LLVM/LLJIT.cpp`.
///
///     weld-benchmark weld archive ARCHIVE ITERATIONS
///     weld-benchmark weld object OBJECT FUNCTION ITERATIONS
///     weld-benchmark weld objects OBJECTS COUNT ITERATIONS
///     weld-benchmark weld make OBJECTS COUNT
///
/// The last one writes an archive of small objects: each a function that returns its number.
enum LLJITBenchmark {
  static func run(_ arguments: [String]) throws {
    guard let iterations = arguments.last.flatMap({ Int($0) }) else { exit(2) }
    switch arguments[1] {
    case "make": try makeObjects(arguments[2], iterations)
    case "archive": try measureArchive(arguments[2], iterations)
    case "object": try measureObject(arguments[2], arguments[3], iterations)
    default: try measureObjects(arguments[2], Int(arguments[3]) ?? 0, iterations)
    }
  }

  private static func makeJIT() throws -> LLJIT {
    var builder = LLJIT.Builder()
    builder.errorReporter = { print($0) }
    builder.processSymbolsSetup = { session throws(OrcError) in
      let dylib = try session.createDylib("<Process Symbols>")
      try dylib.addGenerator(ClosureGenerator { request throws(OrcError) in try defineOrAbort(request) })
      return dylib
    }
    return try builder.build()
  }

  /// The process's symbols; what it does not have is bound to `abort`.
  private static func defineOrAbort(_ request: GenerationRequest) throws(OrcError) {
    let abort = dlsym(nil, "abort")
    var found: SymbolMap = [:]
    for name in request.symbols.names {
      let address = UInt(bitPattern: dlsym(nil, name.text) ?? abort)
      found[name] = EvaluatedSymbol(
        address: Address(rawValue: UInt64(address)), flags: [.exported, .callable])
    }
    try request.dylib.define(absoluteSymbols(found))
  }

  private static func measure(_ iterations: Int, _ body: () throws -> (Duration, Int)) throws {
    let begin = ContinuousClock.now
    var printed = 0
    while printed < iterations {
      let isWarm = ContinuousClock.now - begin >= .milliseconds(200)
      let (time, symbolCount) = try body()
      guard isWarm else { continue }
      printed += 1
      print(CommandLine.arguments[1], nanoseconds(time), symbolCount, separator: "\t")
    }
  }

  private static func measureArchive(_ path: String, _ iterations: Int) throws {
    let bytes = try MappedFile.open(path)
    let names = try globalNames(Archive(bytes, name: path))
    try measure(iterations) {
      let start = ContinuousClock.now
      let jit = try makeJIT()
      let archive = try Archive(bytes, name: path)
      for member in archive.members { try jit.addObject(archive.object(of: member)) }
      let set = SymbolLookupSet(names.map { jit.session.intern($0) })
      let found = try jit.session.lookup(set, in: [SearchedJITDylib(jit.mainDylib, .matchAllSymbols)])
      let end = ContinuousClock.now
      return (end - start, found.count)
    }
  }

  private static func measureObject(_ path: String, _ function: String, _ iterations: Int) throws {
    let bytes = try MappedFile.open(path)
    let jit = try makeJIT()
    try measure(iterations) {
      let start = ContinuousClock.now
      let tracker = try jit.mainDylib.makeTracker()
      try jit.addObject(bytes, name: path, tracker: tracker)
      let result = try jit.lookup(function, as: (@convention(c) (Int32, Int32) -> Int32).self)(1, 2)
      let end = ContinuousClock.now
      try tracker.remove()
      return (end - start, result != 0 ? 1 : 0)
    }
  }

  private static func measureObjects(_ path: String, _ count: Int, _ iterations: Int) throws {
    let archive = try Archive(MappedFile.open(path), name: path)
    let names = try globalNames(archive)
    try measure(iterations) {
      let start = ContinuousClock.now
      let jit = try makeJIT()
      var found = 0
      for member in archive.members.prefix(count) { try jit.addObject(archive.object(of: member)) }
      for name in names.prefix(count) { found += try jit.lookup(name).address.rawValue != 0 ? 1 : 0 }
      let end = ContinuousClock.now
      return (end - start, found)
    }
  }

  /// The names of everything that members define globally, each once.
  private static func globalNames(_ archive: Archive) throws -> [String] {
    var known: Set<String> = []
    var names: [String] = []
    for member in archive.members {
      let object = try archive.object(of: member)
      let symbols = object.symbols
      for index in 0..<symbols.count
      where symbols[index].binding != .local && symbols[index].place != .undefined {
        let name = object.name(of: symbols[index])
        if known.insert(name).inserted { names.append(name) }
      }
    }
    return names
  }

  private static func makeObjects(_ path: String, _ count: Int) throws {
    var archive = Array("!<arch>\n".utf8)
    for number in 0..<count {
      var writer = ObjectWriter(machine: .x86_64, byteOrder: .little)
      let code = [0xb8] + withUnsafeBytes(of: UInt32(number).littleEndian) { Array($0) } + [0xc3]
      let text = writer.addSection(".text", flags: [.alloc, .executable], alignment: 16, contents: code)
      _ = writer.addSymbol("f\(number)", in: text, size: 6, type: .function)
      let bytes = writer.bytes()
      // `ar`: name, time, owner, group, mode, size, mark.
      let fields = [("f\(number).o/", 16), ("0", 12), ("0", 6), ("0", 6), ("644", 8), ("\(bytes.count)", 10)]
      for (text, width) in fields {
        archive += Array((text + String(repeating: " ", count: width - text.count)).utf8)
      }
      archive += [0x60, 0x0a] + bytes + (bytes.count % 2 == 1 ? [0x0a] : [])
    }
    guard let file = fopen(path, "w") else { exit(2) }
    fwrite(archive, 1, archive.count, file)
    fclose(file)
  }

  private static func nanoseconds(_ duration: Duration) -> Int64 {
    duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000
  }
}
