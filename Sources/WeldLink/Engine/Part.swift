/// A part of a value, for instructions whose fields hold no whole address: what the Power ELFv2 ABI calls
/// `#lo`, `#ha` and so on (section 3.5.1).
public enum Part: String, Equatable, Sendable {
  case whole = ""
  /// Bits 0 to 15.
  case lo = "#lo"
  /// Bits 16 to 31 of a value of 32 bits.
  case hi = "#hi"
  /// The same, adjusted for a ``lo`` that is sign-extended.
  case ha = "#ha"
  /// Bits 16 to 31 of any value.
  case high = "#high"
  /// The same, adjusted.
  case higha = "#higha"
  /// Bits 32 to 47.
  case higher = "#higher"
  case highera = "#highera"
  /// Bits 48 to 63.
  case highest = "#highest"
  case highesta = "#highesta"
  /// Bits 0 to 33.
  case lo34 = "#lo34"
  /// Bits 34 to 63.
  case hi30 = "#hi30"
  /// The same, adjusted for a ``lo34`` that is sign-extended.
  case ha30 = "#ha30"
  /// Bits 34 to 49.
  case higher34 = "#higher34"
  case highera34 = "#highera34"
  /// Bits 50 to 63.
  case highest34 = "#highest34"
  case highesta34 = "#highesta34"

  /// The field for this part of values instead of whole ones.
  func of(_ field: Field) -> Field {
    var field = field
    field.bias = bias
    field.shift += shift
    if field.secondMask != 0 { field.secondShift += shift }
    switch self {
    case .whole: break
    case .hi: field.range = -0x8000_0000...0x7fff_ffff
    // The value plus 0x8000 has 32 bits.
    case .ha: field.range = -0x8000_8000...0x7fff_7fff
    default: field.range = .min ... .max
    }
    return field
  }

  /// What is added before the shift.
  private var bias: Int64 {
    switch self {
    case .ha, .higha, .highera, .highesta: 0x8000
    case .ha30, .highera34, .highesta34: 1 << 33
    case .whole, .lo, .hi, .high, .higher, .highest, .lo34, .hi30, .higher34, .highest34: 0
    }
  }

  /// How far the value is shifted to the right.
  private var shift: Int8 {
    switch self {
    case .whole, .lo, .lo34: 0
    case .hi, .ha, .high, .higha: 16
    case .higher, .highera: 32
    case .highest, .highesta: 48
    case .hi30, .ha30, .higher34, .highera34: 34
    case .highest34, .highesta34: 50
    }
  }
}
