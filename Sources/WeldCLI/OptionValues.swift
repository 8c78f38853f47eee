import ArgumentParser
import Weld

/// `NAME=ADDR`, the address in decimal or, after `0x`, in hexadecimal digits.
struct AbsoluteSymbol: ExpressibleByArgument {
  var name: String
  var address: Address

  init?(argument: String) {
    guard let (name, text) = splitAtEquals(argument) else { return nil }
    let value = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
    guard let value else { return nil }
    self.name = name
    address = Address(rawValue: value)
  }
}

/// `NEW=OLD`.
struct AliasArgument: ExpressibleByArgument {
  var alias: Alias

  init?(argument: String) {
    guard let (new, old) = splitAtEquals(argument) else { return nil }
    alias = Alias(new, for: old)
  }
}

/// Both sides of the first `=`, neither of them empty.
private func splitAtEquals(_ text: String) -> (String, String)? {
  let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
  guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
  return (String(parts[0]), String(parts[1]))
}
