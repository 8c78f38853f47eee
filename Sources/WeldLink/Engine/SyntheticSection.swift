/// Sections that the linker makes, under the names by which they are asked for and shown.
public enum SyntheticSection: String, CaseIterable, Sendable {
  /// The global offset table: 8-byte slots that hold addresses.
  case got = ".got"
  /// Stubs that jump to what is out of reach.
  case stubs = ".plt"
  /// Room for common symbols.
  case common = "<common symbols>"
}
