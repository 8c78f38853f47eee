/// The relocation types of one machine. A case is called as the psABI calls the type.
public protocol RelocationType: RawRepresentable, CaseIterable, Hashable, Sendable where RawValue == UInt32 {}

extension RelocationType {
  /// The psABI's name, such as `R_X86_64_PC32`.
  public var name: String { String(describing: self) }
}

extension Machine {
  /// The psABI's name of a relocation type of this machine, or its number where the type or machine is
  /// unknown.
  public func relocationName(_ type: UInt32) -> String {
    let name =
      switch self {
      case .x86_64: X86_64Relocation(rawValue: type)?.name
      case .ppc64: PPC64Relocation(rawValue: type)?.name
      case .s390: S390XRelocation(rawValue: type)?.name
      default: nil as String?
      }
    return name ?? "relocation type \(type)"
  }
}
