import Foundation
import Synchronization
import Testing
import WeldBytes
import WeldExecutor
import WeldLink
import WeldMemory

@testable import WeldORC
@testable import WeldRemote

/// Stubs, trampolines and what they lead to, on every machine.
@Suite("Lazy calls", .timeLimit(.minutes(5)))
struct LazyCallTests {
  @Test(arguments: LazyPlace.allCases)
  func `leave arguments and results as they are`(place: LazyPlace) throws {
    let machine = try LazyMachine(at: place)
    let stubs = try machine.defineLazily(
      CallingConventions.names, CallingConventions.callees, flags: place.vectorFlags)
    let check = try machine.link(
      CallingConventions.callers, flags: place.vectorFlags, symbols: stubs, finding: ["check"])[0]
    #expect(machine.links.count == 1, "nothing is made before it is called")
    #expect(try machine.call(check) == 0)
    #expect(machine.links.count == 2, "and then once")
    #expect(machine.reports.errors.isEmpty)
  }

  @Test(arguments: LazyPlace.allCases)
  func `come through a dispatch function that uses every register`(place: LazyPlace) throws {
    let machine = try LazyMachine(at: place)
    let names = CallingConventions.names
    let targets = try machine.link(
      CallingConventions.callees, flags: place.vectorFlags, finding: names)
    let dispatch = try machine.link(
      CallingConventions.spoilingDispatch, flags: place.vectorFlags, finding: ["dispatch"])[0]
    let code = try #require(indirectionCode(for: machine.executor.target))
    let order = machine.executor.target.byteOrder
    let byteCount = 1 << 11
    let placed = try IndirectionMemory(of: machine.executor).place(
      codeByteCount: byteCount * names.count, dataByteCount: 0
    ) { start, _ in
      var bytes: [UInt8] = []
      for (number, target) in targets.enumerated() {
        let address = start.advanced(by: UInt64(number * byteCount))
        // The dispatch function goes where its context says, if what it is given is what it should be.
        let trampoline = address.advanced(by: UInt64(byteCount - code.trampolineByteCount))
        let block = ResolverBlock(
          dispatch: (dispatch, target), tag: trampoline, failure: .zero, capabilities: 0x800)
        for word in block.words { bytes.append(word, order: order) }
        bytes += code.resolver
        bytes += [UInt8](
          repeating: 0, count: (number + 1) * byteCount - code.trampolineByteCount - bytes.count)
        bytes += code.trampoline(
          at: trampoline, resolver: address.advanced(by: UInt64(ResolverBlock.byteCount)))
      }
      return bytes
    }
    var symbols: [String: Address] = [:]
    for (number, name) in names.enumerated() {
      symbols[name] = placed.code.advanced(
        by: UInt64((number + 1) * byteCount - code.trampolineByteCount))
    }
    let check = try machine.link(
      CallingConventions.callers, flags: place.vectorFlags, symbols: symbols, finding: ["check"])[0]
    #expect(try machine.call(check) == 0)
    withExtendedLifetime(placed) {}
  }

  @Test(arguments: LazyPlace.allCases)
  func `may end in exceptions`(place: LazyPlace) throws {
    let machine = try LazyMachine(at: place)
    let stubs = try machine.defineLazily(
      ["thrower"], "extern \"C\" void thrower(int x) { if (x) throw x; }", flags: ["-fexceptions"],
      language: "c++")
    let check = try machine.link(
      """
      extern "C" void thrower(int);
      extern "C" int check(void) {
        int sum = 0;
        for (int i = 0; i < 4; i++) {
          try { thrower(i); sum += 100; } catch (int x) { sum += x; }
        }
        return sum;
      }
      """, flags: ["-fexceptions"], language: "c++", symbols: stubs, finding: ["check"])[0]
    #expect(try machine.call(check) == 106)
    // The first call itself may throw.
    let others = try machine.defineLazily(
      ["other"], "extern \"C\" void other(void) { throw 7; }", flags: ["-fexceptions"], language: "c++")
    let second = try machine.link(
      """
      extern "C" void other(void);
      extern "C" int second(void) { try { other(); } catch (int x) { return x; } return 0; }
      """, flags: ["-fexceptions"], language: "c++", symbols: others, finding: ["second"])[0]
    #expect(try machine.call(second) == 7)
    #expect(try machine.call(second) == 7)
  }

  @Test(arguments: LazyPlace.allCases)
  func `may be made first by many threads at once`(place: LazyPlace) throws {
    let machine = try LazyMachine(at: place)
    let stubs = try machine.defineLazily(
      ["raced"],
      "static int calls; int raced(int x) { __atomic_fetch_add(&calls, 1, __ATOMIC_SEQ_CST); return x * 3; }")
    let check = try machine.link(
      """
      #include <pthread.h>
      int raced(int);
      enum { count = 16 };
      static pthread_barrier_t barrier;
      static void *run(void *number) {
        pthread_barrier_wait(&barrier);
        return (void *)(long)raced((long)number);
      }
      int check(void) {
        pthread_t threads[count];
        int sum = 0;
        pthread_barrier_init(&barrier, 0, count);
        for (long i = 0; i < count; i++) pthread_create(&threads[i], 0, run, (void *)i);
        for (int i = 0; i < count; i++) {
          void *result;
          pthread_join(threads[i], &result);
          sum += (long)result;
        }
        return sum;
      }
      """, symbols: stubs, finding: ["check"])[0]
    #expect(try machine.call(check) == 360)
    #expect(machine.links.count == 2)
    #expect(machine.reports.errors.isEmpty)
  }

