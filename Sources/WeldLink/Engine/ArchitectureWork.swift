public import WeldELF

/// Work that is the same for every machine and is compiled for each.
protocol ArchitectureWork: ~Copyable {
  associatedtype Result
  mutating func run<A: Architecture>(for architecture: A.Type) throws(LinkError) -> Result
}

extension ArchitectureWork where Self: ~Copyable {
  /// Does the work for `machine`: the one place where machines are told apart.
  ///
  /// - Parameter file: what the error for an unknown machine calls the file; put together only then.
  mutating func run(for machine: Machine, file: @autoclosure () -> String) throws(LinkError) -> Result {
    switch machine {
    case .x86_64: try run(for: X86_64.self)
    case .ppc64: try run(for: PPC64LE.self)
    case .s390: try run(for: S390X.self)
    default: throw LinkError.unsupportedMachine(file: file(), machine: machine)
    }
  }
}

extension RelocationReference {
  /// The machines that Weld links.
  public static let machines: [Machine] = [.x86_64, .ppc64, .s390]
}

extension Machine {
  /// What Weld links for, as errors say it.
  static let linkedNames = "x86_64, ppc64le or s390x"
}
