internal import WeldExecutor
internal import WeldCheck
internal import WeldELF

/// Another linker that may be installed.
public enum Peer: String, CaseIterable, Sendable {
  /// LLVM's static linker.
  case lld = "ld.lld"
  /// GNU binutils' static linker.
  case gnu = "ld"
  /// LLVM's JIT linker, in its test driver.
  case jitlink = "llvm-jitlink"
  /// LLVM's older JIT linker, in its test driver.
  case rtdyld = "llvm-rtdyld"

  /// Where the program is that links for `machine`; `nil` if there is none.
  ///
  /// LLVM's programs are looked for with a version in their names first: one without may belong to another
  /// tool chain and know fewer machines.
  func program(for machine: Machine) -> String? {
    switch self {
    case .lld, .jitlink, .rtdyld:
      let names = (14...30).reversed().map { "\(rawValue)-\($0)" } + [rawValue]
      return names.lazy.compactMap(ChildProcess.path(of:)).first
    case .gnu:
      guard let names = machine.gnuNames else { return nil }
      if let path = ChildProcess.path(of: "\(names.prefix)-ld") { return path }
      guard let path = ChildProcess.path(of: "ld"),
        let answer = try? ChildProcess.run([path, "-V"], timeLimit: .seconds(10), outputLimit: 1 << 16),
        String(decoding: answer.output, as: UTF8.self).split(whereSeparator: \.isWhitespace)
          .contains(Substring(names.emulation))
      else { return nil }
      return path
    }
  }
}

extension Machine {
  /// What GNU binutils call the machine: in front of the names of programs, and among the emulations of `ld`.
  fileprivate var gnuNames: (prefix: String, emulation: String)? {
    switch self {
    case .x86_64: ("x86_64-linux-gnu", "elf_x86_64")
    case .ppc64: ("powerpc64le-linux-gnu", "elf64lppc")
    case .s390: ("s390x-linux-gnu", "elf64_s390")
    default: nil
    }
  }
}
