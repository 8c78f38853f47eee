/// Why an executable cannot be written.
public enum ExecutableError: Error, Equatable, Sendable {
  /// Two sections that share bytes of memory.
  case overlap(Place, Place)
  /// A section that does not end a page before the end of the address space.
  case outsideAddressSpace(Place)
  /// More parts of memory than a header can count.
  case tooManySegments(Int)

  /// A section and where it is.
  public struct Place: Equatable, Sendable {
    /// The section's name.
    public var section: String
    /// Its address.
    public var address: UInt64
    /// Bytes it takes.
    public var byteCount: UInt64

    /// A section of `byteCount` bytes at `address`.
    public init(section: String, address: UInt64, byteCount: UInt64) {
      self.section = section
      self.address = address
      self.byteCount = byteCount
    }
  }
}

extension ExecutableError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .overlap(let first, let second): "\(first) and \(second) overlap; place one of them elsewhere"
    case .outsideAddressSpace(let place): "\(place) reaches beyond the address space; place it lower"
    case .tooManySegments(let count):
      "\(count) separate parts of memory are more than an ELF header can count; place sections closer together"
    }
  }
}

extension ExecutableError.Place: CustomStringConvertible {
  /// `section 'name' of N bytes at 0xaddress`.
  public var description: String {
    "section '\(section)' of \(byteCount) bytes at 0x\(String(address, radix: 16))"
  }
}
