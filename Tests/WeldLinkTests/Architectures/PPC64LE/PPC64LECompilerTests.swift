import Testing
import WeldELF
import WeldLink

@Suite("ppc64le: what compilers make is linked")
struct PPC64LECompilerTests {
  static let ways: [CrossCompiler] = {
    let processors = [[], ["-mcpu=power10"], ["-mcpu=power10", "-mno-pcrel"]]
    var ways: [CrossCompiler] = []
    for isClang in [false, true] {
      for pic in ["-fPIC", "-fno-pic"] {
        for processor in processors {
          func add(_ options: String...) {
            ways.append(
              CrossCompiler(machine: .ppc64le, isClang: isClang, options: options + [pic] + processor))
          }
          for model in ["small", "medium", "large"] { add("-O2", "-mcmodel=\(model)") }
          add("-O0")
          add("-Os")
        }
      }
    }
    return ways + [CrossCompiler(machine: .ppc64le, isClang: false, options: ["-O2", "-fPIC", "-fno-plt"])]
  }()

  @Test(arguments: ways)
  func `a program is linked`(way: CrossCompiler) throws {
    for relaxes in [true, false] { try way.program(relaxes: relaxes).expectConsistency() }
  }
}
