internal import WeldBytes
internal import WeldELF
internal import WeldLink

enum S390XIdioms: Idioms {
  typealias Target = S390X

  static let wordRelocation = S390XRelocation.R_390_64.rawValue
  static let baseRelocation: UInt32? = S390XRelocation.R_390_GOTPCDBL.rawValue
  static let indirectRelocation = S390XRelocation.R_390_IRELATIVE.rawValue

  /// `larl %r1, slot; lg %r1, 0(%r1)` or `lgrl %r1, slot`.
  static func step(ofStub code: [UInt8], at address: UInt64, gotBase _: UInt64) -> StubStep? {
    guard code.count >= 8 else { return nil }
    let distance = Int64(Int32(truncatingIfNeeded: code.integer(at: 2, byteCount: 4, .big))) * 2
    let slot = address &+ UInt64(bitPattern: distance)
    if code.starts(with: [0xc4, 0x18]) { return .word(at: slot) }
    return code.starts(with: [0xc0, 0x10]) && code[6] == 0xe3 ? .word(at: slot) : nil
  }

  /// Opcode and registers come before a field.
  static func instruction(at offset: Int, isCode: Bool, _ field: Range<Int>) -> Range<Int> {
    isCode ? max(field.lowerBound - 2, 0)..<field.upperBound : field
  }

  static func startOfInstruction(_: [UInt8], fieldAt offset: Int) -> Int { max(offset - 2, 0) & ~1 }

  static func explain(_ place: Place) -> Explained? { nil }
}
