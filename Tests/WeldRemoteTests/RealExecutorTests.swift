import Foundation
import Glibc
import Synchronization
import Testing
import WeldBytes
import WeldELF
import WeldExecutor
import WeldLink
import WeldMemory
import WeldORC

@testable import WeldRemote

/// The stock executors of LLVM 19, as they are.
@Suite("Stock executors", .timeLimit(.minutes(5)))
struct RealExecutorTests {
  @Test(arguments: RealMachine.allCases)
  func `say what they are, and end when they are told to`(machine: RealMachine) throws {
    let executor = try machine.start()
    #expect(executor.target.triple.hasPrefix(machine == .ppc64le ? "powerpc64le" : machine.rawValue))
    #expect(executor.target.byteOrder == (machine == .s390x ? .big : .little))
    #expect(executor.target.pageSize == 4096)
    let process = try #require(executor.processIdentifier)
    #expect(kill(process, 0) == 0)
    #expect(try executor.disconnect() == .exited(status: 0))
    #expect(kill(process, 0) == -1)
    #expect(throws: ExecutorError.lost(.closed)) { try executor.loadDylib("libz.so.1") }
  }

  @Test(arguments: RealMachine.allCases)
  func `are told to by the last reference`(machine: RealMachine) throws {
    func process() throws -> Int32? { try machine.start().processIdentifier }
    let gone = try #require(try process())
    #expect(kill(gone, 0) == -1)
  }

  // MARK: - Symbols

  @Test(arguments: RealMachine.allCases)
  func `export functions and variables`(machine: RealMachine) throws {
    let executor = try machine.start()
    let found = try executor.lookup(
      ["malloc", "environ", "no_such_symbol", "printf"], in: executor.loadDylib(nil))
    #expect(found.map { $0?.isFunction } == [true, false, nil, true])
    #expect(try executor.lookup([], in: executor.loadDylib(nil)).isEmpty)
  }

  @Test(arguments: RealMachine.allCases)
  func `load libraries`(machine: RealMachine) throws {
    let executor = try machine.start()
    let library = try executor.loadDylib("libz.so.1")
    #expect(try executor.lookup(["zlibVersion"], in: library).first??.isFunction == true)
    let error = #expect(throws: ExecutorError.self) { try executor.loadDylib("libnosuch.so") }
    guard case .libraryNotLoaded(path: "libnosuch.so", let message)? = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
    #expect(message.contains("libnosuch.so"))
  }

  // MARK: - Memory

