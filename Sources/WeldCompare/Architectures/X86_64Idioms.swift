internal import WeldBytes
internal import WeldELF
internal import WeldLink

enum X86_64Idioms: Idioms {
  typealias Target = X86_64

  static let wordRelocation = X86_64Relocation.R_X86_64_64.rawValue
  static let indirectRelocation = X86_64Relocation.R_X86_64_IRELATIVE.rawValue

  /// `jmp *slot(%rip)`, in lld's and GNU ld's stubs after `endbr64` or not.
  static func step(ofStub code: [UInt8], at address: UInt64, gotBase _: UInt64) -> StubStep? {
    let start = code.starts(with: [0xf3, 0x0f, 0x1e, 0xfa]) ? 4 : 0
    guard code.count >= start + 6, code[start...].starts(with: [0xff, 0x25]) else { return nil }
    let distance = Int32(truncatingIfNeeded: code.integer(at: start + 2, byteCount: 4, .little))
    return .word(at: address &+ UInt64(start) &+ 6 &+ UInt64(bitPattern: Int64(distance)))
  }

  /// Up to three bytes of opcode come before a field.
  static func instruction(at offset: Int, isCode: Bool, _ field: Range<Int>) -> Range<Int> {
    isCode ? max(field.lowerBound - 3, 0)..<field.upperBound : field
  }

  static func startOfInstruction(_ code: [UInt8], fieldAt offset: Int) -> Int {
    // An operand relative to %rip, behind an opcode of one byte or two, and prefixes.
    guard offset >= 2, code[offset - 1] & 0xc7 == 5 else { return max(offset - 1, 0) }
    var start = offset - 2
    if start >= 1, code[start - 1] == 0x0f { start -= 1 }
    if start >= 1, code[start - 1] & 0xf0 == 0x40 { start -= 1 }
    if start >= 1, [0x66, 0xf2, 0xf3].contains(code[start - 1]) { start -= 1 }
    return start
  }

  /// Loads from the GOT, and what they were made into.
  static func explain(_ place: Place) -> Explained? {
    guard case .slot(.address, from: .place) = place.rule.value, place.field.byteCount == 4, place.isCode,
      let our = X86_64Access(
        place.ours, place,
        { address in
          place.images.ours.slotBytes(at: address, count: 8)?.integer(at: 0, byteCount: 8, .little)
        }), let their = X86_64Access(place.theirs, place, place.images.theirs.word(at:)),
      our.address == their.address, our.register == their.register
    else { return nil }
    let bytes = max(place.offset - 3, 0)..<place.offset + 4
    let opcode = (our: place.ours[place.offset - 2], their: place.theirs[place.offset - 2])
    switch (our.form, their.form) {
    case (.slot, .slot) where opcode.our == opcode.their: return (.otherSlot, bytes)
    case (.address, .immediate) where opcode == (0x8d, 0xc7): return (.immediateMove, bytes)
    case (.address, .slot) where opcode == (0x8d, 0x8b): return (.notRewritten, bytes)
    default: return nil
    }
  }
}

/// What an instruction that once read a GOT slot has become.
private struct X86_64Access {
  enum Form { case slot, address, immediate }
  var form: Form
  /// The address that it loads, computes, compares with or branches to.
  var address: UInt64
  /// The register, from 0 to 15; nothing for branches.
  var register: UInt8?

  /// Looks at the instruction at a place; `nil` if it is none of these.
  ///
  /// - Parameter word: what the GOT has at an address.
  init?(_ code: [UInt8], _ place: Place, _ word: (UInt64) -> UInt64?) {
    let at = place.offset
    guard at >= 2, at + 4 <= code.count else { return nil }
    let opcode = code[at - 2]
    let modRM = code[at - 1]
    let rex = at >= 3 && code[at - 3] & 0xf0 == 0x40 ? code[at - 3] : 0
    let register = modRM >> 3 & 7 | (rex & 4) << 1
    let value = Self.signed(code, at: at)
    let next = place.P &+ 4
    switch opcode {
    case 0x8d where modRM & 0xc7 == 5: self.init(form: .address, address: value &+ next, register: register)
    case 0xc7, 0x81, 0xf7:
      guard modRM & 0xc0 == 0xc0 else { return nil }
      self.init(form: .immediate, address: value, register: modRM & 7 | (rex & 1) << 3)
    case 0x67 where modRM == 0xe8: self.init(form: .address, address: value &+ next, register: nil)
    case 0xe9:
      self.init(form: .address, address: Self.signed(code, at: at - 1) &+ next &- 1, register: nil)
    default:
      guard modRM & 0xc7 == 5, let content = word(value &+ next) else { return nil }
      self.init(form: .slot, address: content, register: opcode == 0xff ? nil : register)
    }
  }

  private init(form: Form, address: UInt64, register: UInt8?) {
    self.form = form
    self.address = address
    self.register = register
  }

  private static func signed(_ code: [UInt8], at offset: Int) -> UInt64 {
    let bits = code.integer(at: offset, byteCount: 4, .little)
    return UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: bits)))
  }
}
