import Foundation
import Testing
import Weld

@Suite("Resources of linked code", .serialized)
struct LinkedResourceTests {
  /// What this process has.
  private struct Usage {
    var mappings: Int
    var descriptors: Int
    /// Bytes of memory in use.
    var resident: Int

    static func now() throws -> Usage {
      // A file of /proc must be read as a whole.
      let file = try FileHandle(forReadingFrom: URL(filePath: "/proc/self/maps"))
      var text: [UInt8] = []
      while let part = try file.read(upToCount: 1 << 16), !part.isEmpty { text += part }
      let statistics = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
      return Usage(
        mappings: text.count { $0 == UInt8(ascii: "\n") },
        descriptors: try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count,
        resident: (Int(statistics.split(separator: " ")[1]) ?? 0) * 4096)
    }
  }

  // In a process of its own, where nothing else comes and goes.
  @Test func `ten thousand objects come and go, and leave nothing`() async {
    await #expect(processExitsWith: .success) {
      let object = try Compiler.object("f.o", "int f(int x) { return x + 1; } int data[4] = {1};")
      let jit = try LLJIT()
      func cycle(_ number: Int32) throws {
        let tracker = try jit.mainDylib.makeTracker()
        try jit.addObject(object, tracker: tracker)
        let f = try jit.lookup("f", as: (@convention(c) (Int32) -> Int32).self)
        #expect(f(number) == number + 1)
        try tracker.remove()
      }
      for number in 0..<500 { try cycle(Int32(number)) }
      let before = try Usage.now()
      for number in 0..<10_000 { try cycle(Int32(number)) }
      let after = try Usage.now()
      #expect(after.mappings - before.mappings < 5)
      #expect(after.descriptors == before.descriptors)
      #expect(after.resident - before.resident < 2 << 20)
      #expect(throws: OrcError.symbolsNotFound(["f"], searched: ["main"])) { try jit.lookup("f") }
    }
  }

  @Test func `removal returns what code and data took, exceptions pass before and not after`() throws {
    let source = """
      extern "C" int thrower(int x) { if (x) throw x; return 0; }
      extern "C" int catcher(int x) { try { return thrower(x); } catch (int y) { return -y; } }
      """
    let object = try Compiler.object("throw.o", source, language: "c++")
    let jit = try LLJIT()
    try jit.loadDynamicLibrary("libstdc++.so.6")
    let first = try jit.mainDylib.makeTracker()
    for round in 0..<20 {
      let tracker = round == 0 ? first : try jit.mainDylib.makeTracker()
      try jit.addObject(object, tracker: tracker)
      let catcher = try jit.lookup("catcher", as: (@convention(c) (Int32) -> Int32).self)
      #expect(catcher(7) == -7)
      try tracker.remove()
      #expect(tracker.isDefunct)
    }
  }

  @Test func `a transferred tracker's code stays until the other goes`() throws {
    let jit = try LLJIT()
    let first = try jit.mainDylib.makeTracker()
    let second = try jit.mainDylib.makeTracker()
    try jit.addObject(Compiler.object("f.o", "int f(void) { return 6; }"), tracker: first)
    let f = try jit.lookup("f", as: IntFunction.self)
    try first.transfer(to: second)
    #expect(f() == 6)
    try second.remove()
    #expect(throws: OrcError.symbolsNotFound(["f"], searched: ["main"])) { try jit.lookup("f") }
  }

  @Test(arguments: dispatchers)
  func `many threads add, look up, fail and remove`(dispatcher: Dispatcher) throws {
    var builder = LLJIT.Builder()
    builder.dispatcher = dispatcher
    let jit = try builder.build()
    try jit.addObject(Compiler.object("shared.o", "int shared(int x) { return x + 100; }"))
    let good = try (0..<4).map { number in
      try Compiler.object(
        "g\(number).o", "int shared(int); int g\(number)(int x) { return shared(x) + \(number); }")
    }
    let bad = try Compiler.object("bad.o", "int missing(void); int bad(void) { return missing(); }")
    let problems = Shared<[String]>([])
    let done = DispatchSemaphore(value: 0)
    for number in 0..<4 {
      Thread.detachNewThread {
        for round in 0..<200 {
          do {
            let tracker = try jit.mainDylib.makeTracker()
            try jit.addObject(good[number], tracker: tracker)
            let g = try jit.lookup("g\(number)", as: (@convention(c) (Int32) -> Int32).self)
            let result = g(Int32(round))
            if result != Int32(round + 100 + number) { problems.change { $0.append("wrong: \(result)") } }
            try tracker.remove()
            let dylib = try jit.createDylib("\(number) \(round)")
            try jit.addObject(bad, to: dylib)
            if (try? jit.lookup("bad", in: dylib)) != nil { problems.change { $0.append("found bad") } }
            try jit.session.remove(dylib)
          } catch {
            problems.change { $0.append("\(error)") }
          }
        }
        done.signal()
      }
    }
    for _ in 0..<4 { try #require(done.wait(timeout: .now() + 120) == .success) }
    #expect(problems.value.prefix(5) == [])
    // Nothing is left of what was removed.
    #expect(!jit.session.dump().contains("g0:"))
    #expect(!jit.session.dump().contains("waits"))
  }
}