  @Test(arguments: LazyPlace.allCases)
  func `may be made by lazy calls`(place: LazyPlace) throws {
    let machine = try LazyMachine(at: place)
    // Each calls the next, and is linked when it is called; the stub of the last is in a pointer.
    let last = try machine.defineLazily(["last"], "int last(int x) { return x + 1; }")
    let address = try #require(last["last"])
    let middle = try machine.defineLazily(
      ["middle"],
      "int middle(int x) { return 2 * ((int (*)(int))0x\(String(address.rawValue, radix: 16))ul)(x); }")
    let check = try machine.link(
      "int middle(int); int check(void) { return middle(10) + middle(20); }", symbols: middle,
      finding: ["check"])[0]
    #expect(try machine.call(check) == 22 + 42)
    #expect(machine.links.count == 3)
  }

  @Test(arguments: LazyPlace.allCases)
  func `that fail go to the failure address`(place: LazyPlace) throws {
    let machine = try LazyMachine(at: place, failure: "long failed(long x) { return 1000 + x; }")
    let missing = machine.session.intern("missing")
    try machine.main.define(
      lazyReexports(
        [missing: SymbolAlias(missing, flags: [.exported, .callable])], from: machine.source,
        through: machine.callThrough, stubs: machine.stubs))
    let stub = try machine.session.lookup(
      "missing", in: [SearchedJITDylib(machine.main, .matchAllSymbols)])
    let check = try machine.link(
      "long missing(long); int check(void) { return missing(7) + missing(8); }",
      symbols: ["missing": stub.address], finding: ["check"])[0]
    #expect(try machine.call(check) == 2015)
    let error = OrcError.symbolsNotFound(["missing"], searched: ["source"])
    #expect(machine.reports.errors == [error, error])
  }

  @Test(arguments: RealMachine.allCases)
  func `that fail end the process if nobody says what else`(machine: RealMachine) throws {
    let place: LazyPlace =
      switch machine {
      case .x86_64: .x86_64
      case .ppc64le: .ppc64le
      case .s390x: .s390x
      }
    let lazy = try LazyMachine(at: place)
    let trampoline = try lazy.callThrough.makeCallThroughTrampoline(
      to: lazy.session.intern("missing"), in: lazy.source
    ) { _ in }
    #expect(throws: ExecutorError.lost(.killed(signal: SIGABRT))) { try lazy.call(trampoline) }
  }

  @Test(arguments: LazyPlace.allCases)
  func `are redirected while they run`(place: LazyPlace) throws {
    let machine = try LazyMachine(at: place)
    let redirects = RedirectableSymbolManager(stubs: machine.stubs)
    let targets = try machine.link(
      "int first(void) { return 1; } int second(void) { return 2; }", finding: ["first", "second"])
    let name = machine.session.intern("f")
    let initial = EvaluatedSymbol(address: targets[0], flags: [.exported, .callable])
    try redirects.createRedirectableSymbols([name: initial], in: machine.main)
    let stub = try machine.session.lookup("f", in: [SearchedJITDylib(machine.main, .matchAllSymbols)])
    let functions = try machine.link(
      """
      #include <pthread.h>
      int f(void);
      static volatile int isDone, isRunning;
      static pthread_t thread;
      static int seen;
      static void *run(void *unused) {
        while (!isDone) { int value = f(); seen |= 1 << value; isRunning = 1; }
        return 0;
      }
      int start(void) { isDone = 0; pthread_create(&thread, 0, run, 0); while (!isRunning) ; return f(); }
      int stop(void) { isDone = 1; pthread_join(thread, 0); return seen; }
      """, symbols: ["f": stub.address], finding: ["start", "stop"])
    #expect(try machine.call(functions[0]) == 1)
    for _ in 0..<200 {
      try redirects.redirect(machine.main, name, to: targets[1])
      try redirects.redirect(machine.main, [name: targets[0]])
    }
    try redirects.redirect(machine.main, name, to: targets[1])
    let seen = try machine.call(functions[1])
    #expect(seen & ~0b110 == 0)
    #expect(seen & 0b010 != 0)
    #expect(try machine.call(stub.address) == 2)
  }

  /// The code in a process that is of no file. Other memory changes with threads; stubs and pointers come together.
  private func code(of process: Int32) throws -> [String] {
    func read() throws -> [String] {
      let file = try MappedFile.open("/proc/\(process)/maps")
      return String(decoding: file.span).split(separator: "\n").filter {
        $0.contains(" r-xp 00000000 00:00 0")
      }.map(String.init)
    }
    // The file is read in pieces, between which threads that end may change it.
    var last = try read()
    while true {
      let next = try read()
      if next == last { return next }
      last = next
    }
  }

  @Test func `leave no memory behind`() throws {
    let machine = try LazyMachine(at: .x86_64)
    let remote = try #require(machine.executor as? SimpleRemoteEPC)
    let process = try #require(remote.processIdentifier)
    func cycle() throws {
      let tracker = try machine.main.makeTracker()
      var aliases: SymbolAliasMap = [:]
      for text in ["a", "b", "c"] {
        let name = machine.session.intern(text)
        aliases[name] = SymbolAlias(name, flags: [.exported, .callable])
      }
      let unit = lazyReexports(
        aliases, from: machine.source, through: machine.callThrough, stubs: machine.stubs)
      try machine.main.define(unit, tracker: tracker)
      _ = try machine.session.lookup(
        SymbolLookupSet(aliases.keys), in: [SearchedJITDylib(machine.main, .matchAllSymbols)])
      try tracker.remove()
    }
    let none = try code(of: process)
    for _ in 0..<10 { try cycle() }
    let before = try code(of: process)
    #expect(before.count > none.count)
    for _ in 0..<10_000 { try cycle() }
    let after = try code(of: process)
    #expect(after == before)
  }
}