  @Test(arguments: RealMachine.allCases)
  func `have memory that is written and read`(machine: RealMachine) throws {
    let executor = try machine.start()
    let allocation = try RemoteMemory(executor).allocate([
      SegmentRequest(protection: [.read, .write], contentByteCount: 0, byteCount: 100_000, alignment: 16)
    ]).finalize(FinalizeWork())
    let address = allocation.segments[0].address
    #expect(try executor.read(100_000, at: address) == [UInt8](repeating: 0, count: 100_000))
    for count in [0, 1, 7, 8, 9, 4096, 70_000] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + count) }
      try executor.write(bytes, at: address.advanced(by: 3))
      #expect(try executor.read(count, at: address.advanced(by: 3)) == bytes)
    }
  }

  @Test(arguments: RealMachine.allCases)
  func `have words that are written in their own order`(machine: RealMachine) throws {
    let executor = try machine.start()
    let allocation = try RemoteMemory(executor).allocate([
      SegmentRequest(protection: [.read, .write], contentByteCount: 0, byteCount: 16, alignment: 16)
    ]).finalize(FinalizeWork())
    let address = allocation.segments[0].address
    try executor.write(words: [
      ExecutorWord(0x0102_0304_0506_0708, at: address),
      ExecutorWord(.max, at: address.advanced(by: 8)),
    ])
    let first: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8]
    #expect(
      try executor.read(16, at: address)
        == (machine == .s390x ? first : first.reversed()) + [UInt8](repeating: 0xff, count: 8))
    #expect(throws: ExecutorError.self) {
      try executor.write(words: [ExecutorWord(1, at: address.advanced(by: 1))])
    }
  }

  @Test(arguments: RealMachine.allCases)
  func `take contents of megabytes`(machine: RealMachine) throws {
    let executor = try machine.start()
    let linker = try machine.link(
      "int table[4 << 20] = {[0] = 1, [12345] = 2, [(4 << 20) - 1] = 3}; int sum(void) { return table[0] + table[12345] + table[(4 << 20) - 1]; }",
      on: executor)
    let sum = try #require(linker.symbol(named: "sum"))
    #expect(try executor.runAsVoidFunction(sum.address) == 6)
  }

  @Test(arguments: RealMachine.allCases)
  func `keep what code may not write to`(machine: RealMachine) throws {
    let executor = try machine.start()
    let linker = try machine.link("const int constant = 1;", on: executor)
    let constant = try #require(linker.symbol(named: "constant"))
    // The protocol has no answer for it, and no other way to say so.
    #expect(throws: ExecutorError.lost(.killed(signal: SIGSEGV))) {
      try executor.write([1], at: constant.address)
    }
  }

  @Test(arguments: RealMachine.allCases)
  func `have no memory beyond what there is`(machine: RealMachine) throws {
    let executor = try machine.start()
    let huge = [
      SegmentRequest(protection: .read, contentByteCount: 0, byteCount: 1 << 46, alignment: 1 << 12)
    ]
    let error = #expect(throws: MemoryError.self) {
      _ = try RemoteMemory(executor).allocate(huge).segments
    }
    guard case .executor(.refused)? = error else {
      Issue.record("another error: \(String(describing: error))")
      return
    }
  }

  @Test(arguments: RealMachine.allCases)
  func `align as code wants it`(machine: RealMachine) throws {
    let executor = try machine.start()
    let linker = try machine.link(
      "_Alignas(65536) int far = 7; int get(void) { return (unsigned long)&far % 65536 + far; }", on: executor
    )
    let get = try #require(linker.symbol(named: "get"))
    #expect(try executor.runAsVoidFunction(get.address) == 7)
  }

  @Test func `have low memory for x86_64 code that wants it, and take it back`() throws {
    let executor = try RealMachine.x86_64.start()
    let process = try #require(executor.processIdentifier)
    func lowMappings() throws -> Int {
      let file = try MappedFile.open("/proc/\(process)/maps")
      let text = String(decoding: file.span)
      return text.split(separator: "\n").count {
        UInt64($0.prefix { $0 != "-" }, radix: 16).map { $0 < 1 << 31 } ?? false
      }
    }
    let object = try RealMachine.x86_64.compile(
      Self.indirect + "\nstatic const char *text = \"low\"; int main(void) { return call(1) + text[0]; }",
      flags: ["-fno-pic", "-fno-pie", "-fasynchronous-unwind-tables"])
    #expect(try lowMappings() == 0)
    do {
      let program = try Program(linking: [.object(object)], on: executor)
      #expect(try program.address(of: "main").rawValue < 1 << 31)
      #expect(try program.run(arguments: ["program"]) == 2 + 108)
      #expect(try lowMappings() > 2)
    }
    #expect(try lowMappings() == 0)
  }

  // MARK: - Calls

  @Test(arguments: RealMachine.allCases)
  func `call functions of every form`(machine: RealMachine) throws {
    let executor = try machine.start()
    let linker = try machine.link(
      """
      #include <string.h>
      int answer(void) { return 42; }
      int twice(int x) { return 2 * x; }
      int mainlike(int argc, char **argv) { return argc * 100 + (int)strlen(argv[argc - 1]) + (argv[argc] != 0); }
      long add(long a, long b, long c, long d, long e, long f) {
        return a + 10 * b + 100 * c + 1000 * d + 10000 * e + 100000 * f;
      }
      int negative(void) { return -1; }
      """, on: executor)
    func address(_ name: String) throws -> Address { try #require(linker.symbol(named: name)).address }
    #expect(try executor.runAsVoidFunction(address("answer")) == 42)
    #expect(try executor.runAsVoidFunction(address("negative")) == -1)
    #expect(try executor.runAsIntFunction(address("twice"), 21) == 42)
    #expect(try executor.runAsIntFunction(address("twice"), -5) == -10)
    #expect(try executor.runAsMain(address("mainlike"), arguments: ["program", "grüße"]) == 207)
    #expect(
      try executor.run([
        FunctionCall(address("add"), 1, 2, 3, 4, 5, 6), FunctionCall(address("add"), .max, 0, 0, 0),
        FunctionCall(address("answer")),
      ]).map { Int64(bitPattern: $0) }[..<2] == [654321, -1])
    #expect(try executor.run([]) == [])
    let nothing = ExecutorError.refused(call: "call a function", message: "its address is 0")
    #expect(throws: nothing) { try executor.run([FunctionCall(.zero)]) }
    #expect(throws: nothing) { try InProcessExecutor().run([FunctionCall(.zero)]) }
    #expect(throws: nothing) { try executor.runAsMain(.zero, arguments: ["program"]) }
    #expect(throws: nothing) { try executor.runAsVoidFunction(.zero) }
    #expect(throws: nothing) { try executor.runAsIntFunction(.zero, 1) }
    #expect(throws: nothing) { try executor.callWrapper(.zero, []) }
    let many = ExecutorError.refused(call: "call a function", message: "7 arguments; expected at most 6")
    #expect(throws: many) { try executor.run([FunctionCall(address("add"), 1, 2, 3, 4, 5, 6, 7)]) }
    #expect(throws: many) { try InProcessExecutor().run([FunctionCall(address("add"), 1, 2, 3, 4, 5, 6, 7)]) }
  }

  private static let wrappers = """
    #include <stdlib.h>
    #include <string.h>
    typedef struct { union { char *pointer; char bytes[8]; } data; size_t size; } Result;
    Result echo(const char *arguments, size_t size) {
      Result result;
      memset(&result, 0, sizeof result);
      result.size = size;
      char *target = size > 8 ? (result.data.pointer = malloc(size)) : result.data.bytes;
      for (size_t i = 0; i < size; i++) target[i] = arguments[size - 1 - i];
      return result;
    }
    Result fail(const char *arguments, size_t size) {
      Result result = {.data.pointer = strdup("failed"), .size = 0};
      return result;
    }
    """

  @Test(arguments: RealMachine.allCases)
  func `call wrapper functions`(machine: RealMachine) async throws {
    let executor = try machine.start()
    let linker = try machine.link(Self.wrappers, on: executor)
    let echo = try #require(linker.symbol(named: "echo")).address
    for count in [0, 1, 8, 9, 1000, 1 << 20] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13) }
      #expect(try await executor.callWrapper(echo, bytes) == bytes.reversed())
    }
    // The text of its error stays in the executor.
    let fail = try #require(linker.symbol(named: "fail")).address
    #expect(try await executor.callWrapper(fail, [1]) == [])
  }

  @Test func `call wrapper functions of this process alike`() throws {
    let executor = InProcessExecutor()
    let linker = RuntimeDyld(
      memory: try executor.makeMemory(for: MemoryNeeds()),
      lookup: try LibrarySymbols(libraries: [], includingProcess: true, in: executor))
    try linker.load(RealMachine.x86_64.compile(Self.wrappers))
    try linker.finalize()
    let echo = try #require(linker.symbol(named: "echo")).address
    for count in [0, 1, 8, 9, 1000] {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13) }
      #expect(try executor.callWrapper(echo, bytes) == bytes.reversed())
    }
    let fail = try #require(linker.symbol(named: "fail")).address
    #expect(
      throws: ExecutorError.refused(call: "call the wrapper function at \(fail)", message: "failed")
    ) { try executor.callWrapper(fail, [1]) }
  }

  @Test(arguments: RealMachine.allCases)
  func `let code call back`(machine: RealMachine) throws {
    let executor = try machine.start()
    let linker = try machine.link(
      """
      #include <stddef.h>
      typedef struct { union { char *pointer; char bytes[8]; } data; size_t size; } Result;
      extern Result dispatch(void *, const void *, const char *, size_t);
      extern char context, tag;
      Result ask(const char *arguments, size_t size) { return dispatch(&context, &tag, arguments, size); }
      int four(void) { return 4; }
      """,
      symbols: [
        "dispatch": executor.dispatch.function, "context": executor.dispatch.context,
        "tag": Address(rawValue: 0xfeed_0123),
      ], on: executor)
    let ask = try #require(linker.symbol(named: "ask")).address
    let four = try #require(linker.symbol(named: "four")).address
    executor.setDispatchHandler(for: Address(rawValue: 0xfeed_0123)) { [weak executor] payload in
      // Reaches the executor while it waits.
      payload + [UInt8((try? executor?.runAsVoidFunction(four)) ?? 0)]
    }
    #expect(try executor.callWrapper(ask, Array("ping".utf8)) == Array("ping".utf8) + [4])
    #expect(
      try executor.callWrapper(ask, [UInt8](repeating: 7, count: 5000))
        == [UInt8](repeating: 7, count: 5000) + [4])
    executor.setDispatchHandler(for: Address(rawValue: 0xfeed_0123), nil)
    #expect(try executor.callWrapper(ask, [1]) == [])
  }

  @Test(arguments: RealMachine.allCases)
  func `answer a quick call before a slow one`(machine: RealMachine) throws {
    let executor = try machine.start()
    let sleep = try #require(try executor.lookup(["sleep"], in: executor.loadDylib(nil))[0]).address
    let isDone = Mutex(false)
    let group = DispatchGroup()
    group.enter()
    Thread {
      _ = try? executor.runAsIntFunction(sleep, 1)
      isDone.withLock { $0 = true }
      group.leave()
    }.start()
    usleep(100_000)
    #expect(try executor.runAsIntFunction(sleep, 0) == 0)
    #expect(isDone.withLock { $0 } == false)
    group.wait()
  }

  // MARK: - Finalizing

  private static let indirect = """
    static int one(int x) { return x + 1; }
    static unsigned long seen;
    static int (*resolve(unsigned long capabilities))(int) { seen = capabilities; return one; }
    int plus(int) __attribute__((ifunc("resolve")));
    int call(int x) { return plus(x); }
    unsigned long capabilities(void) { return seen; }
    """

  @Test(arguments: RealMachine.allCases)
  func `resolve indirect functions, and then protect their slots`(machine: RealMachine) throws {
    let executor = try machine.start()
    let linker = try machine.link(Self.indirect, on: executor)
    let call = try #require(linker.symbol(named: "call")).address
    #expect(try executor.runAsIntFunction(call, 41) == 42)
    let capabilities = try #require(linker.symbol(named: "capabilities")).address
    #expect(try executor.run([FunctionCall(capabilities)])[0] != 0)
    let got = try #require(try linker.sections().first { $0.name == ".got" })
    #expect(throws: ExecutorError.lost(.killed(signal: SIGSEGV))) {
      try executor.write([0], at: got.address)
    }
  }

  /// Wrapper functions that note that they were called, in order.
  private static let notes = """
    #include <stdlib.h>
    #include <string.h>
    typedef struct { union { char *pointer; char bytes[8]; } data; size_t size; } Result;
    char notes[64];
    Result note(const char *arguments, size_t size) {
      Result result;
      memset(&result, 0, sizeof result);
      strncat(notes, arguments, size);
      result.size = 1;
      if (arguments[0] == '!') {
        result.size = 1 + 8 + 3;
        result.data.pointer = calloc(1, result.size);
        result.data.pointer[0] = 1;
        result.data.pointer[1] = 3;
        memcpy(result.data.pointer + 9, "bad", 3);
      }
      return result;
    }
    """

  @Test(arguments: RealMachine.allCases)
  func `run actions in order and undo them backwards`(machine: RealMachine) throws {
    let executor = try machine.start()
    let linker = try machine.link(Self.notes, on: executor)
    try expectActions(linker, RemoteMemory(executor), executor)
  }

  @Test func `run actions of low memory alike`() throws {
    let executor = try RealMachine.x86_64.start()
    let linker = try RealMachine.x86_64.link(Self.notes, on: executor)
    try expectActions(linker, RemoteMemory(executor, isLow: true), executor)
  }

  @Test func `actions run in this process alike`() throws {
    let executor = InProcessExecutor()
    let memory = try executor.makeMemory(for: MemoryNeeds())
    let linker = RuntimeDyld(
      memory: memory, lookup: try LibrarySymbols(libraries: [], includingProcess: true, in: executor))
    try linker.load(RealMachine.x86_64.compile(Self.notes))
    try linker.finalize()
    try expectActions(linker, memory, executor)
  }

  private func expectActions(
    _ linker: RuntimeDyld, _ memory: any MemoryManager, _ executor: any ExecutorProcessControl
  ) throws {
    let note = try #require(linker.symbol(named: "note")).address
    let notes = try #require(linker.symbol(named: "notes")).address
    func noted() throws -> String {
      String(decoding: try executor.read(64, at: notes).prefix { $0 != 0 }, as: UTF8.self)
    }
    func call(_ text: String) -> WrapperCall { WrapperCall(function: note, arguments: Array(text.utf8)) }
    let request = [SegmentRequest(protection: .read, contentByteCount: 1, byteCount: 1, alignment: 1)]
    do {
      let allocation = try memory.allocate(request).finalize(
        FinalizeWork(actions: [
          AllocationAction(finalize: call("a"), deallocate: call("x")),
          AllocationAction(finalize: nil, deallocate: call("y")),
          AllocationAction(finalize: call("b"), deallocate: nil),
          AllocationAction(finalize: call("c"), deallocate: call("z")),
        ]))
      #expect(allocation.segments.count == 1)
      #expect(try noted() == "abc")
    }
    #expect(try noted() == "abczyx")
    // What was done before the failure is undone.
    #expect(throws: MemoryError.self) {
      _ = try memory.allocate(request).finalize(
        FinalizeWork(actions: [
          AllocationAction(finalize: call("d"), deallocate: call("w")),
          AllocationAction(finalize: call("!"), deallocate: call("v")),
        ])
      ).segments
    }
    #expect(try noted() == "abczyxd!w")
  }

  // MARK: - Ends

  @Test(arguments: RealMachine.allCases)
  func `end with the programs that end them`(machine: RealMachine) throws {
    for (call, loss) in [
      ("exit(5)", ExecutorError.Loss.exited(status: 5)), ("_exit(6)", .exited(status: 6)),
      ("abort()", .killed(signal: SIGABRT)), ("raise(9)", .killed(signal: SIGKILL)),
    ] {
      let executor = try machine.start()
      let linker = try machine.link(
        "#include <stdlib.h>\n#include <unistd.h>\n#include <signal.h>\nint end(void) { \(call); return 0; }",
        on: executor)
      let end = try #require(linker.symbol(named: "end")).address
      #expect(throws: ExecutorError.lost(loss)) { try executor.run([FunctionCall(end)]) }
      #expect(throws: ExecutorError.lost(loss)) { try executor.runAsVoidFunction(end) }
      #expect(try executor.disconnect() == loss)
    }
  }

  /// What programs do that is hard on a process that others wait for.
  @Test(arguments: RealMachine.allCases)
  func `end as programs do by themselves`(machine: RealMachine) throws {
    for (name, source, status) in Self.endings {
      let executor = try machine.start()
      let object = try machine.compile(source, flags: ["-pthread"])
      let start = ContinuousClock.now
      let program = try Program(linking: [.object(object)], on: executor)
      #expect(try program.runToExit(arguments: ["program"]) == status, "\(name)")
      #expect(start.duration(to: .now) < .seconds(20), "\(name)")
    }
  }

  /// Programs with the statuses that they have as executables.
  private static let endings: [(name: String, source: String, status: Int32)] = [
    (
      "threads that run on",
      """
      #include <pthread.h>
      #include <unistd.h>
      static volatile int count;
      static void *loop(void *unused) { for (;;) count++; }
      int main(void) {
        pthread_t thread;
        for (int i = 0; i < 4; i++) pthread_create(&thread, 0, loop, 0);
        usleep(10000);
        return 7;
      }
      """, 7
    ),
    (
      "a child that exits",
      """
      #include <stdlib.h>
      #include <sys/wait.h>
      #include <unistd.h>
      int main(void) {
        int status = 0;
        if (fork() == 0) exit(3);
        wait(&status);
        return 10 + WEXITSTATUS(status);
      }
      """, 13
    ),
    (
      "a child that returns from main",
      """
      #include <stdio.h>
      #include <sys/wait.h>
      #include <unistd.h>
      int main(void) {
        int status = 0;
        if (fork() == 0) return 7;
        wait(&status);
        return 20 + WEXITSTATUS(status);
      }
      """, 27
    ),
    (
      "a handler that exits with another status",
      """
      #include <stdlib.h>
      static void handler(void) { exit(11); }
      int main(void) { atexit(handler); return 3; }
      """, 11
    ),
    (
      "a process that lives on",
      "#include <stdlib.h>\nint main(void) { return system(\"sleep 30 &\") == 0 ? 5 : 6; }", 5
    ),
    (
      "a handler with the status",
      """
      #define _GNU_SOURCE
      #include <stdlib.h>
      #include <unistd.h>
      static void handler(int status, void *unused) { _exit(status * 2); }
      int main(void) { on_exit(handler, 0); return 4; }
      """, 8
    ),
    (
      "an environment that a constructor changed",
      """
      #include <stdlib.h>
      #include <string.h>
      __attribute__((constructor)) static void first(void) { setenv("WELD_TEST_CONSTRUCTOR", "yes", 1); }
      int main(int argc, char **argv, char **environment) {
        for (; *environment; environment++) if (!strcmp(*environment, "WELD_TEST_CONSTRUCTOR=yes")) return 9;
        return 1;
      }
      """, 9
    ),
  ]

  /// An executor that is no child of this process, as far as its controller knows.
  private func startElsewhere() throws -> (SimpleRemoteEPC, Process) {
    var ends: [Int32] = [0, 0]
    socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "exec llvm-jitlink-executor-19 filedescs=5,6 5<&0 6>&1 >&2 </dev/null"]
    process.standardInput = FileHandle(fileDescriptor: ends[1])
    process.standardOutput = FileHandle(fileDescriptor: ends[1])
    _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
    try process.run()
    close(ends[1])
    return (try SimpleRemoteEPC(input: ends[0], output: ends[0]), process)
  }

  @Test func `a status comes over a network, too`() throws {
    for (name, source, status) in Self.endings where !source.contains("_exit") {
      let (executor, process) = try startElsewhere()
      let object = try RealMachine.x86_64.compile(source, flags: ["-pthread"])
      let program = try Program(linking: [.object(object)], on: executor)
      let start = ContinuousClock.now
      #expect(try program.runToExit(arguments: ["program"]) == status, "\(name)")
      #expect(start.duration(to: .now) < .seconds(20), "\(name)")
      process.waitUntilExit()
    }
  }

  @Test func `of two programs over a network, the one that exits says so`() throws {
    let (executor, process) = try startElsewhere()
    let object = try RealMachine.x86_64.compile(
      """
      #include <stdlib.h>
      #include <unistd.h>
      int main(int argc, char **argv) { usleep(1000 * atoi(argv[1])); if (argc > 2) exit(5); return 0; }
      """)
    let quick = Mutex<Int32?>(nil)
    let group = DispatchGroup()
    group.enter()
    Thread {
      let program = try? Program(linking: [.object(object)], on: executor)
      let status = try? program?.run(arguments: ["quick", "300"])
      quick.withLock { $0 = status }
      group.leave()
    }.start()
    let program = try Program(linking: [.object(object)], on: executor)
    #expect(try program.run(arguments: ["slow", "1000", "exit"]) == 5)
    group.wait()
    #expect(quick.withLock { $0 } == 0)
    process.waitUntilExit()
  }

  // MARK: - Many

  /// A program with constructors, destructors, exit handlers, exceptions' frame descriptions, and data.
  private static let program = """
    #include <stdlib.h>
    static int order[4], count;
    static int data[200000] = {1};
    __attribute__((constructor)) static void first(void) { order[count++] = 1; }
    __attribute__((destructor)) static void last(void) { data[1] = 3; }
    static void handler(void) { data[2] = 4; }
    int main(int argc, char **argv, char **environment) {
      atexit(handler);
      return environment[0] && order[0] == 1 && count == 1 && data[0] == 1 ? atoi(argv[1]) : 255;
    }
    """

  /// The accessible memory of `process`: how many mappings it has, and how many bytes.
  private func memory(of process: Int32, _ machine: RealMachine) throws -> (mappings: Int, byteCount: Int) {
    let file = try MappedFile.open("/proc/\(process)/maps")
    let text = String(decoding: file.span)
    // What is not accessible takes no memory: the C library reserves much of it for each thread. What is QEMU's own, which
    // keeps some for each program, lies far above the memory of the machine.
    let emulatorStart: UInt64 = machine == .x86_64 ? .max : 1 << 46
    let sizes = text.split(separator: "\n").filter { !$0.contains(" ---p ") }.compactMap { line -> Int? in
      let bounds = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt64($0, radix: 16) }
      return bounds[0] < emulatorStart ? Int(bounds[1] - bounds[0]) : nil
    }
    return (sizes.count, sizes.reduce(0, +))
  }

  @Test(arguments: RealMachine.allCases)
  func `are as they were after two hundred programs`(machine: RealMachine) throws {
    let executor = try machine.start()
    let object = try machine.compile(Self.program, flags: ["-fexceptions", "-fasynchronous-unwind-tables"])
    let process = try #require(executor.processIdentifier)
    func run(_ number: Int) throws {
      let program = try Program(linking: [.object(object)], on: executor)
      #expect(try program.run(arguments: ["program", String(number)]) == Int32(number))
    }
    // What is allocated once, and threads' stacks that are kept.
    for number in 0..<20 { try run(number) }
    let before = try memory(of: process, machine)
    for number in 0..<200 { try run(number) }
    let after = try memory(of: process, machine)
    // The C library keeps up to 40 MB of stacks of threads that are gone, and a heap for a few threads. Each
    // program has three mappings at least, and data of 0.8 MB.
    #expect(abs(after.mappings - before.mappings) < 100)
    #expect(abs(after.byteCount - before.byteCount) < 60 << 20)
    #expect(try executor.disconnect() == .exited(status: 0))
  }

  @Test(arguments: RealMachine.allCases)
  func `run programs of many threads at once`(machine: RealMachine) throws {
    let executor = try machine.start()
    let object = try machine.compile(Self.program)
    let results = Mutex<[Int32]>([])
    let group = DispatchGroup()
    for number in 0..<16 {
      group.enter()
      Thread {
        let program = try? Program(linking: [.object(object)], on: executor)
        let status = (try? program?.run(arguments: ["program", String(number)])) ?? -1
        results.withLock { $0.append(status) }
        group.leave()
      }.start()
    }
    group.wait()
    #expect(results.withLock { $0.sorted() } == Array(0..<16))
  }
}
