import Glibc
import Testing
import Weld

/// Paths of objects to link.
private enum Objects {
  static let folder =
    #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 } + "/TestObjects/x86_64/"
  static let libcrypto = "/usr/lib/x86_64-linux-gnu/libcrypto.a"

  static func inputs(_ names: [String]) throws(LinkError) -> [LinkInput] {
    var inputs: [LinkInput] = []
    for name in names { inputs.append(try LinkInput(path: folder + name)) }
    return inputs
  }
}

/// What a process has mapped, and how much of it is in memory.
private struct Footprint {
  /// The lines of `/proc/self/maps`.
  var mappings: Int
  /// Bytes in memory.
  var residentByteCount: Int

  private static func text(of path: String) throws -> String {
    let bytes = try MappedFile.open(path)
    return String(decoding: bytes.span)
  }

  static func now() throws -> Footprint {
    let mappings = try text(of: "/proc/self/maps").split(separator: "\n").count
    let sizes = try text(of: "/proc/self/statm").split(separator: " ")
    return Footprint(
      mappings: mappings,
      residentByteCount: (Int(sizes[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE)))
  }
}

/// Where the process has `name`.
private func processAddress(of name: String) -> UInt64 {
  guard let address = dlsym(nil, name) else { return 0 }
  return UInt64(UInt(bitPattern: address))
}

/// Why `linker` cannot finalize, if it cannot.
private func failure(of linker: RuntimeDyld) -> LinkError? {
  do {
    try linker.finalize()
    return nil
  } catch {
    return error
  }
}

@Suite("Programs in this process")
struct ProgramTests {
  @Test func `a program runs, and again when it is linked again`() async {
    await #expect(processExitsWith: .success) {
      for _ in 0..<3 {
        let program = try Program(linking: Objects.inputs(["sieve.o"]))
        guard try program.run(arguments: ["sieve", "100"]) == 0 else { exit(1) }
      }
    }
  }

  @Test func `exceptions pass through programs that come and go`() async {
    await #expect(processExitsWith: .success) {
      for _ in 0..<5 {
        let program = try Program(linking: Objects.inputs(["cxx/exceptions.o", "cxx/thrower.o"]))
        guard try program.run(arguments: ["exceptions"]) == 0 else { exit(1) }
      }
    }
  }

  @Test func `exit handlers and destructors run when main returns, not when the process ends`() async {
    await #expect(processExitsWith: .success) {
      // Without its memory, a handler that was left behind would be fatal at exit.
      _ = try Program(
        linking: Objects.inputs(["startup/constructors.o", "startup/old_style.o", "startup/objects.o"])
      ).run(arguments: ["program"])
    }
  }

  // In processes of their own: in this one, other tests may have taken the room near the C library.

  @Test func `a function is found by name, and the nearest name is suggested`() async {
    await #expect(processExitsWith: .success) {
      let program = try Program(linking: Objects.inputs(["sieve.o"]))
      guard try program.address(of: "main") != .zero else { exit(1) }
      do throws(ProgramError) {
        _ = try program.address(of: "mian")
        exit(2)
      } catch {
        guard error == .link(.notDefined(symbol: "mian", suggestions: ["main"])) else { exit(3) }
      }
    }
  }

  @Test func `objects that hold addresses in 32 bits go below 2 GiB, others near the C library`() async {
    await #expect(processExitsWith: .success) {
      let low = try Program(linking: Objects.inputs(["codemodel/gcc_small_nopic.o", "codemodel/sink.o"]))
      guard try low.address(of: "main").rawValue < 1 << 31 else { exit(1) }
      let near = try Program(linking: Objects.inputs(["sieve.o"]))
      let library = processAddress(of: "__libc_start_main")
      let distance = Int64(try near.address(of: "main").rawValue) - Int64(library)
      guard abs(distance) < 1 << 31 else { exit(2) }
    }
  }

  @Test func `far from the process, calls go through stubs and data through the GOT`() async {
    await #expect(processExitsWith: .success) {
      var options = Program.Options()
      options.placement = .at(Address(rawValue: 0x1000_0000_0000))
      let program = try Program(
        linking: Objects.inputs(["programs/standard_streams_pic.o"]), options: options)
      guard try program.run(arguments: ["streams"]) == 0 else { exit(1) }
    }
  }
}

@Suite("What is linked can be removed without a trace")
struct RemovalTests {
  @Test func `all of libcrypto, linked and removed 100 times, leaves the process as it was`() async {
    await #expect(processExitsWith: .success) {
      struct Anything: SymbolLookup {
        func lookup(_ names: [String]) -> [ResolvedSymbol?] {
          names.map { _ in ResolvedSymbol(address: Address(rawValue: processAddress(of: "abort"))) }
        }
      }
      let memory = try MappedMemory()
      func cycle() throws {
        let linker = RuntimeDyld(memory: memory, lookup: Anything())
        try linker.load(Archive(MappedFile.open(Objects.libcrypto), name: "libcrypto.a"))
        try linker.finalize()
        guard linker.symbol(named: "OPENSSL_version_major") != nil else { exit(2) }
      }
      // The first rounds fill the caches of the allocator.
      for _ in 0..<5 { try cycle() }
      let before = try Footprint.now()
      for _ in 0..<100 { try cycle() }
      let after = try Footprint.now()
      guard after.mappings <= before.mappings else { exit(3) }
      guard after.residentByteCount <= before.residentByteCount + 2 << 20 else { exit(4) }
    }
  }

  @Test func `a link that fails leaves nothing behind`() async {
    await #expect(processExitsWith: .success) {
      let memory = try MappedMemory()
      func cycle() throws {
        let linker = RuntimeDyld(memory: memory, lookup: AbsoluteSymbols())
        for input in try Objects.inputs(["sieve.o"]) {
          if case .object(let object) = input { try linker.load(object) }
        }
        // Nobody defines what the program takes from the C library.
        guard case .undefinedSymbols? = failure(of: linker) else { exit(2) }
      }
      for _ in 0..<5 { try cycle() }
      let before = try Footprint.now()
      for _ in 0..<200 { try cycle() }
      let after = try Footprint.now()
      guard after.mappings <= before.mappings else { exit(3) }
      guard after.residentByteCount <= before.residentByteCount + 1 << 20 else { exit(4) }
    }
  }
}
