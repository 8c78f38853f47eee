import Weld

extension TargetTriple {
  /// The machine of `text`, which must be one that Weld links.
  static func linkedMachine(of text: String) throws(TargetError) -> Machine {
    guard let triple = TargetTriple(text) else {
      throw .unknown(architecture: String(text.prefix { $0 != "-" }), expected: linkedNames)
    }
    guard ImageLinker.canLink(triple.machine, triple.byteOrder) else {
      throw .notLinked(architecture: String(text.prefix { $0 != "-" }), expected: linkedNames)
    }
    return triple.machine
  }

  /// The usual names of the architectures that Weld links.
  private static var linkedNames: [String] {
    architecturesByName.filter { ImageLinker.canLink($0.machine, $0.byteOrder) }.map(\.text)
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
