import Weld

/// The machine that a triple such as `s390x-linux-gnu` begins with.
enum TargetTriple {
  private struct Architecture {
    var names: [String]
    var machine: Machine
    var byteOrder: ByteOrder
  }

  private static let architectures = [
    Architecture(names: ["x86_64", "amd64"], machine: .x86_64, byteOrder: .little),
    Architecture(names: ["powerpc64le", "ppc64le", "ppc64el"], machine: .ppc64, byteOrder: .little),
    Architecture(names: ["powerpc64", "ppc64"], machine: .ppc64, byteOrder: .big),
    Architecture(names: ["s390x", "systemz"], machine: .s390, byteOrder: .big),
    Architecture(names: ["aarch64", "arm64"], machine: .aarch64, byteOrder: .little),
    Architecture(names: ["aarch64_be"], machine: .aarch64, byteOrder: .big),
    Architecture(names: ["riscv64"], machine: .riscv, byteOrder: .little),
    Architecture(names: ["i386", "i486", "i586", "i686"], machine: .i386, byteOrder: .little),
  ]

  /// The machine of `triple`, which must be one that Weld links.
  static func machine(of triple: String) throws(TargetError) -> Machine {
    let name = triple.prefix { $0 != "-" }
    guard let found = architectures.first(where: { $0.names.contains(String(name)) }) else {
      throw .unknown(architecture: String(name), expected: linked)
    }
    guard ImageLinker.canLink(found.machine, found.byteOrder) else {
      throw .notLinked(architecture: String(name), expected: linked)
    }
    return found.machine
  }

  /// The usual names of the architectures that Weld links.
  private static var linked: [String] {
    architectures.filter { ImageLinker.canLink($0.machine, $0.byteOrder) }.map { $0.names[0] }
  }
}

/// Why a target triple cannot be used.
enum TargetError: Error, CustomStringConvertible {
  /// A name that no machine has.
  case unknown(architecture: String, expected: [String])
  /// A machine that Weld does not link, or not in this byte order.
  case notLinked(architecture: String, expected: [String])

  var description: String {
    switch self {
    case .unknown(let name, let expected):
      "no architecture is called '\(name)'; expected \(expected.joined(separator: " or "))"
    case .notLinked(let name, let expected):
      "Weld does not link \(name); expected \(expected.joined(separator: " or "))"
    }
  }
}
