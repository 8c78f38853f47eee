public import WeldBytes

/// What code is made for, as compilers spell it: `s390x-linux-gnu`, `powerpc64le-unknown-linux-gnu`.
public struct TargetTriple: Hashable, Sendable {
  /// The triple as it was given.
  public let text: String
  /// The machine that its first part names.
  public let machine: Machine
  /// The byte order that its first part names.
  public let byteOrder: ByteOrder

  /// The usual spellings of an architecture, the first of them LLVM's.
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

  /// Reads a triple; `nil` if its first part is no architecture that has a name here.
  public init?(_ text: String) {
    let name = String(text.prefix { $0 != "-" })
    guard let found = Self.architectures.first(where: { $0.names.contains(name) }) else { return nil }
    self.text = text
    machine = found.machine
    byteOrder = found.byteOrder
  }

  /// The triples that consist of an architecture alone, in its usual spelling.
  public static let architecturesByName: [TargetTriple] = architectures.compactMap {
    TargetTriple($0.names[0])
  }
}
