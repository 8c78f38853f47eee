import Testing
import WeldELF
import WeldLink

@Suite("s390x: what compilers make is linked")
struct S390XCompilerTests {
  static let ways: [CrossCompiler] = {
    var ways: [CrossCompiler] = []
    for isClang in [false, true] {
      for pic in ["-fPIC", "-fpic", "-fno-pic"] {
        func add(_ options: String...) {
          ways.append(CrossCompiler(machine: .s390x, isClang: isClang, options: options + [pic]))
        }
        for processor in ["z10", "z196", "zEC12", "z13", "z14", "z15", "z16"] {
          add("-O2", "-march=\(processor)")
        }
        for level in ["-O0", "-Os"] {
          for processor in ["z10", "z16"] { add(level, "-march=\(processor)") }
        }
      }
    }
    return ways
  }()

  @Test(arguments: ways)
  func `a program is linked`(way: CrossCompiler) throws {
    for relaxes in [true, false] { try way.program(relaxes: relaxes).expectConsistency() }
  }
}
