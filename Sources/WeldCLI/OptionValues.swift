import ArgumentParser
import Weld

/// `NAME=ADDR`.
struct AbsoluteSymbol: ExpressibleByArgument {
  var name: String
  var address: Address

  init?(argument: String) {
    guard let (name, text) = splitAtEquals(argument), let value = number(text) else { return nil }
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

/// `FILE,SECTION=ADDR`, where the section's name may contain commas and equals signs.
struct SectionAddressArgument: ExpressibleByArgument {
  var place: SectionAddress

  init?(argument: String) {
    guard let comma = argument.firstIndex(of: ","), let equals = argument.lastIndex(of: "="), comma < equals,
      let value = number(argument[argument.index(after: equals)...])
    else { return nil }
    let section = argument[argument.index(after: comma)..<equals]
    guard !section.isEmpty else { return nil }
    place = SectionAddress(
      file: String(argument[..<comma]), section: String(section), address: Address(rawValue: value))
  }
}

/// An address.
struct AddressArgument: ExpressibleByArgument {
  var address: Address

  init?(argument: String) {
    guard let value = number(argument) else { return nil }
    address = Address(rawValue: value)
  }
}

/// A number of bytes, at least one.
struct ByteCountArgument: ExpressibleByArgument {
  var byteCount: Int

  init?(argument: String) {
    guard let value = number(argument), value > 0, let byteCount = Int(exactly: value) else { return nil }
    self.byteCount = byteCount
  }
}

/// A power of two, in bytes.
struct PageSizeArgument: ExpressibleByArgument {
  var byteCount: Int

  init?(argument: String) {
    guard let count = ByteCountArgument(argument: argument)?.byteCount, count & (count - 1) == 0 else {
      return nil
    }
    byteCount = count
  }
}

/// A number in decimal or, after `0x`, in hexadecimal digits.
private func number(_ text: some StringProtocol) -> UInt64? {
  let isHexadecimal = text.hasPrefix("0x")
  let digits = isHexadecimal ? text.dropFirst(2) : text[...]
  // A sign would be read, too.
  guard let first = digits.first, first != "+", first != "-" else { return nil }
  return UInt64(digits, radix: isHexadecimal ? 16 : 10)
}

/// Both sides of the first `=`, neither of them empty.
func splitAtEquals(_ text: String) -> (String, String)? {
  let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
  guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else { return nil }
  return (String(parts[0]), String(parts[1]))
}
