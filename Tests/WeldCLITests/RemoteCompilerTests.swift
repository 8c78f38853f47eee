import Testing

@Suite("weld run --executor: what compilers make runs")
struct RemoteCompilerTests {
  static let ways: [RemoteCompiler] = ppc64le + s390x + x86_64

  private static let ppc64le: [RemoteCompiler] = {
    var ways: [RemoteCompiler] = []
    for isClang in [false, true] {
      func add(_ options: String...) { ways += options.map { RemoteCompiler(.ppc64le, clang: isClang, $0) } }
      add("-O0", "-O1 -fPIC", "-O2", "-O3 -fPIC", "-Os", "-O2 -fPIE", "-O2 -fno-pic", "-Os -fno-pic")
      add("-O2 -mcmodel=small -fPIC", "-O0 -mcmodel=small -fno-pic", "-O2 -mcmodel=medium -fPIC")
      add("-O2 -mcmodel=large -fPIC", "-O2 -mcmodel=large -fno-pic", "-O0 -mcmodel=large")
      add("-O2 -mcpu=power9 -fPIC", "-O3 -mcpu=power9 -fno-pic")
      add("-O0 -mcpu=power10", "-O2 -mcpu=power10 -fPIC", "-O2 -mcpu=power10 -fno-pic", "-O3 -mcpu=power10")
      add("-Os -mcpu=power10 -fPIC", "-O2 -mcpu=power10 -mcmodel=large -fPIC")
      add("-O2 -g -ffunction-sections -fdata-sections -fPIC", "-O2 -fno-plt -fPIC")
    }
    // Without instructions that are relative to themselves, with calls that load their own slots, and with
    // numbers of IEEE's format instead of IBM's.
    return ways
      + [
        "-O2 -mcpu=power10 -mno-pcrel", "-O2 -mcpu=power10 -mno-prefixed -fPIC", "-O2 -mlongcall",
        "-O2 -mlongcall -mcpu=power10 -fPIC", "-O2 -mcpu=power9 -mabi=ieeelongdouble",
      ].map { RemoteCompiler(.ppc64le, $0) }
  }()

  private static let s390x: [RemoteCompiler] = {
    var ways: [RemoteCompiler] = []
    for isClang in [false, true] {
      func add(_ options: String...) { ways += options.map { RemoteCompiler(.s390x, clang: isClang, $0) } }
      add("-O0", "-O1 -fPIC", "-O2", "-O3 -fPIC", "-Os", "-O2 -fPIE", "-O2 -fno-pic", "-O0 -fno-pic")
      add(
        "-O2 -fpic", "-O2 -fno-plt -fPIC", "-O2 -march=z10 -fPIC", "-O0 -march=z10", "-O3 -march=z10 -fno-pic"
      )
      add("-O2 -march=z13 -fPIC", "-O0 -march=z14", "-O2 -march=z14 -fPIC", "-O3 -march=z14 -fno-pic")
      add("-O1 -march=z15", "-O3 -march=z15 -fPIC", "-Os -march=z15 -fPIC", "-O2 -march=z16 -fPIC")
      add("-O2 -g -ffunction-sections -fdata-sections -fPIC", "-O2 -mbackchain -fPIC")
    }
    // With branches through registers replaced by `exrl` of a branch in a section of its own, for processors
    // before z10, which know nothing relative but code and addresses, and with the smallest frames.
    return ways
      + [
        "-O2 -mindirect-branch=thunk -mfunction-return=thunk -fPIC",
        "-O2 -mindirect-branch=thunk -mfunction-return=thunk -march=z10",
        "-O2 -march=z900 -fPIC", "-O0 -march=z900",
      ].map { RemoteCompiler(.s390x, $0) }
  }()

  private static let x86_64: [RemoteCompiler] = [false, true].flatMap { isClang in
    [
      "-O0", "-O1 -fPIC", "-O2", "-O3 -fPIC", "-Os", "-O2 -mcmodel=large -fPIC", "-O2 -mcmodel=medium -fPIC",
      "-O2 -fno-plt -fPIC", "-O2 -march=x86-64-v2 -fPIC",
    ].map { RemoteCompiler(.x86_64, clang: isClang, $0) }
  }

  @Test func `there are sources`() { #expect(Chapters.sources.count > 10) }

  @Test(arguments: ways)
  func `a program prints the same however it was compiled, near the C library and far from it`(
    way: RemoteCompiler
  ) throws {
    let scratch = try Scratch()
    let objects = try Chapters.compile(with: way, in: scratch)
    for isFar in way.readsForeignDataThroughGOT ? [false, true] : [false] {
      try Chapters.expect(objects, on: way.machine, far: isFar, in: scratch)
    }
  }

  /// Ways of which objects are linked together: every second object is compiled in the second way.
  static let mixtures: [(RemoteCompiler, RemoteCompiler)] = [
    (RemoteCompiler(.ppc64le, "-O2 -fPIC"), RemoteCompiler(.ppc64le, clang: true, "-O2 -mcpu=power10")),
    (RemoteCompiler(.ppc64le, "-O1 -mcmodel=small"), RemoteCompiler(.ppc64le, "-O3 -mcpu=power10 -fPIC")),
    (
      RemoteCompiler(.ppc64le, clang: true, "-O2 -mcmodel=large"),
      RemoteCompiler(.ppc64le, "-Os -mcpu=power10 -fno-pic")
    ),
    (RemoteCompiler(.ppc64le, "-O2 -mlongcall"), RemoteCompiler(.ppc64le, clang: true, "-O0 -mcmodel=small")),
    (RemoteCompiler(.s390x, "-O2 -march=z10"), RemoteCompiler(.s390x, clang: true, "-O3 -march=z15 -fPIC")),
    (RemoteCompiler(.s390x, clang: true, "-O0"), RemoteCompiler(.s390x, "-O2 -march=z900 -fPIC")),
    (RemoteCompiler(.x86_64, "-O2"), RemoteCompiler(.x86_64, clang: true, "-O2 -mcmodel=large -fPIC")),
  ]

  @Test(arguments: mixtures)
  func `objects that were compiled in two ways call each other`(
    first: RemoteCompiler, second: RemoteCompiler
  ) throws {
    for isSwapped in [false, true] {
      let scratch = try Scratch()
      var objects: [String] = []
      for remainder in [0, 1] {
        let way = (remainder == 0) != isSwapped ? first : second
        let sources = Chapters.sources.enumerated().filter { $0.offset % 2 == remainder }.map(\.element)
        objects += try Chapters.compile(sources, with: way, in: scratch)
      }
      // Those of x86_64 read variables of the C library directly.
      try Chapters.expect(objects, on: first.machine, far: first.machine != .x86_64, in: scratch)
    }
  }
}
