import Glibc
import Weld

/// Uses Weld's LLJIT, and prints what it took. The work, its rules and the lines that are printed are those of
/// `../LLVM/LLJIT.cpp`.
///
///     weld-benchmark weld archive ARCHIVE ITERATIONS
///     weld-benchmark weld object OBJECT FUNCTION ITERATIONS
///     weld-benchmark weld objects OBJECTS COUNT ITERATIONS
enum LLJITBenchmark {
  static func run(_ arguments: [String]) throws {
    guard let iterations = arguments.last.flatMap({ Int($0) }) else { exit(2) }
    switch arguments[1] {
    case "archive": try measureArchive(arguments[2], iterations)
    case "object": try measureObject(arguments[2], arguments[3], iterations)
    default: try measureObjects(arguments[2], Int(arguments[3]) ?? 0, iterations)
    }
  }

  struct JIT {
    let session: ExecutionSession
    let layer: ObjectLinkingLayer
    let main: JITDylib
    init() throws {
      session = ExecutionSession(errorReporter: { print($0) })
      layer = try ObjectLinkingLayer(session)
      main = try session.createDylib("main")
      let process = try session.createDylib("process")
      try process.addGenerator(
        ClosureGenerator { request throws(OrcError) in
          let abort = dlsym(nil, "abort")
          var found: SymbolMap = [:]
          for name in request.symbols.names {
            found[name] = EvaluatedSymbol(
              address: Address(rawValue: UInt64(UInt(bitPattern: dlsym(nil, name.text) ?? abort))),
              flags: [.exported, .callable])
          }
          try request.dylib.define(absoluteSymbols(found))
        })
      try main.addToLinkOrder(process)
    }
  }

  private static func measure(_ iterations: Int, _ body: () throws -> (Duration, Int)) throws {
    let begin = ContinuousClock.now
    var printed = 0
    while printed < iterations {
      let isWarm = ContinuousClock.now - begin >= .milliseconds(200)
      let (time, symbolCount) = try body()
      guard isWarm else { continue }
      printed += 1
      print("weld", nanoseconds(time), symbolCount, separator: "\t")
    }
  }

  private static func measureArchive(_ path: String, _ iterations: Int) throws {
    let bytes = try MappedFile.open(path)
    let names = try globalNames(Archive(bytes, name: path))
    try measure(iterations) {
      let start = ContinuousClock.now
      let jit = try JIT()
      let archive = try Archive(bytes, name: path)
      for member in archive.members { try jit.layer.add(archive.object(of: member), to: jit.main) }
      let set = SymbolLookupSet(names.map { jit.session.intern($0) })
      let found = try jit.session.lookup(set, in: [SearchedJITDylib(jit.main, .matchAllSymbols)])
      let end = ContinuousClock.now
      return (end - start, found.count)
    }
  }

  private static func measureObject(_ path: String, _ function: String, _ iterations: Int) throws {
    let bytes = try MappedFile.open(path)
    let jit = try JIT()
    try measure(iterations) {
      let start = ContinuousClock.now
      let tracker = try jit.main.makeTracker()
      try jit.layer.add(ObjectFile(bytes, name: path), to: jit.main, tracker: tracker)
      let address = try jit.session.lookup(function, in: [SearchedJITDylib(jit.main, .matchAllSymbols)])
        .address
      let pointer = UnsafeRawPointer(bitPattern: UInt(address.rawValue))
      let result = unsafeBitCast(pointer, to: (@convention(c) (Int32, Int32) -> Int32).self)(1, 2)
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
      let jit = try JIT()
      var found = 0
      for member in archive.members.prefix(count) {
        try jit.layer.add(archive.object(of: member), to: jit.main)
      }
      for name in names.prefix(count) {
        let symbol = try jit.session.lookup(name, in: [SearchedJITDylib(jit.main, .matchAllSymbols)])
        found += symbol.address.rawValue != 0 ? 1 : 0
      }
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

  private static func nanoseconds(_ duration: Duration) -> Int64 {
    duration.components.seconds * 1_000_000_000 + duration.components.attoseconds / 1_000_000_000
  }
}
